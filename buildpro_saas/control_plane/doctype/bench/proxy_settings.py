"""Checks what a Bench's record says of its proxy."""

import ipaddress

from frappe import _

from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.domains import claims, publishing, records
from buildpro_saas.refusal import refuse

TITLE = "Proxy"
PORTS = {"http_port": 80, "https_port": 443}


# What the proxy's files are made of, and to where names lead.
PUBLISHED = (
	"proxy",
	"base_domain",
	"http_port",
	"https_port",
	"web_port",
	"socketio_port",
	"trusted_balancers",
)
LEADS_TO = ("public_address", "public_addresses", "cname_target")


def follow(bench) -> None:
	"""Have the proxy follow at once what was changed in the Bench (document), and customers be told to where their names are to lead."""
	if any(bench.has_value_changed(field) for field in PUBLISHED):
		publishing.want(bench.name)
	if any(bench.has_value_changed(field) for field in LEADS_TO):
		claims.note_wanted_records(bench)


def check(bench) -> None:
	"""Normalise what was entered in the Bench (document). Raises frappe.ValidationError with what to change."""
	bench.proxy = bench.proxy or records.NOT_MANAGED
	for field, usual in PORTS.items():
		bench.set(field, bench.get(field) or usual)
		if not 0 < bench.get(field) < 65536:
			refuse(_("{0} must be from 1 to 65535."), _(bench.meta.get_label(field)), title=_(TITLE))
	if bench.http_port == bench.https_port:
		refuse(_("HTTP and HTTPS cannot have the same port {0}."), bench.http_port, title=_(TITLE))
	bench.public_addresses = _lines(
		bench.public_addresses, ipaddress.ip_address, _("an IP address, such as 192.0.2.1")
	)
	bench.trusted_balancers = _lines(
		bench.trusted_balancers, ipaddress.ip_network, _("a network, such as 10.0.0.0/8")
	)
	if bench.cname_target:
		bench.cname_target = check_domain(bench.cname_target)


def _lines(text: str | None, made, what: str) -> str:
	found = []
	for word in (text or "").replace(",", " ").split():
		try:
			found.append(str(made(word)))
		except ValueError:
			refuse(_("{0} is not {1}."), word, what, title=_(TITLE))
	return "\n".join(dict.fromkeys(found))
