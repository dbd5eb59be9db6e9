"""Which names the proxy serves, and how: what the records ask for, less what cannot be served as asked. Plain data in and out."""

import ipaddress
import re
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite, ProxySpec

LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.ASCII)
CERTIFICATE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,253}")
LONGEST = 253  # characters of a host name
DEFAULT_BODY_MB, MOST_BODY_MB = 50, 10_000
LONGEST_HSTS = 2 * 365 * 24 * 3600
SLOWEST, FASTEST = 1 / 60, 100_000  # requests a second that nginx can count


@dataclass(frozen=True)
class Host:
	"""A name as it is served. certificate: one that can be presented; empty: plain HTTP alone. target: where its visitors are sent."""

	name: str
	site: str
	certificate: str = ""
	target: str = ""
	hsts_seconds: int = 0
	body_mb: int = DEFAULT_BODY_MB
	is_own: bool = (
		False  # one label below the base domain, under the wildcard certificate: it needs no line of its own
	)

	@property
	def is_apart(self) -> bool:
		"""Whether it has a certificate of its own, which is read at each handshake."""
		return bool(self.certificate) and not self.is_own


@dataclass
class Serving:
	"""hosts by name; set_aside: {host: why}; closed: sites; rates: {site: requests a second}; body_mb: of most sites; wildcard: its certificate."""

	hosts: dict[str, Host]
	set_aside: dict[str, str]
	closed: set[str]
	rates: dict[str, float]
	body_mb: int
	wildcard: str
	listed: list[Host] = field(default_factory=list)


def check(spec: ProxySpec) -> None:
	"""Raise AgentError, with a sentence, for what concerns all sites and cannot be: ports, networks, addresses, the base domain."""
	if spec.base_domain and not is_name(spec.base_domain):
		raise AgentError(f"{spec.base_domain!r} is no host name.", "Correct the base domain of the Bench.")
	ports = {"web": spec.web_port, "HTTP": spec.http_port, "HTTPS": spec.https_port}
	for what, port in {**ports, "socket.io": spec.socketio_port or 1}.items():
		if not 0 < port < 65536:
			raise AgentError(f"{port} is no port (for {what}).", "Give one from 1 to 65535.")
	for network in spec.trusted:
		_checked(ipaddress.ip_network, network, "no network, such as 10.0.0.0/8")
	for address in filter(None, spec.listen):
		_checked(ipaddress.ip_address, address, "no address of this machine, such as 192.0.2.1")


def _checked(parse, text: str, complaint: str) -> None:
	try:
		parse(text)
	except ValueError:
		raise AgentError(f"{text!r} is {complaint}.", "Correct the proxy's settings of the Bench.") from None


def is_name(name: str) -> bool:
	"""Whether it is a plain host name: lower-case ASCII labels of 63 characters at most between dots, 253 in all."""
	return len(name) <= LONGEST and bool(NAME.fullmatch(name))


def is_below(name: str, domain: str) -> bool:
	"""Whether the name is one label below the domain, as a wildcard certificate has it."""
	label, _, rest = name.partition(".")
	return bool(domain and label) and rest == domain


def decide(spec: ProxySpec, presentable: dict[str, str], left_out: Set[str] = frozenset()) -> Serving:
	"""What is served.

	presentable: {certificate: "" where it can be presented, else a sentence}. left_out: hosts that failed when they were tried.
	"""
	serving = Serving({}, {}, set(), {}, _usual_body(spec), _usable(spec.wildcard_certificate, presentable))
	for site in spec.sites:
		if fault := _fault_of_site(site):
			serving.set_aside.update({host.name: fault for host in site.hosts})
			continue
		if site.is_closed:
			serving.closed.add(site.site)
		if site.requests_a_second:
			serving.rates[site.site] = site.requests_a_second
		for host in site.hosts:
			if host.name not in left_out:
				_place(serving, spec, site, host, presentable)
	_withdraw_dead_redirects(serving)
	serving.listed = sorted(
		(host for host in serving.hosts.values() if not _goes_without_saying(host, serving, spec)),
		key=lambda host: host.name,
	)
	return serving


