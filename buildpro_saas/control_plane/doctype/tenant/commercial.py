"""What staff agree with a tenant: trial, scheduled change, version, add-ons and overrides. Checked when it is entered."""

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from buildpro_saas import tenant_status
from buildpro_saas.control_plane.access.row_checks import check_name, check_number
from buildpro_saas.control_plane.doctype.tenant import validation
from buildpro_saas.datetimes import epoch, parse
from buildpro_saas.entitlements import terms
from buildpro_saas.licensing.entitlement_sources import FIELDS, TABLES, terms_of
from buildpro_saas.refusal import refuse

DATES = ("trial_ends_on", "next_plan_on", "starts_on", "ends_on")
SHOWN = "%Y-%m-%d %H:%M"
PAIRS = (("trial_ends_on", "plan_after_trial"), ("next_plan", "next_plan_on"))
# The fields of a row that were agreed. The server writes the others.
AGREED = {
	"addons": ("addon", "quantity", "starts_on", "ends_on", "reason"),
	"overrides": (
		*("kind", "feature", "access", "limit_key", "value", "is_hard"),
		*("starts_on", "ends_on", "reason"),
	),
}


def check(tenant) -> None:
	"""Check what was agreed, and record who granted each new or changed row, and when.

	Raises frappe.ValidationError with what to change.
	"""
	before = tenant.get_doc_before_save()
	_let_go_of_the_past(tenant, before)
	_end_trial_of_another_plan(tenant, before)
	for field in ("trial_ends_on", "next_plan_on"):
		tenant.set(field, parse(tenant.get(field), _label(tenant, field)))
		if tenant.get(field) and is_changed(tenant, before, field) and tenant.get(field) <= now_datetime():
			refuse(_("{0} must be in the future."), _label(tenant, field), title=_label(tenant, field))
	for pair in PAIRS:
		if missing := [field for field in pair if not tenant.get(field)]:
			if len(missing) == 1:
				refuse(
					_("{0} and {1} go together: enter both, or neither."),
					*(_label(tenant, field) for field in pair),
					title=_label(tenant, missing[0]),
				)
	_check_plans(tenant, before)
	_check_version(tenant, before)
	for table in TABLES:
		_check_rows(tenant, before, table)


def is_changed(tenant, before, field: str) -> bool:
	"""Whether the field has another value than before. For a new document: whether it is filled."""
	return _plain(field, tenant.get(field)) != _plain(field, before.get(field) if before else None)


def are_terms_changed(tenant) -> bool:
	"""Whether what the tenant may use was changed by the save that is under way."""
	before = tenant.get_doc_before_save()
	return any(is_changed(tenant, before, field) for field in FIELDS) or any(
		_agreed(tenant.get(table), table) != _agreed(before.get(table) if before else (), table)
		for table in TABLES
	)


def settle(tenant) -> str | None:
	"""Change plan and dates to what is in force now. Returns what happened, or None when no date has come. Saves nothing."""
	agreed = terms_of(tenant)
	found = terms.settled(agreed, epoch(now_datetime()))
	if found == agreed:
		return None
	if found.plan != tenant.plan:
		tenant.plan_version = None
	if agreed.after_trial and not found.after_trial:
		tenant.trial_ends_on = tenant.plan_after_trial = None
	if agreed.next_plan and not found.next_plan:
		tenant.next_plan = tenant.next_plan_on = None
	text = (
		_("went from {0} to {1}, as was agreed") if found.plan != tenant.plan else _("ended its trial of {0}")
	)
	text = text.format(*map(frappe.utils.escape_html, (tenant.plan, found.plan)))
	tenant.plan = found.plan
	return text


def describe(tenant) -> str:
	"""The plans that the tenant has and will have, with their dates in this site's time zone."""
	parts = [
		_("{0} on trial until {1}").format(tenant.plan, get_datetime(tenant.trial_ends_on).strftime(SHOWN))
		if tenant.trial_ends_on
		else tenant.plan
	]
	for period in terms.periods(terms_of(tenant))[1:]:
		is_next = period.begins == epoch(tenant.next_plan_on)
		begins = tenant.next_plan_on if is_next else tenant.trial_ends_on
		parts.append(_("{0} from {1}").format(period.plan, get_datetime(begins).strftime(SHOWN)))
	return ", ".join(parts)


def _let_go_of_the_past(tenant, before) -> None:
	"""Drop an agreed change whose date has passed, when staff change the plan before the record has followed it.

	They mean what they enter.
	"""
	if not before or not is_changed(tenant, before, "plan"):
		return
	for date, plan in (("trial_ends_on", "plan_after_trial"), ("next_plan_on", "next_plan")):
		if (
			before.get(date)
			and not is_changed(tenant, before, date)
			and get_datetime(before.get(date)) <= now_datetime()
		):
			tenant.update({date: None, plan: None})


