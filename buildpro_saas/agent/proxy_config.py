"""Renders nginx's configuration: text of what is to be served. Works with nginx 1.22 (Debian 12) and newer ones.

One set of server blocks serves all names. What differs from name to name are lines of maps, and marks on the disk that nginx looks for
at each request (docs/proxy.md says what was measured). All names of ours begin with a prefix of the bench, so that two benches can
share one nginx.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from buildpro_saas.agent.nginx_text import Lines, filled
from buildpro_saas.agent.proxy_certificates import CHAIN, DEFAULT, KEY
from buildpro_saas.agent.proxy_facts import ProxySpec
from buildpro_saas.agent.proxy_hosts import Serving
from buildpro_saas.agent.proxy_http_template import HTTP, SERVER, TLS
from buildpro_saas.agent.proxy_maps import add_maps
from buildpro_saas.agent.proxy_settings import Places, Settings
from buildpro_saas.agent.proxy_site_template import APP, CHALLENGE, HEADERS, SITE, VISITOR

RELEASE = "@RELEASE@"  # where the text names the folder that it lies in, or its name
RELEASE_NAME = "@RELEASE_NAME@"
HTTP_FILE, SITE_FILE = "http.conf", "site.conf"
HTTP2_APART = (1, 25, 1)  # from there on it is a directive of its own
LARGEST_HASH = 512  # bytes for one name and what is kept with it: names have 253 characters at most


@dataclass(frozen=True)
class Machine:
	"""What the rendering has to know of the machine. version: nginx's. has_ipv6: whether its sockets can be opened."""

	version: tuple[int, ...] = (1, 22, 1)
	has_ipv6: bool = False


@dataclass
class Rendered:
	"""Files by name; and which host a line of HTTP_FILE is there for, from 1."""

	files: dict[str, str]
	lines: dict[int, str] = field(default_factory=dict)

	@property
	def digest(self) -> str:
		text = "\0".join(f"{name}\0{self.files[name]}" for name in sorted(self.files))
		return hashlib.sha256(text.encode()).hexdigest()[:16]

	def written_in(self, folder: Path) -> dict[str, str]:
		"""The files as they are in a release's folder."""
		return {
			name: text.replace(RELEASE_NAME, folder.name).replace(RELEASE, str(folder))
			for name, text in self.files.items()
		}


def prefix(places: Places) -> str:
	"""What names of this bench's variables, zones and upstreams begin with."""
	return f"bp{hashlib.sha256(str(places.bench).encode()).hexdigest()[:6]}_"


def probe_name(places: Places) -> str:
	"""The host name under which the machine itself asks which release is served."""
	return f"{prefix(places)[:-1]}.invalid"


def render(
	spec: ProxySpec,
	serving: Serving,
	places: Places,
	settings: Settings,
	machine: Machine,
	wildcard_version: str = "",
) -> Rendered:
	"""The files of a release. wildcard_version: of the wildcard's certificate, which nginx reads when it is reloaded."""
	names = {
		"tls": TLS,
		"app": APP,
		"headers": HEADERS,
		"challenge": CHALLENGE,
		"p": prefix(places),
		"sites": places.sites,
		"live": places.live,
		"certificates": places.certificates,
		"challenges": places.challenges,
		"pages": places.pages,
		"logs": places.logs,
	}
	lines = Lines()
	lines.add(_hashes(settings, len(serving.listed)))
	add_maps(lines, spec, serving, names["p"])
	_zones(lines, serving, names["p"])
	lines.add(filled(HTTP, {**_http_values(spec), **names}))
	_servers(lines, spec, serving, names, places, settings, machine, wildcard_version)
	# parts first: they are filled in themselves
	site = filled(SITE, {"app": APP, "visitor": VISITOR, **_site_values(spec, serving, names), **names})
	return Rendered({HTTP_FILE: lines.text(), SITE_FILE: site}, lines.hosts)


def _zones(lines: Lines, serving: Serving, p: str) -> None:
	for rate in rates(serving):
		key = rate_name(rate)
		lines.add(f"limit_req_zone ${p}key_{key} zone={p}rate_{key}:10m rate={_rate(rate)};")


def rates(serving: Serving) -> list[float]:
	"""The limits that sites have, each once."""
	return sorted(set(serving.rates.values()))


def rate_name(rate: float) -> str:
	"""A limit in names of nginx's and of files: requests a minute."""
	return str(round(rate * 60))


def _rate(rate: float) -> str:
	return f"{int(rate)}r/s" if rate == int(rate) else f"{rate_name(rate)}r/m"


def _hashes(settings: Settings, names: int) -> str:
	"""The sizes of nginx's tables. They stand before the first map, and are for all files that one nginx reads."""
	sizes = {
		"server_names_hash_bucket_size": LARGEST_HASH,
		"server_names_hash_max_size": max(1024, 4 * names),
		"map_hash_bucket_size": LARGEST_HASH,
		"map_hash_max_size": max(2048, 4 * names),
	}
	return "\n".join(f"{name} {size};" for name, size in sizes.items() if name not in settings.left_out)


