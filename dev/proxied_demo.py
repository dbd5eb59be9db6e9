"""`make demo PROXY=1`: the demo with host names. The tenant gets a DNS record, a certificate and the proxy by its job; then a customer's name."""

from __future__ import annotations

import time
from pathlib import Path

from dev.bench import Bench
from dev.demo import Demo
from dev.network import CNAME_TARGET, Network
from dev.network_services import BASE_DOMAIN, CUSTOMER_ZONE
from dev.shell import DevError, say
from dev.site_client import SiteClient
from dev.sites import AdminSite

CUSTOM_HOST = f"erp.{CUSTOMER_ZONE}"
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

	def _prepare(self) -> None:
		self.network.enter_into(self.admin, self.staff)

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
