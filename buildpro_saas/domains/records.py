"""The records of host names and certificates: what they are called, how they are found and written. Site Domain, Site Certificate."""

import frappe
from frappe.utils import now_datetime

DOMAIN, CERTIFICATE = "Site Domain", "Site Certificate"
OWN, CUSTOMERS = "Own Subdomain", "Customer's Domain"
SERVES, REDIRECTS = "Serves", "Redirects"
# How far a name is; beside each of them it may be failing.
WAITING, VERIFIED, CERTIFIED, LIVE, REMOVED = "Waiting for DNS", "Verified", "Certificate", "Live", "Removed"
# Of a certificate.
VALID = "Valid"
NOT_MANAGED, NGINX = "Not managed", "nginx"
HTTP_01, DNS_01, UPLOADED = "HTTP-01", "DNS-01", "Uploaded"
FIELDS = (
	*("name", "host", "shown", "tenant", "bench", "kind", "is_primary", "serves", "state", "is_failing"),
	*("says", "token_name", "token", "records", "checked_at", "next_check", "failures", "certificate"),
	*("hsts_seconds", "verified_at", "live_since", "dns_record", "creation"),
)


def is_managed(bench: str | None) -> bool:
	"""Whether we write the proxy's configuration of the Bench of that name. Where not, all of this room leaves it alone."""
	return bool(bench) and frappe.db.get_value("Bench", bench, "proxy") == NGINX


def managed_benches() -> list[str]:
	"""The Benches that are reached from here, and whose proxy is ours to write."""
	return frappe.get_all("Bench", {"proxy": NGINX, "is_reachable": 1}, pluck="name", order_by="name")


def get(name: str) -> frappe._dict:
	"""FIELDS of a Site Domain by its record's name. Raises frappe.DoesNotExistError where there is none."""
	row = frappe.db.get_value(DOMAIN, name, FIELDS, as_dict=True)
	if not row:
		raise frappe.DoesNotExistError(f"There is no host name on record as {name}.")
	return row


def held(host: str, *, for_update: bool = False) -> frappe._dict | None:
	"""FIELDS of the Site Domain that has the host name now; None where nobody has it. for_update: as it is now, its row held."""
	return frappe.db.get_value(DOMAIN, {"claim": host}, FIELDS, as_dict=True, for_update=for_update)


def of_tenant(tenant: str) -> list[frappe._dict]:
	"""FIELDS of the names that the tenant has, its own subdomain first, then by age."""
	of = {"tenant": tenant, "state": ("!=", REMOVED)}
	rows = frappe.get_all(DOMAIN, of, FIELDS, order_by="creation")
	return sorted(rows, key=lambda row: row.kind != OWN)


def held_of(tenant: str) -> list[frappe._dict]:
	"""[name, is_primary] of the names that the tenant has, as they are now, their rows held until the caller commits."""
	of = {"tenant": tenant, "state": ("!=", REMOVED)}
	return frappe.db.get_values(
		DOMAIN, of, ["name", "is_primary"], as_dict=True, for_update=True, order_by="name"
	)


def own_of(tenant: str) -> frappe._dict | None:
	"""FIELDS of the tenant's own subdomain; None where it has no record, as on a bench whose proxy is not ours."""
	return next((row for row in of_tenant(tenant) if row.kind == OWN), None)


def primary_of(tenant: str) -> frappe._dict | None:
	"""FIELDS of the tenant's primary name where it can be counted on now: it is live and nothing of it fails. Else None."""
	rows = [row for row in of_tenant(tenant) if row.is_primary and is_sound(row)]
	return next((row for row in rows if row.kind == OWN or is_valid(certificate(row.certificate))), None)


def is_sound(row) -> bool:
	"""Whether browsers may be sent to the name: it was seen to answer over TLS, and nothing of it fails."""
	return row.state == LIVE and not row.is_failing


def make(**values: object) -> str:
	"""Make a Site Domain, and return its record's name. Raises frappe.UniqueValidationError where somebody has the host name."""
	doc = frappe.get_doc({"doctype": DOMAIN, **values, "claim": values["host"]})
	return doc.insert(ignore_permissions=True).name


def change(name: str, **values: object) -> None:
	"""Write fields of a Site Domain that nobody has removed meanwhile. The caller commits."""
	if frappe.db.get_value(DOMAIN, name, "state", for_update=True) != REMOVED:
		frappe.db.set_value(DOMAIN, name, values)


def remove(name: str) -> None:
	"""Let a host name be anybody's again. Its record stays, to be looked at. The caller commits. Repeatable."""
	values = {
		"state": REMOVED,
		"claim": None,
		"is_primary": 0,
		"is_failing": 0,
		"says": "",
		"next_check": None,
	}
	frappe.db.set_value(DOMAIN, name, values)


def to_set(row) -> list[list[str]]:
	"""[type, name, value] of what is to be set in the DNS for a customer's name (FIELDS); of several routes one is enough."""
	found = [["TXT", row.token_name, row.token]]
	for line in (row.records or "").splitlines():
		name, kind, value = line.split(" ", 2)
		found.append([kind, name, value])
	return found


# -- certificates ----------------------------------------------------------------------------------------------------


def certificates() -> list[frappe._dict]:
	"""Those that are not removed, the next to end first: name, folder, bench, status, method, times, and what failed last."""
	fields = [
		"name",
		"folder",
		"bench",
		"status",
		"method",
		"valid_until",
		"renew_from",
		"next_try",
		"last_error",
	]
	return frappe.get_all(CERTIFICATE, {"status": ("!=", REMOVED)}, fields, order_by="valid_until")


def certificate(name: str | None) -> frappe._dict | None:
	"""All fields of a Site Certificate by its record's name; None for none."""
	return frappe.db.get_value(CERTIFICATE, name, "*", as_dict=True) if name else None


def certificate_for(bench: str, folder: str) -> frappe._dict | None:
	"""All fields of the Site Certificate of that folder on the bench; None for none, or a removed one."""
	of = {"bench": bench, "folder": folder, "status": ("!=", REMOVED)}
	return frappe.db.get_value(CERTIFICATE, of, "*", as_dict=True)


def note_certificate(bench: str, folder: str, names: list[str], tenant: str | None) -> str:
	"""The record's name of the Site Certificate of that folder on the bench, made where there is none yet. The caller commits.

	One that was another tenant's, who had the name before, is this one's from now on: it is renewed for as long as this one has a site.
	"""
	if found := certificate_for(bench, folder):
		if found.tenant != tenant:
			frappe.db.set_value(CERTIFICATE, found.name, "tenant", tenant)
		return found.name
	values = {"folder": folder, "names": "\n".join(names), "bench": bench, "tenant": tenant}
	doc = frappe.get_doc({"doctype": CERTIFICATE, **values, "status": "Waiting", "next_try": now_datetime()})
	return doc.insert(ignore_permissions=True).name


def is_valid(row) -> bool:
	"""Whether a certificate (its fields, or None) can be served now."""
	return bool(row and row.status == VALID and row.valid_until and row.valid_until > now_datetime())
