"""DNS, an authority and a proxy on loopback for `make demo PROXY=1` and a benchmark: what an operator, his DNS host and his customer set up elsewhere."""

from __future__ import annotations

import base64
import ssl
import urllib.request

from dev import packages, unpacked
from dev.bench import Bench
from dev.home import is_port_free, write_atomically, write_json
from dev.network_services import BASE_DOMAIN, CUSTOMER_ZONE, NAMES
from dev.services import Services
from dev.shell import DevError, clean_environment, output_of
from dev.site_client import SiteClient
from dev.sites import AdminSite

CNAME_TARGET = f"proxy.{BASE_DOMAIN}"
KEY = "demo"
PROVIDER = "Demo DNS"
ADMIN_SITE = "admin-proxy.localhost"
PAUSED = "pause_scheduler"  # in a site's configuration: Frappe's scheduler leaves the site alone
TTL = 60  # seconds
ZONE = """\
$ORIGIN {zone}.
@ 300 SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 60
@ 300 NS ns.{zone}.
ns 300 A 127.0.0.1
{records}"""
# Its socket's path may have 107 characters only, and a clone may lie deeper: so it goes by the folder that it runs in.
# knot writes each zone's file again with every update, so all is there after a restart.
KNOT = """\
server:
  listen: 127.0.0.1@{port}
  rundir: /proc/self/cwd
log:
  - target: stderr
    any: info
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: update
    key: {key}
    action: [update, transfer]
database:
  storage: {folder}
template:
  - id: default
    storage: {folder}
    acl: update
zone:
  - domain: {base}
    file: {base}.zone
  - domain: {customer}
    file: {customer}.zone
"""