def _place(
	serving: Serving, spec: ProxySpec, site: ProxySite, host: ProxyHost, presentable: dict[str, str]
) -> None:
	if fault := _fault_of_host(host, serving, spec):
		serving.set_aside[host.name] = fault
		return
	is_own = is_below(host.name, spec.base_domain) and host.certificate in ("", spec.wildcard_certificate)
	wanted = host.certificate or (spec.wildcard_certificate if is_own else "")
	certificate = _usable(wanted, presentable)
	if complaint := presentable.get(wanted, "") if wanted else "":
		serving.set_aside[host.name] = complaint
	serving.hosts[host.name] = Host(
		host.name,
		site.site,
		certificate,
		host.redirects_to,
		host.hsts_seconds if certificate else 0,
		site.body_mb,
		is_own,
	)


def _usable(certificate: str, presentable: dict[str, str]) -> str:
	return certificate if certificate in presentable and not presentable[certificate] else ""


def _fault_of_site(site: ProxySite) -> str:
	if not re.fullmatch(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?", site.site) or ".." in site.site:
		return f"{site.site!r} is no site's name."
	if not 0 < site.body_mb <= MOST_BODY_MB:
		return f"Uploads of {site.body_mb} MB cannot be: give 1 to {MOST_BODY_MB}."
	if site.requests_a_second and not SLOWEST <= site.requests_a_second <= FASTEST:
		return f"{site.requests_a_second} requests a second cannot be counted: give one a minute to {FASTEST} a second."
	return ""


def _fault_of_host(host: ProxyHost, serving: Serving, spec: ProxySpec) -> str:
	if not is_name(host.name):
		return f"{host.name!r} is no host name: lower-case letters, digits and hyphens between dots (IDN as xn--…)."
	if host.name == spec.base_domain:
		return f"{host.name} is the base domain itself."
	if host.name in serving.hosts:
		return f"{host.name} is the site {serving.hosts[host.name].site}'s already."
	if host.certificate and not CERTIFICATE.fullmatch(host.certificate):
		return f"{host.certificate!r} is no certificate's name."
	if not 0 <= host.hsts_seconds <= LONGEST_HSTS:
		return f"HTTPS alone for {host.hsts_seconds} seconds cannot be: give 0 to {LONGEST_HSTS} (two years)."
	if host.redirects_to == host.name:
		return f"{host.name} would lead to itself."
	return ""


def _withdraw_dead_redirects(serving: Serving) -> None:
	"""A name leads only to one of the same site that serves, with a certificate. Otherwise it serves itself, and that is told."""
	for host in list(serving.hosts.values()):
		target = serving.hosts.get(host.target)
		if not host.target or (
			target and target.certificate and not target.target and target.site == host.site
		):
			continue
		if not target:
			why = f"{host.target} is not served"
		elif target.site != host.site:
			why = f"{host.target} is another site's"
		else:
			why = f"{host.target} {'leads elsewhere itself' if target.target else 'has no certificate yet'}"
		serving.hosts[host.name] = Host(**{**vars(host), "target": ""})
		serving.set_aside[host.name] = f"It does not lead to {host.target}, and serves itself: {why}."


def _goes_without_saying(host: Host, serving: Serving, spec: ProxySpec) -> bool:
	"""Whether the wildcard serves the name just as it is wanted, so that no file of nginx's has to name it."""
	return (
		host.is_own
		and host.site == host.name
		and not host.target
		and host.body_mb == serving.body_mb
		and host.hsts_seconds == (spec.wildcard_hsts_seconds if serving.wildcard else 0)
	)


def _usual_body(spec: ProxySpec) -> int:
	"""The size of uploads that most sites have; of two the larger. All names under the wildcard have it without being listed."""
	sizes = Counter(site.body_mb for site in spec.sites if 0 < site.body_mb <= MOST_BODY_MB)
	return max(sizes, key=lambda size: (sizes[size], size), default=DEFAULT_BODY_MB)
