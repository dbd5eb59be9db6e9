"""The names of tenants' sites under the base domain: their records in the DNS, and with which certificate they are served."""

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import host_names, issuing, records, settings
from buildpro_saas.domains.proxy_spec import LEADS, wildcard_folder
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.tenant_status import WITH_SITE

CNAME = "CNAME"


def ensure_record(tenant: str, site: str, bench: str) -> frappe._dict:
	"""FIELDS of the Site Domain of the tenant's own name, made where it has none, or renamed to the site's. The caller commits."""
	row = records.own_of(tenant)
	if row and row.host == site:
		return row
	if row:
		records.remove(row.name)
	if (there := records.held(site)) and there.tenant != tenant:
		raise AgentError(
			_("The name {0} is on record as the tenant {1}'s.").format(site, there.tenant),
			_("Remove it there, then press Retry."),
		)
	values = {"kind": records.OWN, "serves": records.SERVES, "state": records.WAITING, "asked_by": ""}
	name = records.make(
		host=site,
		shown=host_names.shown(site),
		tenant=tenant,
		bench=bench,
		is_primary=int(not _has_primary(tenant)),
		**values,
	)
	return records.get(name)


def _has_primary(tenant: str) -> bool:
	return any(row.is_primary for row in records.of_tenant(tenant))


def ensure_dns(row, bench: dict) -> str:
	"""Have the DNS lead the own name (records.FIELDS) to the bench (its fields): by a record of its own, or a wildcard's. Returns a sentence.

	Repeatable. What is not ours is left alone. Raises AgentError where it is in the way, and what the provider says (TransientError).
	"""
	domain = row.host.partition(".")[2]
	provider = settings.default_provider(domain)
	if not provider:
		return _("No DNS provider is set: records are made by hand")
	name = row.host if settings.has_record_each() else f"*.{domain}"
	mark = issuing.mark_of(bench["name"])
	made = []
	for kind, values in _wanted(bench).items():
		provider.ensure(name, kind, values, mark)
		made.append(f"{name} {kind} {' '.join(values)}")
	told = "; ".join(made)
	records.change(row.name, dns_record=told[:255] if settings.has_record_each() else "")
	return told


def _wanted(bench: dict) -> dict[str, list[str]]:
	"""{kind: values} that lead to the bench."""
	addresses = settings.addresses_of(bench)
	wanted = {
		"A": [address for address in addresses if ":" not in address],
		"AAAA": [address for address in addresses if ":" in address],
	}
	wanted = {kind: values for kind, values in wanted.items() if values}
	if not wanted and (target := settings.cname_target(bench)):
		wanted = {CNAME: [target]}
	if not wanted:
		raise AgentError(
			_("It is not on record to which addresses names of the bench {0} lead.").format(bench["name"]),
			_("Enter its public addresses in the Bench's record, then press Retry."),
		)
	return wanted


def withdraw_dns(row, bench: str) -> str:
	"""Take the own name's record away, where we have made one; returns a sentence, or "". Repeatable."""
	if not row.dns_record:
		return ""
	provider = settings.default_provider(row.host.partition(".")[2])
	if not provider:
		return _("No DNS provider is set any more: {0} stays").format(row.dns_record)
	for each in row.dns_record.split("; "):
		_name, kind, _values = each.split(" ", 2)
		provider.withdraw(row.host, kind, issuing.mark_of(bench))
	told = row.dns_record
	frappe.db.set_value(records.DOMAIN, row.name, "dns_record", "")
	return told


def ensure_certificate_record(row, bench: dict) -> str:
	"""The record's name of the Site Certificate with which the own name is served. The caller commits.

	The wildcard's, where a DNS provider can prove the base domain or somebody has uploaded one; else one of the name's own.
	"""
	domain = row.host.partition(".")[2]
	folder = wildcard_folder(domain)
	wildcard = records.certificate_for(bench["name"], folder)
	if not wildcard and settings.provider_for(domain):
		return records.note_certificate(bench["name"], folder, [f"*.{domain}"], None)
	if wildcard:
		return wildcard.name
	return records.note_certificate(bench["name"], issuing.folder_of(row.host), [row.host], row.tenant)


def adopt_missing(bench: str) -> list[str]:
	"""Give the own names of tenants a record where they have none: the bench's proxy was not ours before. Returns the records. Commits."""
	of = {"bench": bench, "status": ("in", WITH_SITE), "site": ("is", "set")}
	known = set(
		frappe.get_all(
			records.DOMAIN,
			{"bench": bench, "kind": records.OWN, "state": ("!=", records.REMOVED)},
			pluck="host",
		)
	)
	made = []
	for tenant in frappe.get_all("Tenant", of, ["name", "site"]):
		if tenant.site not in known:
			made.append(ensure_record(tenant.name, tenant.site, bench).name)
			frappe.db.commit()
	return made


def withdraw_left() -> None:
	"""Every ten minutes, on the admin site: take away the DNS records of names that nobody has any more, and that lead nowhere."""
	if not site_role.is_admin_site():
		return
	of = {"kind": records.OWN, "state": records.REMOVED, "dns_record": ("is", "set")}
	for row in frappe.get_all(records.DOMAIN, of, records.FIELDS):
		leads = {"site": row.host, "status": LEADS}
		if not records.held(row.host) and not frappe.db.exists("Former Name", leads):
			lifecycle.shielded(_withdraw, row)


def remove_left_certificates() -> None:
	"""Every ten minutes, on the admin site: remove certificates of tenants' names from benches where nobody has the name any more."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		of = {"bench": bench, "tenant": ("is", "set"), "status": ("!=", records.REMOVED)}
		for row in frappe.get_all(records.CERTIFICATE, of, ["name", "folder", "bench"]):
			if not frappe.db.exists(
				records.DOMAIN, {"certificate": row.name, "state": ("!=", records.REMOVED)}
			):
				lifecycle.shielded(_remove_certificate, row)


def _remove_certificate(row) -> None:
	frappe.db.get_value(records.CERTIFICATE, row.name, "name", for_update=True)
	if frappe.db.get_value(
		records.DOMAIN, {"certificate": row.name, "claim": ("is", "set")}, for_update=True
	):
		return  # a job has just taken it for a name
	door_of(row.bench).do("remove_certificate", certificate=row.folder)
	frappe.db.set_value(records.CERTIFICATE, row.name, {"status": records.REMOVED, "next_try": None})
	frappe.db.commit()


def _withdraw(row) -> None:
	withdraw_dns(row, row.bench)
	frappe.db.commit()