class Network:
	"""The servers of one bench of our own. Raises DevError for another bench."""

	def __init__(self, bench: Bench):
		if not bench.is_ours:
			raise DevError("PROXY=1 needs a bench of our own: leave BENCH out.")
		self.bench = bench
		self.home = bench.home
		self.folder = bench.home.network
		self.directory_ca = self.folder / "directory-ca.pem"
		self.ca = self.folder / "ca.pem"

	def start(self) -> None:
		"""Start what does not run of it, with what was set up there before. Installs what it takes."""
		packages.ensure(*packages.NETWORK)
		unpacked.ensure(self.home, *unpacked.NETWORK)
		self.start_servers()
		self._start_proxy()

	def start_servers(self) -> None:
		"""Start DNS server, resolver and authority."""
		self.folder.mkdir(parents=True, exist_ok=True)
		self._choose_ports()
		self._write_knot()
		self._write_pebble()
		self._services().start_all("knot", "resolver", "pebble")
		self._keep_root()

	def _start_proxy(self) -> None:
		ports = self.home.ports()
		self.bench.script(
			"prepare_proxy.py",
			unpacked.program(self.home, "nginx"),
			*(str(ports[name]) for name in ("web", "proxy_http", "proxy_https")),
		)
		self._services().start_all("nginx")

	# on an admin site ------------------------------------------------------------------------------------------

	def enter_into(self, admin: AdminSite, staff: SiteClient) -> None:
		"""Do what docs/domains.md has an operator do once, with these servers. staff: signed in there. Repeatable."""
		for key, value in self._site_config().items():
			admin.command("set-config", "--parse", key, repr(value))
		self._set_provider(staff)
		staff.change(
			"SaaS Settings",
			"SaaS Settings",
			dns_provider=PROVIDER,
			dns_records="A record a tenant",
			acme_directory=self.directory(),
			acme_contact="it@buildpro.test",
		)
		ports = self.home.ports()
		staff.change(
			"Bench",
			staff.list("Bench", [["is_local", "=", 1]], "name")[0]["name"],
			proxy="nginx",
			base_domain=BASE_DOMAIN,
			http_port=ports["proxy_http"],
			https_port=ports["proxy_https"],
			public_addresses="127.0.0.1",
			cname_target=CNAME_TARGET,
		)

	def _site_config(self) -> dict:
		return {
			"buildpro_dns_servers": [self.server()],
			"buildpro_acme_ca_file": str(self.directory_ca),
			"buildpro_issuer_ca_file": str(self.ca),
			"buildpro_proxy_listen": ["127.0.0.1"],
			PAUSED: 0,
		}

	def _set_provider(self, staff: SiteClient) -> None:
		fields = {
			"kind": "rfc2136",
			"zones": BASE_DOMAIN,
			"server": self.server(),
			"key_name": KEY,
			"credentials": self.key(),
		}
		if staff.find("DNS Provider", PROVIDER):
			staff.change("DNS Provider", PROVIDER, **fields)
		else:
			staff.make("DNS Provider", provider_name=PROVIDER, **fields)

	# what others are told --------------------------------------------------------------------------------------

	def key(self) -> str:
		"""The secret with which records are set, in base64."""
		return base64.b64encode(self.home.secret("dns_key").encode()).decode()

	def server(self) -> str:
		"""HOST:PORT of the DNS server."""
		return f"127.0.0.1:{self.home.ports()['dns']}"

	def directory(self) -> str:
		"""The address of the authority's directory."""
		return f"https://localhost:{self.home.ports()['acme']}/dir"

	def set_record(self, name: str, kind: str, value: str) -> None:
		"""Be the customer, who sets this record at a name of his zone, in place of others of its kind."""
		lines = (
			f"server 127.0.0.1 {self.home.ports()['dns']}",
			f"zone {CUSTOMER_ZONE}.",
			f"key hmac-sha256:{KEY} {self.key()}",
			f"update delete {name}. {kind}",
			f"update add {name}. {TTL} {kind} {value}",
			"send",
		)
		output_of(["knsupdate", "-v"], env=clean_environment(), text="\n".join(lines) + "\n")

	# inside ----------------------------------------------------------------------------------------------------

	def _services(self) -> Services:
		return Services(self.home, self.bench.path)

	def _choose_ports(self) -> None:
		"""Choose new ports for servers that do not run and whose port something else took meanwhile."""
		services = self._services()
		services.free_ports()
		port = self.home.ports()["proxy_http"]  # nginx has two, and a service one
		if not services.is_running("nginx") and not is_port_free(port):
			self.home.move_port("proxy_http")

	def _write_knot(self) -> None:
		text = KNOT.format(
			port=self.home.ports()["dns"],
			folder=self.folder,
			key=KEY,
			secret=self.key(),
			base=BASE_DOMAIN,
			customer=CUSTOMER_ZONE,
		)
		write_atomically(self.folder / "knot.conf", text, mode=0o600)
		for zone, records in ((BASE_DOMAIN, "proxy 60 A 127.0.0.1\n"), (CUSTOMER_ZONE, "")):
			file = self.folder / f"{zone}.zone"
			if not file.exists():
				write_atomically(file, ZONE.format(zone=zone, records=records))

	def _write_pebble(self) -> None:
		"""Write its settings, and once a certificate for its directory."""
		ports, key = self.home.ports(), self.folder / "directory-key.pem"
		if not self.directory_ca.exists():
			draft = self.folder / "directory-ca.draft"
			output_of(
				[
					*("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
					*("-nodes", "-days", "3650", "-subj", "/CN=localhost", "-keyout", key, "-out", draft),
					*("-addext", "subjectAltName=DNS:localhost"),
				],
				env=clean_environment(),
			)
			draft.replace(self.directory_ca)
		settings = {
			"listenAddress": f"127.0.0.1:{ports['acme']}",
			"managementListenAddress": f"127.0.0.1:{ports['acme_management']}",
			"certificate": str(self.directory_ca),
			"privateKey": str(key),
			"httpPort": ports["proxy_http"],
			"tlsPort": ports["proxy_https"],
			"externalAccountBindingRequired": False,
		}
		write_json(self.folder / "pebble.json", {"pebble": settings})

	def _keep_root(self) -> None:
		"""Add the root of what it issues to those of before: it makes a new one at each start, and what it issued earlier is served on."""
		url = f"https://localhost:{self.home.ports()['acme_management']}/roots/0"
		context = ssl.create_default_context(cafile=str(self.directory_ca))
		with urllib.request.urlopen(url, context=context, timeout=30) as answer:
			root = answer.read().decode()
		known = self.ca.read_text() if self.ca.exists() else ""
		if root not in known:
			write_atomically(self.ca, known + root)


def pause(bench: Bench) -> None:
	"""Stop the servers, and what the demo's admin site starts by itself, where there are any: tests have the bench's proxy for their own."""
	if not bench.home.network.exists():
		return
	for name in reversed(NAMES):
		bench.services().stop(name)
	if (bench.sites / ADMIN_SITE).exists():
		bench.command("--site", ADMIN_SITE, "set-config", "--parse", PAUSED, "1")