def _http_values(spec: ProxySpec) -> dict:
	return {
		"trusted": "\n".join(f"\t{network} 1;" for network in spec.trusted),
		"http_port": spec.http_port,
		"https_port": spec.https_port,
		"web_port": spec.web_port,
		"socketio_port": spec.socketio_port or spec.web_port,
	}


def _site_values(spec: ProxySpec, serving: Serving, names: dict) -> dict:
	p, keys, limits = names["p"], [], []
	for rate in rates(serving):
		key = rate_name(rate)
		keys.append(f'set ${p}key_{key} "";')
		keys.append(
			f'if (-f {names["live"]}/rate/{key}/${p}site) {{ set ${p}key_{key} "${p}site $remote_addr"; }}'
		)
		burst = max(5, round(2 * rate))
		limits.append(f"\tlimit_req zone={p}rate_{key} burst={burst} nodelay;")
	real = [f"set_real_ip_from {network};" for network in spec.trusted]
	if real:
		real += ["real_ip_header X-Forwarded-For;", "real_ip_recursive on;"]
	return {
		"keys": "\n".join(keys),
		"limits": "\n".join(limits),
		"real_ip": "\n".join(real),
		"https_port": "" if spec.https_port == 443 else f":{spec.https_port}",
		"port": _port_of_host(spec, p),
		"socketio": "socketio" if spec.socketio_port else "web",
	}


def _port_of_host(spec: ProxySpec, p: str) -> str:
	"""What follows the host in the Host header that the site sees: the port, where it is not the scheme's own."""
	return "" if (spec.http_port, spec.https_port) == (80, 443) else f":${p}port"


def _servers(
	lines: Lines,
	spec: ProxySpec,
	serving: Serving,
	names: dict,
	places: Places,
	settings: Settings,
	machine: Machine,
	wildcard_version: str,
) -> None:
	p = names["p"]
	plain, secure = listens(spec, machine, False), listens(spec, machine, True)
	flag = " default_server" if settings.is_default else ""
	values = {"probe": probe_name(places)}
	default = pair(f"{places.certificates}/{DEFAULT}")
	for listen, certificate in ((_listen(plain, flag), ""), (_listen(secure, flag), default)):
		lines.add(filled(SERVER["nobody"], {"listen": listen, "certificate": certificate, **names}))
	lines.add(filled(SERVER["probe"], {"listen": _listen(plain, ""), **values, **names}))

	def server(names: list[tuple[str, str]], listen: str, body_mb: int, certificate: str) -> None:
		if not names:
			return
		lines.add("server {\n" + listen + certificate)
		for name, host in names:
			lines.add(f"\tserver_name {name};", host)
		lines.add(f"\tclient_max_body_size {body_mb}m;\n\tinclude {RELEASE}/{SITE_FILE};\n}}")

	own = f"\t# version {wildcard_version}\n{pair(f'{places.certificates}/{serving.wildcard}')}"
	apart = pair(f"{places.certificates}/${p}certificate")
	for body_mb in sorted({serving.body_mb, *(host.body_mb for host in serving.listed)}):
		of_size = [host for host in serving.listed if host.body_mb == body_mb]
		wild = [(f"*.{spec.base_domain}", "")] if body_mb == serving.body_mb and spec.base_domain else []
		of_size = [host for host in of_size if not (wild and host.is_own)]
		all_names = [*wild, *((h.name, h.name) for h in of_size)]
		server(all_names, _listen(plain, ""), body_mb, "")
		below = [(h.name, h.name) for h in of_size if h.certificate and h.is_own]
		if serving.wildcard:
			server([*wild, *below], _listen(secure, ""), body_mb, own)
		server([(h.name, h.name) for h in of_size if h.is_apart], _listen(secure, ""), body_mb, apart)


def listens(spec: ProxySpec, machine: Machine, is_secure: bool) -> list[str]:
	"""The `listen` directives, without `default_server` and semicolon."""
	port = spec.https_port if is_secure else spec.http_port
	addresses = [address for address in spec.listen if address]
	if not addresses:
		addresses = ["0.0.0.0", *(["::"] if machine.has_ipv6 else [])]
	http2 = " http2" if machine.version < HTTP2_APART else ""
	tail = f" ssl{http2}" if is_secure else ""
	return [f"listen {f'[{each}]' if ':' in each else each}:{port}{tail}" for each in addresses] + (
		["http2 on"] if is_secure and not http2 else []
	)


def _listen(directives: list[str], flag: str) -> str:
	return "".join(f"\t{each}{flag if each.startswith('listen') else ''};\n" for each in directives)


def pair(folder: str) -> str:
	"""The directives that present a certificate."""
	return f"\tssl_certificate {folder}/{CHAIN};\n\tssl_certificate_key {folder}/{KEY};\n"
