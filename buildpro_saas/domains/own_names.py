"""The names of tenants' sites under the base domain: their records in the DNS, and with which certificate they are served."""

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import host_names, issuing, records, settings
from buildpro_saas.domains.proxy_spec import LEADS, wildcard_folder
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.tenant_status import WITH_SITE

CNAME = "CNAME"


def ensure_record(tenant: str, site: str, bench: str) -> frappe._dict:
	"""FIELDS of the Site Domain of the tenant's own name, made where it has none, or renamed to the site's. The caller commits."""
	row = records.own_of(tenant)
	if row and row.host == site:
		return row
	if row:
		records.remove(row.name)
	if there := records.held(site):
		return _if_its_own(there, tenant)
	values = {"kind": records.OWN, "serves": records.SERVES, "state": records.WAITING, "asked_by": ""}
	values |= {"tenant": tenant, "bench": bench, "is_primary": int(not _has_primary(tenant))}
	try:
		return records.get(records.make(host=site, shown=host_names.shown(site), **values))
	except frappe.UniqueValidationError:  # somebody else has made it meanwhile: the scheduler's minute, say
		frappe.clear_last_message()
		return _if_its_own(records.held(site, for_update=True), tenant)


def _if_its_own(row, tenant: str) -> frappe._dict:
	if row.tenant == tenant and row.kind == records.OWN:
		return row
	raise AgentError(
		_("The name {0} is on record as the tenant {1}'s.").format(row.host, row.tenant),
		_("Remove it there, then press Retry."),
	)


def _has_primary(tenant: str) -> bool:
	return any(row.is_primary for row in records.of_tenant(tenant))


def ensure_dns(row, bench: dict) -> str:
	"""Have the DNS lead the own name (records.FIELDS) to the bench (its fields): by a record of its own, or a wildcard's. Returns a sentence.

	Repeatable. What is not ours is left alone. Raises AgentError where it is in the way, and what the provider says (TransientError).
	"""
	provider = settings.default_provider(domain_of(row.host))
	if not provider:
		return _("No DNS provider is set: records are made by hand")
	name = record_name(row.host)
	mark = issuing.mark_of(bench["name"])
	made = []
	for kind, values in leading_here(bench).items():
		provider.ensure(name, kind, values, mark)
		made.append(f"{name} {kind} {' '.join(values)}")
	told = "; ".join(made)
	if name == row.host:
		# also of a name that somebody has removed meanwhile: what is on record is taken away again (withdraw_left)
		frappe.db.set_value(records.DOMAIN, row.name, "dns_record", told[:255])
	return told


def domain_of(host: str) -> str:
	"""The base domain of an own name."""
	return host.partition(".")[2]


def record_name(host: str) -> str:
	"""The name at which the DNS has the record that leads an own name here: its own, or the wildcard's."""
	return host if settings.has_record_each() else f"*.{domain_of(host)}"


def leading_here(bench: dict) -> dict[str, list[str]]:
	"""{kind: values} of records that lead to the bench (its fields). Raises AgentError where none is on record."""
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
	provider = settings.default_provider(domain_of(row.host))
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
	domain = domain_of(row.host)
	folder = wildcard_folder(domain)
	wildcard = records.certificate_for(bench["name"], folder)
	if not wildcard and settings.provider_for(domain):
		return records.note_certificate(bench["name"], folder, [f"*.{domain}"], None)
	if wildcard:
		return wildcard.name
	return records.note_certificate(bench["name"], issuing.folder_of(row.host), [row.host], row.tenant)


def adopt_missing(bench: str) -> list[str]:
	"""Give the own names of tenants a record where they have none: the bench's proxy was not ours before. Returns the records. Commits."""
	made = []
	for tenant in without_record(bench):
		if not taken_by(tenant.name, tenant.site):
			made.append(ensure_record(tenant.name, tenant.site, bench).name)
			frappe.db.commit()
	return made


def without_record(bench: str) -> list[frappe._dict]:
	"""[name, site] of the tenants of the Bench whose own name is not on record as theirs."""
	of = {"bench": bench, "status": ("in", WITH_SITE), "site": ("is", "set")}
	held = {"bench": bench, "kind": records.OWN, "state": ("!=", records.REMOVED)}
	known = {(row.tenant, row.host) for row in frappe.get_all(records.DOMAIN, held, ["tenant", "host"])}
	return [
		row for row in frappe.get_all("Tenant", of, ["name", "site"]) if (row.name, row.site) not in known
	]


def taken_by(tenant: str, site: str) -> str:
	"""The tenant that has the name of the tenant's site on record: another one, or itself as a name that it has brought; empty for none.

	zone_drift.py reports it.
	"""
	there = records.held(site)
	return there.tenant if there and (there.tenant, there.kind) != (tenant, records.OWN) else ""


def withdraw_left() -> None:
	"""Every ten minutes, on the admin site: take away the DNS records of names that nobody has any more, and that lead nowhere."""
	if not site_role.is_admin_site():
		return
	of = {"kind": records.OWN, "state": records.REMOVED, "dns_record": ("is", "set")}
	for row in frappe.get_all(records.DOMAIN, of, records.FIELDS):
		if not records.held(row.host) and not leads(row.host):
			lifecycle.shielded(_withdraw, row)


def leads(host: str) -> bool:
	"""Whether it is a former name, under which visitors are still sent on."""
	return bool(frappe.db.exists("Former Name", {"site": host, "status": LEADS}))


def has_site(bench: str, host: str) -> bool:
	"""Whether the bench has a site of that name, whatever the records say: those of an older backup do not know their newest tenants."""
	return host in door_of(bench).do("site_names")


def remove_left_certificates() -> None:
	"""Every ten minutes, on the admin site: remove certificates of tenants' names from benches where nobody has the name any more."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		of = {"bench": bench, "tenant": ("is", "set"), "status": ("!=", records.REMOVED)}
		for row in frappe.get_all(records.CERTIFICATE, of, ["name", "folder", "bench", "names"]):
			is_used = {"certificate": row.name, "state": ("!=", records.REMOVED)}
			if not frappe.db.exists(records.DOMAIN, is_used) and not any(map(leads, issuing.names_of(row))):
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
	if is_reached(row.bench) and has_site(row.bench, row.host):
		return  # somebody's it is, though not on record (zone_drift.py reports it)
	# nobody gets the name until it is done: whose record it would be, is decided by then
	if not records.held(row.host, for_update=True):
		withdraw_dns(row, row.bench)
	frappe.db.commit()
