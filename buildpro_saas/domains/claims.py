"""Who may have which host name. One tenant alone has a name, for as long as it does not remove it, wherever the DNS leads."""

from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.utils import now_datetime
from frappe.utils.password import get_encryption_key

from buildpro_saas.domains import flow, host_names, own_names, ownership, records, settings
from buildpro_saas.licensing import signing
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import WITH_SITE

FEATURE = "custom_domain"
MOST = 50  # names that one tenant may have
TITLE = "Host Name"
# No authority issues for names under these (RFC 6761, RFC 6762, RFC 7686, RFC 8375), and no resolver outside finds them.
NOT_PUBLIC = (
	"localhost",
	"local",
	"internal",
	"localdomain",
	"lan",
	"home",
	"corp",
	"onion",
	"invalid",
	"arpa",
)


class NotAllowedError(frappe.ValidationError):
	"""The tenant may not have it. The sentence is for the tenant, and says nothing of other tenants."""


def add(tenant, text: str, *, by: str, serves: bool = False) -> str:
	"""Give the tenant (document) a host name that it has brought, and start looking at its DNS; returns the Site Domain's name.

	text: as somebody typed it. by: who asks. serves: the site answers under it itself, also while another name is primary. A name that
	the tenant has already is looked at again. The caller commits. Raises frappe.ValidationError or frappe.DuplicateEntryError with what to change.
	"""
	_check_tenant(tenant)
	host = normalised(text)
	if (there := records.held(host)) and there.tenant == tenant.name and there.kind == records.CUSTOMERS:
		flow.look_now(there.name, is_asked=True)
		return there.name
	check_free(host, tenant.name)
	if len(records.of_tenant(tenant.name)) > MOST:
		refuse(_("{0} has {1} host names already: remove one first."), tenant.name, MOST, title=_(TITLE))
	name = _make(tenant, host, by, serves)
	flow.look_now(name)
	return name


def _check_tenant(tenant) -> None:
	if not records.is_managed(tenant.bench):
		refuse(
			_(
				"The proxy of the bench {0} is not managed from here: set it to nginx in the Bench's record first."
			),
			tenant.bench,
			title=_(TITLE),
		)
	if tenant.status not in WITH_SITE:
		refuse(
			_("{0} is {1}, and has no site that could answer."), tenant.name, _(tenant.status), title=_(TITLE)
		)


def _make(tenant, host: str, by: str, serves: bool) -> str:
	bench = frappe.get_doc("Bench", tenant.bench).as_dict()
	values = {
		**{"host": host, "shown": host_names.shown(host), "tenant": tenant.name, "bench": tenant.bench},
		**{"kind": records.CUSTOMERS, "serves": records.SERVES if serves else records.REDIRECTS},
		**{"state": records.WAITING, "asked_by": by, "next_check": now_datetime()},
		**{"token_name": ownership.record_name(host), "token": token(tenant.name, host)},
		**{"records": wanted_records(host, bench), "says": _("Its DNS has not been looked at yet.")},
	}
	try:
		return records.make(**values)
	except frappe.UniqueValidationError:
		frappe.clear_last_message()
		_refuse_taken(host)


def token(tenant: str, host: str) -> str:
	"""What the TXT record of the host name says, if it is the tenant's.

	By when the tenant was made: who gets its name once it has another must not own what its old texts prove.
	"""
	made = frappe.db.get_value("Tenant", tenant, "creation")
	return ownership.token(get_encryption_key().encode(), f"{made}", host)


def wanted_records(host: str, bench: dict) -> str:
	"""What leads to the bench (its fields), a line each: by CNAME, or by addresses where the name is that of a zone."""
	lines = []
	if target := settings.cname_target(bench):
		lines.append(f"{host} CNAME {target}")
	addresses = settings.addresses_of(bench)
	lines += [f"{host} {'AAAA' if ':' in address else 'A'} {address}" for address in addresses]
	return "\n".join(lines)


