"""What the test of taking in posts on a site with ERPNext, and the books as its reports show them. Called by dotted name."""

import frappe
from frappe.utils import flt, nowdate


def post() -> None:
	"""Goods that come in and go out, and a journal entry: they move stock and accounts."""
	company = frappe.get_all("Company", pluck="name", limit=1)[0]
	warehouse = frappe.get_all(
		"Warehouse", {"company": company, "is_group": 0, "warehouse_name": ("like", "%Stores%")}, pluck="name"
	)[0]
	item = frappe.get_doc(
		{
			"doctype": "Item",
			"item_code": "Cement",
			"item_group": frappe.get_all("Item Group", {"is_group": 0}, pluck="name", limit=1)[0],
			"stock_uom": "Nos",
			"is_stock_item": 1,
		}
	).insert(ignore_permissions=True)
	for kind, quantity in (("Material Receipt", 120), ("Material Issue", 45)):
		side = "t_warehouse" if kind == "Material Receipt" else "s_warehouse"
		row = {"item_code": item.name, "qty": quantity, "basic_rate": 7.35, side: warehouse}
		entry = frappe.get_doc(
			{"doctype": "Stock Entry", "stock_entry_type": kind, "company": company, "items": [row]}
		)
		entry.insert(ignore_permissions=True).submit()
	accounts = frappe.get_all(
		"Account",
		{"company": company, "is_group": 0, "account_type": ("in", ("Cash", "Bank"))},
		pluck="name",
		order_by="name",
	) + frappe.get_all(
		"Account",
		{"company": company, "is_group": 0, "root_type": "Equity"},
		pluck="name",
		order_by="name",
	)
	rows = [
		{"account": accounts[0], "debit_in_account_currency": 9000.5},
		{"account": accounts[-1], "credit_in_account_currency": 9000.5},
	]
	entry = frappe.get_doc(
		{"doctype": "Journal Entry", "company": company, "posting_date": nowdate(), "accounts": rows}
	)
	entry.insert(ignore_permissions=True).submit()


def books() -> dict:
	"""Trial balance and stock ledger as ERPNext's own reports have them."""
	from erpnext.accounts.report.trial_balance import trial_balance
	from erpnext.accounts.utils import get_fiscal_year
	from erpnext.stock.report.stock_ledger import stock_ledger

	company = frappe.get_all("Company", pluck="name", limit=1)[0]
	year, begins, ends = get_fiscal_year(nowdate(), company=company)
	dates = {"company": company, "from_date": begins, "to_date": ends}
	filters = frappe._dict(
		dates, fiscal_year=year, with_period_closing_entry_for_opening=1, show_zero_values=1
	)
	_columns, balance = trial_balance.execute(filters)[:2]
	_columns, ledger = stock_ledger.execute(frappe._dict(dates))[:2]
	numbers = ("opening_debit", "opening_credit", "debit", "credit", "closing_debit", "closing_credit")
	return {
		"trial_balance": [
			[row.get("account"), *(flt(row.get(number), 2) for number in numbers)] for row in balance if row
		],
		"stock_ledger": [
			[
				row.get("voucher_no"),
				row.get("item_code"),
				flt(row.get("actual_qty")),
				flt(row.get("stock_value"), 2),
			]
			for row in ledger
		],
	}
