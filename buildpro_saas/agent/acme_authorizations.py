"""How hosts are proven to an authority: what is to be shown, where a file of it lies, and what came of it."""

import os
import re
from pathlib import Path

from acme import challenges as acme_challenges
from josepy import b64

from buildpro_saas.agent.acme_client import AcmeClient
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import DNS_01, HTTP_01, Challenge
from buildpro_saas.agent.certificate_store import folder_of, open_folder
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site_config import write_text

KINDS = {HTTP_01: "http-01", DNS_01: "dns-01"}
OF_KIND = {HTTP_01: acme_challenges.HTTP01, DNS_01: acme_challenges.DNS01}
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?=.{{1,253}}$)({LABEL}\.)+(?=[a-z]){LABEL}")  # addresses have no letter at the end
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")
MOST_NAMES = 100


class Authorizations:
	"""The authorizations of an order, as the authority has them now. method: HTTP-01 or DNS-01."""

	def __init__(self, client: AcmeClient, urls: list[str], method: str):
		self._client = client
		self._method = method
		self._all = [client.fetch(url)[0] for url in urls]

	def challenges(self) -> list[Challenge]:
		"""What is still to be shown, in an order that does not change. Raises AgentError where a host's proof is not to be had by this method."""
		found = [self._challenge(each) for each in self._all if each.get("status") == "pending"]
		return sorted(found, key=lambda each: (each.host, each.value))

	def answer(self, shown: Challenge) -> None:
		"""Have the authority look at what is shown."""
		for each in self._all:
			challenge = self._of_method(each) if each.get("status") == "pending" else {}
			if challenge.get("token") == shown.token and challenge.get("status") == "pending":
				self._client.send(challenge["url"], {})

	def failures(self) -> dict[str, str]:
		"""Host → why it could not be proven."""
		failed = {}
		for each in self._all:
			if each.get("status") in ("invalid", "expired", "revoked", "deactivated"):
				told = [refused_why(challenge.get("error")) for challenge in each.get("challenges", [])]
				failed[each["identifier"]["value"]] = next(
					filter(None, told), f"the proof is {each['status']}."
				)
		return failed

	def _challenge(self, authorization: dict) -> Challenge:
		token = self._of_method(authorization)["token"]
		# it becomes the name of a file
		if not TOKEN.fullmatch(token):
			raise AgentError(f"The authority {self._client.host} sent a token that is none: {token[:40]!r}.")
		challenge = OF_KIND[self._method](token=b64.b64decode(token))
		value = challenge.validation(self._client.key)
		return Challenge(authorization["identifier"]["value"], self._method, token, value)

	def _of_method(self, authorization: dict) -> dict:
		for each in authorization.get("challenges", []):
			if each.get("type") == KINDS[self._method]:
				return each
		host = authorization["identifier"]["value"]
		raise AgentError(
			f"The authority {self._client.host} does not take {self._method} for {host}.",
			"Take the other method.",
		)


def order_names(names: list[str], method: str) -> list[str]:
	"""The names as they are ordered: each once, sorted. Raises AgentError for what no authority takes."""
	found = sorted(set(names))
	if not found or len(found) > MOST_NAMES:
		raise AgentError(f"A certificate has 1 to {MOST_NAMES} names, not {len(found)}.")
	for name in found:
		host = name.removeprefix("*.")
		if not HOST.fullmatch(host):
			raise AgentError(
				f"{name!r} is no host name that a certificate can have.",
				"Write it as DNS does: erp.example.com.",
			)
		if host != name and method != DNS_01:
			raise AgentError(
				f"A certificate for {name} can only be proven by DNS.", "Take the method DNS-01."
			)
	return found


def folder_of_files(bench: Bench) -> Path:
	"""Where the web server finds the files of HTTP-01, by their tokens."""
	return open_folder(folder_of(bench) / "acme-challenges")


def show_file(bench: Bench, challenge: Challenge) -> None:
	"""Have the challenge's file lie there. Anybody may read it."""
	path = folder_of_files(bench) / challenge.token
	write_text(path, challenge.value)
	os.chmod(path, 0o644)


def forget_files(bench: Bench, tokens: list[str]) -> None:
	"""Remove the files of these tokens, and drafts that a killed process left of them. Repeatable."""
	folder = folder_of_files(bench)
	for token in filter(TOKEN.fullmatch, tokens):
		for file in (folder / token, *folder.glob(f".{token}.*")):
			file.unlink(missing_ok=True)


def refused_why(problem: dict | None) -> str:
	"""The sentence of a problem document; empty where there is none."""
	if not problem:
		return ""
	parts = [problem.get("detail") or problem.get("type") or ""]
	parts += [each.get("detail", "") for each in problem.get("subproblems") or ()]
	return f"{' '.join(filter(None, parts)).rstrip('.')}."
