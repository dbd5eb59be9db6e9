"""`make demo PROXY=1`: the demo with host names. The tenant gets a DNS record, a certificate and the proxy by its job; then a customer's name."""

from __future__ import annotations

import time
from pathlib import Path

from dev.bench import Bench
from dev.demo import Demo
from dev.network import CNAME_TARGET, KEY, PAUSED, Network
from dev.network_services import BASE_DOMAIN, CUSTOMER_ZONE
from dev.shell import DevError, say
from dev.site_client import SiteClient
from dev.sites import AdminSite

CUSTOM_HOST = f"erp.{CUSTOMER_ZONE}"
PROVIDER = "Demo DNS"
LIVE_SECONDS = 900  # a name takes under a minute, and several where the machine is busy
LOOK_EACH = 1  # second
ASK_EACH = 20  # seconds
LIVE = "Live"


class ProxiedDemo(Demo):
	"""One demo behind the bench's own nginx. Running it again goes on where the last run stopped."""

	domain = BASE_DOMAIN

	def __init__(self, bench: Bench, admin: AdminSite, subdomain: str, facts_file: Path, network: Network):
		super().__init__(bench, admin, subdomain, facts_file)
		self.network = network
		port = bench.home.ports()["proxy_https"]
		self.secure = SiteClient(self.owner.site, port, network.ca)
		self.custom = SiteClient(CUSTOM_HOST, port, network.ca)

	# setting up --------------------------------------------------------------------------------------------

	def _prepare(self) -> None:
		"""Do what docs/domains.md has an operator do once, with the servers of this machine."""
		for key, value in self._site_config().items():
			self.admin.command("set-config", "--parse", key, repr(value))
		self._set_provider()
		self.staff.change(
			"SaaS Settings",
			"SaaS Settings",
			dns_provider=PROVIDER,
			dns_records="A record a tenant",
			acme_directory=self.network.directory(),
			acme_contact="it@buildpro.test",
		)
		ports = self.bench.home.ports()
		bench = self.staff.list("Bench", [["is_local", "=", 1]], "name")[0]["name"]
		self.staff.change(
			"Bench",
			bench,
			proxy="nginx",
			base_domain=BASE_DOMAIN,
			http_port=ports["proxy_http"],
			https_port=ports["proxy_https"],
			public_addresses="127.0.0.1",
			cname_target=CNAME_TARGET,
		)

	def _site_config(self) -> dict:
		return {
			"buildpro_dns_servers": [self.network.server()],
			"buildpro_acme_ca_file": str(self.network.directory_ca),
			"buildpro_issuer_ca_file": str(self.network.ca),
			"buildpro_proxy_listen": ["127.0.0.1"],
			PAUSED: 0,
		}

	def _set_provider(self) -> None:
		fields = {
			"kind": "rfc2136",
			"zones": BASE_DOMAIN,
			"server": self.network.server(),
			"key_name": KEY,
			"credentials": self.network.key(),
		}
		if self.staff.find("DNS Provider", PROVIDER):
			self.staff.change("DNS Provider", PROVIDER, **fields)
		else:
			self.staff.make("DNS Provider", provider_name=PROVIDER, **fields)

	# using it ----------------------------------------------------------------------------------------------

	def _further_facts(self) -> dict:
		self._wait_live(self.secure)
		self._add_custom_host()
		self._wait_live(self.custom)
		return {
			"tenant_https_url": self.secure.url,
			"custom_domain_url": self.custom.url,
			"ca": str(self.network.ca),
		}

	def _add_custom_host(self) -> None:
		"""Add the customer's name, and set in his DNS what he is told to set."""
		name = self._name(CUSTOM_HOST)
		if not name:
			say(f"Adding the customer's name {CUSTOM_HOST} …")
			self.admin.command("saas", "domains", "add", self.subdomain, CUSTOM_HOST, "--serves")
			name = self._name(CUSTOM_HOST)
		self.network.set_record(name["token_name"], "TXT", name["token"])
		self.network.set_record(CUSTOM_HOST, "CNAME", f"{CNAME_TARGET}.")

	def _wait_live(self, client: SiteClient) -> None:
		"""Wait until the name is live and answers over TLS, and show how far it is. Where that takes time the product is asked to look again.

		A name that was live answers no more where the proxy's ports moved: a look has it published anew.
		"""
		shown, fault = LIVE, None
		asked, end = float("-inf"), time.monotonic() + LIVE_SECONDS
		while True:
			name = self._name(client.site)
			if not name:
				raise DevError(
					f"{client.site} is no host name of {self.subdomain}; `make clean` starts anew."
				)
			if name["state"] != shown:
				shown = name["state"]
				say(f"  {shown}")
			if _is_live(name) and (fault := _fault(client)) is None:
				return
			if time.monotonic() > end:
				says = name["says"] or fault or "no answer"
				raise DevError(f"{client.url} is not live within {LIVE_SECONDS} s: {name['state']}, {says}")
			if time.monotonic() > asked + ASK_EACH:
				asked = time.monotonic()
				self._look(name["name"])
			time.sleep(LOOK_EACH)

	def _look(self, name: str) -> None:
		self.staff.post("/api/method/run_doc_method", dt="Site Domain", dn=name, method="check")

	def _name(self, host: str) -> dict | None:
		filters = [["host", "=", host], ["tenant", "=", self.subdomain], ["state", "!=", "Removed"]]
		fields = ("name", "state", "says", "is_failing", "token_name", "token")
		return next(iter(self.staff.list("Site Domain", filters, *fields)), None)

	# telling -----------------------------------------------------------------------------------------------

	def _show_further(self, facts: dict) -> None:
		port = self.secure.port
		say(f"  over TLS   {facts['tenant_https_url']}")
		say(f"  own name   {facts['custom_domain_url']}")
		say(f"Both are at 127.0.0.1:{port}, with certificates of the authority in {facts['ca']}:")
		say(
			f"  curl --cacert {facts['ca']} --connect-to ::127.0.0.1:{port} {facts['custom_domain_url']}/api/method/ping"
		)


def _is_live(name: dict) -> bool:
	return name["state"] == LIVE and not name["is_failing"]


def _fault(client: SiteClient) -> str | None:
	"""Why the site does not answer; None where it does."""
	try:
		answer = client.get("/api/method/ping")
	except DevError as error:
		return str(error)
	return None if answer.get("message") == "pong" else f"It answered {answer}."
