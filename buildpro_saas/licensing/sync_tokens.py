"""The tokens by which tenants' sites show who they are when they ask this site for something.

A token is kept as the framework keeps passwords that it must read again: encrypted, in `__Auth`. The token before it stays good until
the new one has been used: the answer that brought the new one may have been lost.
"""

import hmac
import secrets
from functools import lru_cache

import frappe
from frappe import _
from frappe.utils import add_to_date, get_datetime, now_datetime
from frappe.utils.password import (
	decrypt,
	encrypt,
	get_decrypted_password,
	get_encryption_key,
	remove_encrypted_password,
	set_encrypted_password,
)

from buildpro_saas.tenant_status import WITH_SITE

HEADER = "X-BuildPro-Token"
CURRENT = "entitlement_token"
BEFORE = "entitlement_token_before"
BYTES = 32
NAME_LENGTH = 140  # of a document


def ensure(tenant: str) -> str:
	"""Return the tenant's token. Make one where it has none."""
	return _read(tenant, CURRENT) or _make(tenant)


def for_site(tenant: str, known: str = "") -> str:
	"""The token with which the tenant's site asks for its entitlement: `known` if it is still good, else the current one."""
	return known if is_known(tenant, known) else ensure(tenant)


def start_anew(tenant: str) -> None:
	"""Give the tenant a new token. No token that anybody had under its name is good any more."""
	remove_encrypted_password("Tenant", tenant, BEFORE)
	_make(tenant)


def is_known(tenant: str, token: str) -> bool:
	"""Whether the token is the tenant's current one, or the one before, which is still good."""
	if not token:
		return False
	# encrypted texts cannot be compared, so they are decrypted; the current token comes first, and is nearly always the one
	stored = frappe.qb.Table("__Auth")
	rows = (
		frappe.qb.from_(stored)
		.select(stored.fieldname, stored.password)
		.where((stored.doctype == "Tenant") & (stored.name == tenant) & (stored.encrypted == 1))
		.where(stored.fieldname.isin([CURRENT, BEFORE]))
		.orderby(stored.fieldname)
		.run()
	)
	return any(hmac.compare_digest(decrypt(encrypted).encode(), token.encode()) for _field, encrypted in rows)


def authenticate(tenant: object) -> str:
	"""Return the name of the tenant whose token this request carries in its header.

	Raises frappe.AuthenticationError (HTTP 401) for a wrong token, an unknown tenant, and a tenant without a site. All take the same work
	and get the same words, so nobody learns which tenants there are.
	"""
	# another value, or a text that no database takes, is nobody's name
	name = tenant[:NAME_LENGTH].encode(errors="replace").decode() if isinstance(tenant, str) else ""
	given = (frappe.get_request_header(HEADER) or "").encode()
	is_right = False
	for field in (CURRENT, BEFORE):
		stored = _read_or_none(name, field)
		# where there is none, as much is decrypted and compared
		known = (stored or decrypt(_decoy(frappe.local.site, get_encryption_key()))).encode()
		is_right |= hmac.compare_digest(given, known) and bool(stored)
	row = frappe.db.get_value("Tenant", name, ["name", "status"], as_dict=True)
	if not (is_right and row and row.status in WITH_SITE):
		frappe.throw(
			_("The token is not that of a tenant {0}.").format(frappe.utils.escape_html(name[:60])),
			frappe.AuthenticationError,
		)
	return row.name


def renew(tenant, given: str) -> str | None:
	"""The token that the tenant's site is to use from now on; None to go on with `given`. tenant: a document, its row held.

	Using a token ends the one before it. A token that is older than SaaS Settings allow gets a successor.
	"""
	if given != _read(tenant.name, CURRENT):
		return _read(tenant.name, CURRENT)
	if _read(tenant.name, BEFORE):
		remove_encrypted_password("Tenant", tenant.name, BEFORE)
	days = frappe.get_cached_doc("SaaS Settings").token_days
	if tenant.token_since and now_datetime() < add_to_date(get_datetime(tenant.token_since), days=days):
		return None
	set_encrypted_password("Tenant", tenant.name, given, BEFORE)
	return _make(tenant.name)


def needs_renewal(tenant: str, given: str) -> bool:
	"""Whether `renew` would do anything. It is asked first, since `renew` writes."""
	since = frappe.db.get_value("Tenant", tenant, "token_since")
	days = frappe.get_cached_doc("SaaS Settings").token_days
	is_old = not since or now_datetime() >= add_to_date(get_datetime(since), days=days)
	return is_old or bool(_read(tenant, BEFORE))


def _make(tenant: str) -> str:
	token = secrets.token_urlsafe(BYTES)
	set_encrypted_password("Tenant", tenant, token, CURRENT)
	frappe.db.set_value("Tenant", tenant, "token_since", now_datetime(), update_modified=False)
	return token


def _read(tenant: str, field: str) -> str | None:
	return get_decrypted_password("Tenant", tenant, field, raise_exception=False)


def _read_or_none(tenant: str, field: str) -> str | None:
	"""As _read, but None for a token that was encrypted with a key that this site has lost.

	Whoever asks is not to learn that.
	"""
	messages = list(frappe.local.message_log)
	try:
		return _read(tenant, field)
	except frappe.ValidationError:
		frappe.local.message_log = messages
		return None


@lru_cache(maxsize=128)
def _decoy(site: str, key: str) -> str:
	"""Something encrypted, to decrypt where there is no token. Made once for each site of this process and each key."""
	return encrypt(secrets.token_urlsafe(BYTES), key)
