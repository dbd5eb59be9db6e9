"""A world for host names: a DNS server (knot), an authority (pebble) and the bench's own nginx, all on loopback."""

import importlib.util
import json
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
import requests
from requests.adapters import HTTPAdapter

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "network")]

from acme_authority import Pebble
from forwarding_resolver import Resolver
from knot import KEY, SECRET, Knot
from loopback_ports import free_ports

SECONDS = 240
LOOK_EACH = 10  # seconds, for the scheduler's minute
BASE, CUSTOMER = "buildpro.test", "customer.test"
TARGET = f"proxy.{BASE}"
PROVIDER = "Test DNS"
DOCTYPES = ("Site Domain", "Site Certificate", "DNS Provider")
SETTINGS = (
	"dns_provider",
	"dns_records",
	"acme_directory",
	"acme_directory_2",
	"acme_contact",
	"base_domain",
)
OF_BENCH = ("proxy", "base_domain", "http_port", "https_port", "public_addresses", "cname_target")


def find_program(name: str) -> str:
	"""As tests/network has it."""
	spec = importlib.util.spec_from_file_location("network_conftest", TESTS / "network/conftest.py")
	module = importlib.util.module_from_spec(spec)
	spec.loader.exec_module(module)
	return module.find_program(name)


class World:
	"""The servers, and the bench's records that lead to them."""

	def __init__(self, bench, folder: Path, zones: dict[str, str] | None = None):
		"""zones: further ones that the DNS server has: name → the lines of its file."""
		self.bench, self.frappe, self.folder = bench, bench.frappe, folder
		self.zones = zones or {}
		self.knot = self.resolver = self.pebble = self.nginx = None
		self.dns_port, self.http, self.https = free_ports(3)
		self._remember()

	def start(self) -> None:
		"""Start the servers, and have the bench use them."""
		folder = self.folder
		zones = {
			BASE: "proxy 60 A 127.0.0.1",
			CUSTOMER: f"erp 60 CNAME {TARGET}.\nother 60 CNAME {TARGET}.\nwww 60 CNAME {TARGET}.",
			**self.zones,
		}
		self.knot = Knot(find_program("knotd"), folder / "knot", zones, self.dns_port).__enter__()
		at_knot = ("127.0.0.1", self.dns_port)
		self.resolver = Following(dict.fromkeys(zones, at_knot)).__enter__()
		self.pebble = self.authority("pebble")
		self.ca = folder / "issuer.pem"
		self.ca.write_bytes(self.pebble.root())
		self._configure()
		self._start_nginx()

	def authority(self, name: str, **settings) -> Pebble:
		"""An authority that proves hosts by these servers; its folder has that name."""
		dns_of_pebble = SimpleNamespace(address="{}:{}".format(*self.resolver.place))
		return Pebble(find_program, self.folder / name, dns_of_pebble, self.http, **settings)

	# -- the bench's records -------------------------------------------------------------------------------------------

	def _remember(self) -> None:
		bench = self.frappe.get_all("Bench", {"is_local": 1}, ["name", *OF_BENCH])[0]
		self.name = bench.pop("name")
		self._bench_before = bench
		self._settings_before = {
			key: self.frappe.db.get_single_value("SaaS Settings", key) for key in SETTINGS
		}

	def _configure(self) -> None:
		frappe = self.frappe
		self.set_conf(
			buildpro_dns_servers=[f"127.0.0.1:{self.dns_port}"],
			buildpro_acme_ca_file=str(self.pebble.authority.ca_file),
			buildpro_issuer_ca_file=str(self.ca),
			buildpro_proxy_listen=["127.0.0.1"],
		)
		with self.bench.edited("Bench", self.name) as doc:
			doc.update(
				{"proxy": "nginx", "base_domain": BASE, "http_port": self.http, "https_port": self.https}
			)
			doc.update({"public_addresses": "127.0.0.1", "cname_target": TARGET})
		provider = {"provider_name": PROVIDER, "kind": "rfc2136", "zones": BASE, "credentials": SECRET}
		provider |= {"server": f"127.0.0.1:{self.dns_port}", "key_name": KEY}
		frappe.get_doc({"doctype": "DNS Provider", **provider}).insert()
		settings = frappe.get_doc("SaaS Settings")
		settings.update({"dns_provider": PROVIDER, "dns_records": "A record a tenant"})
		settings.update({"acme_directory": self.pebble.authority.directory, "acme_contact": "it@example.com"})
		settings.save()
		frappe.db.commit()

	def set_conf(self, **values) -> None:
		"""In the admin site's file, where each job reads it anew, and here."""
		path = self.bench.path / "sites" / self.frappe.local.site / "site_config.json"
		known = {**json.loads(path.read_text()), **values}
		path.write_text(
			json.dumps({key: value for key, value in known.items() if value is not None}, indent=1)
		)
		self.frappe.local.conf.update(values)

	def _start_nginx(self) -> None:
		from buildpro_saas.agent import proxy_settings, proxy_upkeep
		from buildpro_saas.agent.bench import Bench
		from buildpro_saas.agent.nginx import Nginx
		from buildpro_saas.domains import proxy_spec

		self._set_files_aside()
		bench = Bench(self.bench.path)
		settings = proxy_settings.own(bench, find_program("nginx"))
		self.nginx = Nginx(settings, proxy_settings.places(bench))
		proxy_upkeep.prepare(bench, settings, proxy_spec.of_bench(self.frappe.get_doc("Bench", self.name)))
		self.nginx.start()

	def _set_files_aside(self) -> None:
		"""Those of `make demo PROXY=1`; those of a run that was interrupted go."""
		aside = self._files / "aside"
		if not aside.exists():
			aside.mkdir(parents=True)
			for folder in self._folders():
				folder.rename(aside / folder.name)
		self._remove_files()

	def _bring_files_back(self) -> None:
		self._remove_files()
		aside = self._files / "aside"
		for folder in aside.iterdir() if aside.exists() else ():
			folder.rename(self._files / folder.name)
		if aside.exists():
			aside.rmdir()

	@property
	def _files(self) -> Path:
		return self.bench.path / "config/buildpro"

	def _folders(self) -> list[Path]:
		names = ("proxy", "certificates", "acme", "acme-challenges", "acme-orders")
		return [self._files / name for name in names if (self._files / name).exists()]

	def _remove_files(self) -> None:
		for folder in self._folders():
			shutil.rmtree(folder)

	def end(self) -> None:
		"""Leave all as it was."""
		frappe = self.frappe
		frappe.db.rollback()
		for end in (
			*([self.nginx.stop] if self.nginx else []),
			*([self.pebble.end] if self.pebble else []),
			*([lambda: self.resolver.__exit__()] if self.resolver else []),
			*([self.knot.stop] if self.knot else []),
		):
			end()
		self._bring_files_back()
		frappe.db.set_value("Bench", self.name, self._bench_before)
		for key, value in self._settings_before.items():
			frappe.db.set_single_value("SaaS Settings", key, value)
		for doctype in DOCTYPES:
			frappe.db.delete(doctype)
		frappe.db.commit()
		self.set_conf(
			**dict.fromkeys(
				(
					"buildpro_dns_servers",
					"buildpro_acme_ca_file",
					"buildpro_issuer_ca_file",
					"buildpro_proxy_listen",
				)
			)
		)

	# -- what is asked -----------------------------------------------------------------------------------------------

	def get(self, host: str, path: str = "/api/method/ping", **options) -> requests.Response:
		"""Ask as a browser does: by SNI and Host, over TLS, with the authority's chain."""
		with requests.Session() as session:
			session.mount("https://", AtProxy(self.https))
			return session.get(
				f"https://{host}{path}", verify=str(self.ca), timeout=60, allow_redirects=False, **options
			)

	def names(self, tenant: str) -> dict:
		"""{host: the tenant's Site Domain}, as it is now."""
		self.frappe.db.commit()
		rows = self.frappe.get_all("Site Domain", {"tenant": tenant, "state": ("!=", "Removed")}, "*")
		return {row.host: row for row in rows}

	def wait_for(self, tenant: str, host: str, is_met) -> None:
		"""Wait until the tenant's name is so; the scheduler's minutes go on."""

		from buildpro_saas.domains import flow

		def told() -> str:
			row = self.names(tenant).get(host) or {}
			jobs = self.frappe.get_all(
				"Provisioning Job",
				{"tenant": tenant},
				["name", "title", "status", "error"],
				order_by="creation desc",
			)
			return f"{row.get('state')} {row.get('is_failing')}: {row.get('says')}\n{jobs[:4]}"

		looked = time.monotonic()

		def is_so() -> bool:
			nonlocal looked
			if time.monotonic() > looked + LOOK_EACH:
				flow.start_due_looks()
				looked = time.monotonic()
			return is_met(self.names(tenant).get(host))

		ask = self.bench.looked_after(is_so)
		self.bench.wait_for(ask, SECONDS, told)

	def wait_live(self, tenant: str, host: str) -> None:
		"""Wait until the name is live, and nothing of it fails."""
		self.wait_for(tenant, host, lambda row: row and row.state == "Live" and not row.is_failing)

	def prove(self, tenant: str, host: str) -> None:
		"""Set the TXT record that the customer is told to set."""
		row = self.names(tenant)[host]
		self.set_record(row.token_name, "TXT", row.token)

	def set_record(self, name: str, kind: str, value: str | None) -> None:
		"""Be whoever has the name's zone (its last two labels): it has this record, and no other of its kind; None: no more."""
		zone = ".".join(name.split(".")[-2:])
		update = dns.update.UpdateMessage(zone, keyring=dns.tsig.Key(KEY, SECRET, "hmac-sha256"))
		update.delete(f"{name}.", kind)
		if value:
			update.add(f"{name}.", 60, kind, value)
		answer = dns.query.tcp(update, "127.0.0.1", port=self.dns_port, timeout=10)
		assert answer.rcode() == 0, answer


class Following(Resolver):
	"""A resolver as the authority has one: it follows a CNAME into another zone."""

	def _forward(self, query, name: str, response) -> None:
		super()._forward(query, name, response)
		kind = query.question[0].rdtype
		last = response.answer[-1] if response.answer else None
		if last is not None and last.rdtype == dns.rdatatype.CNAME and kind != dns.rdatatype.CNAME:
			target = last[0].target.to_text(omit_final_dot=True)
			further = dns.message.make_query(target, kind)
			found = dns.message.make_response(further)
			self._forward(further, target, found)
			response.answer += found.answer


class AtProxy(HTTPAdapter):
	"""Every host name is at the proxy's port of this machine; name, SNI and certificate are the host's own."""

	def __init__(self, port: int):
		self._at = port
		super().__init__()

	def send(self, request, **options):
		"""As HTTPAdapter.send, with the connection led to the proxy."""
		from urllib.parse import urlsplit

		host = urlsplit(request.url).hostname
		self.poolmanager.connection_pool_kw.update(server_hostname=host, assert_hostname=host)
		request.headers["Host"] = host
		request.url = request.url.replace(f"https://{host}", f"https://127.0.0.1:{self._at}", 1)
		return super().send(request, **options)