def _end_trial_of_another_plan(tenant, before) -> None:
	"""End a trial when staff enter another plan during it, and nothing else: the customer has bought that plan and must keep it.

	To agree on a trial of the new plan, staff also change the date or the plan after it, or use set_plan.
	"""
	pair = ("trial_ends_on", "plan_after_trial")
	if not before or tenant.flags.has_new_trial or not all(before.get(field) for field in pair):
		return
	if is_changed(tenant, before, "plan") and not any(is_changed(tenant, before, field) for field in pair):
		tenant.update(dict.fromkeys(pair))
		frappe.msgprint(
			_("{0} follows {1}, whose trial ends now: {2} does not come after it any more.").format(
				*map(frappe.utils.escape_html, (tenant.plan, before.plan, before.plan_after_trial))
			),
			title=_("The trial is over"),
		)


def _check_plans(tenant, before) -> None:
	"""Check plans that are chosen now: each must be on offer, and the tenant's site must have its apps."""
	has_site = tenant.status in tenant_status.WITH_SITE
	fields = ("plan", "plan_after_trial", "next_plan") if has_site else ("plan_after_trial", "next_plan")
	for field in fields:
		if tenant.get(field) and is_changed(tenant, before, field):
			validation.check_plan_for_site(tenant, field)


def _check_version(tenant, before) -> None:
	if not tenant.plan_version:
		return
	of_plan = frappe.db.get_value("Plan Version", tenant.plan_version, "plan")
	if of_plan == tenant.plan:
		return
	if not is_changed(tenant, before, "plan_version"):
		tenant.plan_version = None  # the plan was changed: the new one is followed
		return
	refuse(
		_("{0} is no version of {1}: choose one of that plan, or leave it empty to follow the plan."),
		tenant.plan_version,
		tenant.plan,
		title=_label(tenant, "plan_version"),
	)


def _check_rows(tenant, before, table: str) -> None:
	known = {row.name: row for row in (before.get(table) if before else ())}
	for row in tenant.get(table):
		old = known.get(row.name)
		row.fill_defaults()
		_check_row(row, table)
		if old and _agreed([old], table) == _agreed([row], table):
			row.granted_by, row.granted_on = old.granted_by, old.granted_on
			continue
		row.granted_by, row.granted_on = frappe.session.user, now_datetime()
		if table == "addons" and not (old and old.addon == row.addon):
			_check_sold(row)


def _check_row(row, table: str) -> None:
	title = _("Row {0} of {1}").format(row.idx, _(row.doctype))
	row.reason = (row.reason or "").strip()
	if not row.reason:
		refuse(_("{0}: enter the reason, since the record needs to know why."), title, title=title)
	for field in ("starts_on", "ends_on"):
		row.set(field, parse(row.get(field), title))
	if row.starts_on and row.ends_on and row.ends_on <= row.starts_on:
		refuse(_("{0}: it must end after it begins."), title, title=title)
	if table == "overrides":
		_check_override(row, title)
	elif cint(row.quantity) < 1:
		refuse(_("{0}: the quantity must be 1 or more."), title, title=title)
	else:
		row.quantity = check_number(row.quantity, 1, _("{0}: the quantity").format(title))


def _check_override(row, title: str) -> None:
	"""Empty the fields of the other kind: an override is about a feature or a limit."""
	if row.kind == "Limit":
		row.feature = row.access = None
		row.limit_key = check_name(row.limit_key, _("limit"))
		if cint(row.value) < 0:
			refuse(_("{0}: a limit cannot be below 0."), title, title=title)
		row.value = check_number(row.value, 0, _("{0}: the limit").format(title))
		return
	row.kind, row.access = "Feature", row.access or "Grant"
	row.limit_key, row.value, row.is_hard = None, 0, 0
	if not row.feature:
		refuse(_("{0}: choose the feature."), title, title=title)


def _check_sold(row) -> None:
	if not frappe.db.get_value("Add-on", row.addon, "is_active"):
		refuse(
			_("The add-on {0} is not sold: choose another one, or activate it."), row.addon, title=_("Add-on")
		)


def _agreed(rows, table: str) -> list[tuple]:
	"""What was agreed, in a form that can be compared, whatever the order of the rows."""
	return sorted(
		(tuple(repr(_plain(field, row.get(field))) for field in AGREED[table]) for row in rows or ()),
	)


def _plain(field: str, value) -> object:
	if field in DATES:
		return get_datetime(value).replace(second=0, microsecond=0) if value else None
	if field in ("quantity", "value", "is_hard"):
		return cint(value)
	return value or None


def _label(tenant, field: str) -> str:
	return _(tenant.meta.get_label(field))
