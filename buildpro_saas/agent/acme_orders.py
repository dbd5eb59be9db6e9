"""An order for a certificate at an authority: begun, and finished. Both can be killed anywhere, and called again.

The certificate is stored before it is installed. An order that is gone at the authority is begun anew.
"""

import time
from collections.abc import Callable
from itertools import count

import requests

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.acme_authorizations import (
	Authorizations,
	order_names,
	refused_why,
	show_file,
)
from buildpro_saas.agent.acme_client import AcmeClient
from buildpro_saas.agent.acme_network import RefusedError, wait_until
from buildpro_saas.agent.acme_order_record import OrderRecord
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import (
	HTTP_01,
	SELF_SIGNED,
	UPLOADED,
	Asked,
	Authority,
	Begun,
	Certificate,
	Challenge,
)
from buildpro_saas.agent.certificate_store import CertificateStore
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.txt_lookup import not_seen

PENDING, READY, PROCESSING, VALID, INVALID = "pending", "ready", "processing", "valid", "invalid"
PAUSES = (0.2, 0.5, 1, 2, 3, 5)  # seconds between two looks; the last one goes on
LONGEST_PAUSE = 30  # even where the authority names a longer one: the deadline decides
AGAIN = "It is begun anew by itself when it is next tried."


class Order:
	"""The order for one certificate of a bench. pause: waits for so many seconds, or raises where it is to stop."""

	def __init__(self, bench: Bench, certificate: str, authority: Authority, pause: Callable[[float], None]):
		self._bench = bench
		self._name = certificate
		self._store = CertificateStore(bench)
		self._client = AcmeClient(bench, authority)
		self._pause = pause

	def begin(self, names: list[str], method: str) -> Begun:
		"""Place the order, or go on with the one that is under way. The files of HTTP-01 lie there when this returns.

		names: hosts, or "*." and a host. Raises AgentError where a certificate of that name was uploaded, for names that cannot be
		ordered, and for what the authority refuses; TransientError while the authority has said to wait, or does not answer.
		"""
		wanted = {
			"names": order_names(names, method),
			"method": method,
			"directory": self._client.authority.directory,
		}
		with self._store.held(self._name):
			self._check_is_ours()
			self._record = OrderRecord(self._bench, self._name)
			if self._record.is_for(wanted) and self._store.version_of(self._name, self._record.order):
				return Begun(self._record.order, [], True)
			wanted["account"] = self._client.account_url()
			order = self._under_way(wanted)
			if order is None:
				self._client.history.check(self._name)
				order = self._place(wanted)
			return self._begun(order)

	def finish(self, url: str, dns_servers: list[str], seconds: float) -> Certificate:
		"""Have the authority look, then store and install what it issues. For an order that is finished, return the certificate.

		url: as begin told it. dns_servers: addresses of the zone's own servers, which must have the TXT records before the authority is
		told to look. seconds: how long to wait for all of that. Raises AgentError where the authority could not prove a host;
		TransientError where it takes longer, and where the order is gone: call begin again first.
		"""
		with self._store.held(self._name):
			self._check_is_ours()
			self._record = OrderRecord(self._bench, self._name)
			if done := self._finished(url):
				return done
			if self._record.order != url:
				raise TransientError(f"The order {url} for {self._name} is not under way here.", AGAIN)
			if self._record["directory"] != self._client.authority.directory:
				raise AgentError(f"The order {url} is of another authority than {self._client.host}.")
			self._deadline = time.monotonic() + seconds
			return self._follow(dns_servers)

	def _check_is_ours(self) -> None:
		installed = self._store.find(self._name)
		if installed and installed.method == UPLOADED:
			raise AgentError(
				f"The certificate {self._name} was uploaded, and is not renewed here.",
				"Remove it first, if the authority is to issue one.",
			)

	# -- beginning ---------------------------------------------------------------------------------------------------

	def _under_way(self, wanted: dict) -> dict | None:
		"""The order as the authority has it, where one for just that is under way."""
		if not self._record.is_for(wanted):
			return None
		try:
			order, _response = self._client.fetch(self._record.order)
		except RefusedError as error:
			if not error.is_gone:
				raise
			return None
		return order if order.get("status") in (PENDING, READY, PROCESSING, VALID) else None

	def _place(self, wanted: dict) -> dict:
		self._record.new_key()
		payload: dict = {"identifiers": [{"type": "dns", "value": name} for name in wanted["names"]]}
		if self._client.authority.profile:
			payload["profile"] = self._client.authority.profile
		replaced = self._replaced(wanted)
		order, response = self._placed(payload, wanted["names"], replaced)
		if not (url := response.headers.get("Location")):
			raise TransientError(f"The authority {self._client.host} told no address of the order.")
		self._record.note({**wanted, "order": url})
		return order

	def _replaced(self, wanted: dict) -> str:
		"""The id of the installed certificate, where this order renews it and the authority takes such ids; else empty."""
		installed = self._store.find(self._name)
		if not installed or installed.fault or installed.method == SELF_SIGNED:
			return ""
		is_same = sorted(installed.names) == wanted["names"] and installed.authority == wanted["directory"]
		return (
			reading.renewal_id(self._store.leaf(self._name))
			if is_same and self._client.renewal_url("")
			else ""
		)

	def _placed(self, payload: dict, names: list[str], replaced: str) -> tuple[dict, requests.Response]:
		self._client.history.note(Asked(time.time(), "order", self._name, names, bool(replaced)))
		place = self._client.new_order_url()
		try:
			if replaced:
				try:
					return self._client.send(place, {**payload, "replaces": replaced})
				except RefusedError as error:
					# it was replaced already, or is another account's: an order as any other
					if error.code not in ("alreadyReplaced", "malformed", "unauthorized"):
						raise
			return self._client.send(place, payload)
		except RefusedError as error:
			self._keep_wait(error, names)
			raise

	def _keep_wait(self, error: RefusedError, names: list[str]) -> None:
		if error.retry_at:
			self._client.history.wait_as_told(self._name, names, error.retry_at, str(error))

	def _begun(self, order: dict) -> Begun:
		if order["status"] != PENDING:
			return Begun(self._record.order, [], True)
		challenges = self._authorizations(order).challenges()
		self._show(challenges)
		return Begun(self._record.order, challenges, not challenges)

	def _show(self, challenges: list[Challenge]) -> None:
		if self._record["method"] == HTTP_01:
			self._record.note_tokens([each.token for each in challenges])
			for each in challenges:
				show_file(self._bench, each)

	def _authorizations(self, order: dict) -> Authorizations:
		return Authorizations(self._client, order["authorizations"], self._record["method"])

	# -- finishing ---------------------------------------------------------------------------------------------------

	def _finished(self, url: str) -> Certificate | None:
		"""The certificate of an order that was stored already; it is installed now where that is missing."""
		version = self._store.version_of(self._name, url)
		if version is None:
			return None
		installed = self._store.find(self._name)
		if self._record.order == url or installed is None:
			installed = self._store.install(self._name, version)
			self._record.drop()
		return installed

	def _follow(self, dns_servers: list[str]) -> Certificate:
		"""From what the authority says of the order to the certificate."""
		turn, status = 0, ""
		while True:
			response = None
			try:
				order, response = self._client.fetch(self._record.order)
				turn, status = (turn + 1 if order.get("status") == status else 0), order.get("status")
				match status:
					case "pending":
						self._prove(order, dns_servers)
					case "ready":
						self._client.send(order["finalize"], {"csr": self._record.request()})
					case "valid":
						return self._take(order)
					case "invalid":
						self._give_up(self._authorizations(order).failures(), refused_why(order.get("error")))
			except RefusedError as error:
				self._on_refusal(error)
			self._wait(turn, response)

	def _prove(self, order: dict, dns_servers: list[str]) -> None:
		found = self._authorizations(order)
		if failures := found.failures():
			self._give_up(failures)
		challenges = [each for each in found.challenges() if not self._record.is_answered(each.token)]
		self._show(challenges)
		for each in challenges:
			if each.kind != HTTP_01:
				self._wait_for_record(each, dns_servers)
		for each in challenges:
			found.answer(each)
			self._record.note_answered(each.token)

	def _wait_for_record(self, challenge: Challenge, servers: list[str]) -> None:
		for turn in count():
			if not (missing := not_seen(challenge.record_name, challenge.value, servers)):
				return
			self._wait(turn, None, missing)

	def _wait(self, turn: int, response: requests.Response | None, why: str = "") -> None:
		pause = PAUSES[min(turn, len(PAUSES) - 1)]
		if response is not None:
			pause = max(pause, min(wait_until(response) - time.time(), LONGEST_PAUSE))
		if time.monotonic() + pause > self._deadline:
			raise TransientError(
				why or f"The authority {self._client.host} has not finished yet.",
				"It goes on from there when it is next tried.",
			)
		self._pause(pause)

	def _on_refusal(self, error: RefusedError) -> None:
		"""Raise it, but for an order that is only not ready yet."""
		if error.code == "orderNotReady":
			return
		names = self._record["names"]
		if error.is_gone:
			self._record.drop()
			raise TransientError(f"The order for {', '.join(names)} is gone. {error}", AGAIN) from None
		self._keep_wait(error, names)
		if not error.is_transient:
			self._record.drop()
		raise error

	def _give_up(self, failures: dict[str, str], why: str = "") -> None:
		"""The order cannot be mended. It is no transient fault: who tries again at once meets the authority's limit of failures."""
		for host in failures:
			self._client.history.note(Asked(time.time(), "failed", self._name, [host]))
		self._record.drop()
		told = " ".join(
			f"The authority {self._client.host} could not prove {host}: {each}"
			for host, each in failures.items()
		)
		raise AgentError(
			told or f"The authority {self._client.host} gave the order up. {why}".strip(),
			"Look at the host's DNS, and whether it is reached at port 80.",
		)

	def _take(self, order: dict) -> Certificate:
		chain = reading.chain_of(self._client.text(order["certificate"]))
		key, ordered = self._record.key(), self._record["names"]
		names = [name.lower() for name in reading.names_of(chain[0])]
		if not reading.belong_together(chain[0], reading.key_of(key)) or not {*ordered} <= {*names}:
			self._record.drop()
			raise AgentError(
				f"The authority {self._client.host} issued another certificate than was ordered."
			)
		version = self._store.put(
			self._name,
			reading.chain_pem(chain),
			key,
			authority=self._record["directory"],
			method=self._record["method"],
			order=self._record.order,
		)
		self._client.history.note(Asked(time.time(), "issued", self._name, ordered))
		installed = self._store.install(self._name, version)
		self._record.drop()
		return installed
