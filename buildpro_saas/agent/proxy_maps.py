"""Maps of nginx's configuration: under a host name which site, certificate and rules it finds."""

from collections.abc import Iterable

from buildpro_saas.agent.nginx_text import Lines
from buildpro_saas.agent.proxy_certificates import DEFAULT
from buildpro_saas.agent.proxy_facts import ProxySpec
from buildpro_saas.agent.proxy_hosts import Host, Serving


def add_maps(lines: Lines, spec: ProxySpec, serving: Serving, p: str) -> None:
	"""Add them. p: the bench's prefix."""
	hosts = serving.listed
	own = [f'"{_own_pattern(spec)}" $host;'] if spec.base_domain else []
	_map(lines, "$host", f"${p}site", ((h.name, h.site, h.name) for h in hosts), 'default "";', *own)
	_map(
		lines,
		"$ssl_server_name",
		f"${p}certificate",
		((h.name, h.certificate, h.name) for h in hosts if h.is_apart),
		f'default "{DEFAULT}";',
	)
	secure = [f'"{_own_pattern(spec)}" "1";'] if serving.wildcard and own else []
	_map(
		lines,
		"$host",
		f"${p}has_tls",
		((h.name, "1" if h.certificate else "", h.name) for h in hosts),
		'default "";',
		*secure,
	)
	usual = f"max-age={spec.wildcard_hsts_seconds}" if spec.wildcard_hsts_seconds and serving.wildcard else ""
	_map(
		lines,
		"$host",
		f"${p}hsts_of_host",
		((h.name, _hsts(h), h.name) for h in hosts),
		'default "";',
		*([f'"{_own_pattern(spec)}" "{usual}";'] if usual and own else []),
	)
	_map(
		lines,
		"$host",
		f"${p}target_of_host",
		((h.name, h.target, h.name) for h in hosts if h.target),
		'default "";',
	)


def _own_pattern(spec: ProxySpec) -> str:
	escaped = spec.base_domain.replace(".", r"\.")
	return rf"~^[a-z0-9]([a-z0-9_-]*[a-z0-9])?\.{escaped}$"


def _hsts(host: Host) -> str:
	return f"max-age={host.hsts_seconds}" if host.hsts_seconds else ""


def _map(
	lines: Lines, source: str, target: str, entries: Iterable[tuple[str, str, str]], *fixed: str
) -> None:
	"""entries: (key, value, host)."""
	lines.add(f"map {source} {target} {{")
	for line in fixed:
		lines.add(f"\t{line}")
	for key, value, host in entries:
		lines.add(f'\t"{key}" "{value}";', host)
	lines.add("}")