def note_wanted_records(bench) -> None:
	"""Note anew, with each customer's name of the Bench (document), what leads to it. The caller commits."""
	of = {"bench": bench.name, "kind": records.CUSTOMERS, "state": ("!=", records.REMOVED)}
	for row in frappe.get_all(records.DOMAIN, of, ["name", "host"]):
		records.change(row.name, records=wanted_records(row.host, bench.as_dict()))


def normalised(text: str) -> str:
	"""The host name as the DNS has it. Raises frappe.ValidationError with what to change where it is none."""
	try:
		return host_names.normalised(text)
	except ValueError as error:
		frappe.throw(frappe.utils.escape_html(str(error)), title=_(TITLE))


def check_free(host: str, tenant: str) -> None:
	"""Raise frappe.ValidationError or frappe.DuplicateEntryError unless the tenant may have the host name."""
	if host.rpartition(".")[2] in NOT_PUBLIC or "." not in host:
		refuse(
			_("{0} is no name that the Internet knows: enter one like erp.example.com."), host, title=_(TITLE)
		)
	for domain in own_domains():
		if host == domain or host.endswith(f".{domain}"):
			refuse(
				_("{0} is a name of this service's own domain {1}: bring a domain of your own."),
				host,
				domain,
				title=_(TITLE),
			)
	if _is_known(host):
		refuse(_("{0} is a name that this service uses itself: choose another one."), host, title=_(TITLE))
	if records.held(host):
		_refuse_taken(host)


def _refuse_taken(host: str) -> None:
	refuse(
		_("{0} is in use here already: it has to be removed there before it can be added anew."),
		host,
		title=_(TITLE),
		error=frappe.DuplicateEntryError,
	)


def check_own_free(site: str, tenant: str) -> None:
	"""Raise frappe.DuplicateEntryError where another tenant has the name that the tenant's site is to get: by now it is below a base domain."""
	if other := own_names.taken_by(tenant, site):
		refuse(
			_("{0} is on record as a host name of {1}: use another subdomain, or remove it there."),
			site,
			other,
			title=_("Subdomain"),
			error=frappe.DuplicateEntryError,
		)


def own_domains() -> set[str]:
	"""The domains under which tenants get their subdomains."""
	found = {frappe.db.get_single_value("SaaS Settings", "base_domain")}
	found |= set(frappe.get_all("Bench", pluck="base_domain"))
	return {domain.lower() for domain in found if domain}


def _is_known(host: str) -> bool:
	"""Whether it is the admin site's name, a CNAME target of ours, or a site's or former site's own name."""
	own = {frappe.local.site, urlsplit(frappe.conf.get("host_name") or "").hostname}
	benches = frappe.get_all("Bench", fields=["public_address", "public_addresses", "cname_target"])
	own |= {settings.cname_target(bench) for bench in benches}
	if host in own:
		return True
	return any(frappe.db.exists(doctype, {"site": host}) for doctype in ("Tenant", "Former Name"))


# -- what the tenant itself asks for -------------------------------------------------------------------------------------


def is_allowed(tenant) -> bool:
	"""Whether the tenant (document) may have host names of its own: its plan says so."""
	decisions = signing.decisions(tenant)
	return FEATURE in decisions.known_features and decisions[FEATURE].allowed


def check_allowed(tenant) -> None:
	"""Raise NotAllowedError where the tenant (document) may not change its host names now."""
	contact = frappe.db.get_single_value("SaaS Settings", "support_contact") or _("your provider")
	if not records.is_managed(tenant.bench) or not is_allowed(tenant):
		refuse(_("Your plan has no domain of your own. Please ask {0}."), contact, error=NotAllowedError)


def own_row(tenant: str, text: str) -> frappe._dict:
	"""The tenant's Site Domain of that host name. Raises frappe.ValidationError where it has none."""
	row = records.held(normalised(text))
	if not row or row.tenant != tenant:
		refuse(_("{0} is no host name of {1}."), text, tenant, title=_(TITLE))
	return row
