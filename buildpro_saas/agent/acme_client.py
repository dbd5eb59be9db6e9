"""One account at an authority (ACME, RFC 8555): its key, and what it asks.

What is kept on disk, below <bench>/config/buildpro/acme/<account>/: the account's key, its URL, what it has asked
(history.jsonl), and until when it is to wait (waits.json).
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import josepy
import requests
from acme import messages
from filelock import FileLock

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.acme_history import History
from buildpro_saas.agent.acme_network import Network, Plain, RefusedError, asking, unreadable
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import Authority, AuthorityFacts
from buildpro_saas.agent.certificate_store import folder_of, private_folder, put_private, write_private
from buildpro_saas.agent.errors import AgentError

LOCK_SECONDS = 60
HMAC = re.compile(r"[A-Za-z0-9_-]{16,}={0,2}")  # base64url
KEY, ACCOUNT = "key.pem", "account.json"


class AcmeClient:
	"""An authority, as one account of the bench asks it."""

	def __init__(self, bench: Bench, authority: Authority):
		self.authority = authority
		self.host = urlsplit(authority.directory).hostname or ""
		if urlsplit(authority.directory).scheme != "https" or not self.host:
			raise AgentError(
				f"{authority.directory!r} is no address of an authority.", "Name its directory: https://…"
			)
		id = f"{self.host}-{reading.short_digest(authority.directory, authority.eab_kid)}"
		self.folder = private_folder(private_folder(folder_of(bench) / "acme") / id)
		self.history = History(self.folder)
		self._network: Network | None = None
		self.directory: dict[str, Any] = {}

	@property
	def key(self) -> josepy.JWK:
		"""The account's key."""
		return self.connected().key

	def connected(self) -> Network:
		"""The connection, with an account that the authority knows. Raises RefusedError, TransientError."""
		if self._network is None:
			# two workers that begin at once make one key and one account
			with FileLock(self.folder / ".lock", timeout=LOCK_SECONDS):
				self._network = self._connect()
		return self._network

	def fetch(self, url: str) -> tuple[dict, requests.Response]:
		"""(object, response) of a resource. Raises RefusedError, TransientError."""
		response = self._signed(url, None)
		return self._object(response), response

	def account_url(self) -> str:
		"""The account's URL, made now where it has none."""
		return self.connected().account.uri

	def new_order_url(self) -> str:
		"""Where orders are placed."""
		return self._of_directory()["newOrder"]

	def text(self, url: str) -> bytes:
		"""The content of a resource that is no JSON."""
		return self._signed(url, None).content

	def send(self, url: str, payload: dict) -> tuple[dict, requests.Response]:
		"""Send a signed request; returns (object, response)."""
		response = self._signed(url, payload)
		return self._object(response), response

	def unsigned(self, url: str) -> tuple[dict, requests.Response]:
		"""(object, response) of what anybody may read."""
		with asking(self.host):
			response = self._plain().get(url)
		return self._object(response), response

	def facts(self) -> AuthorityFacts:
		"""What the directory says of the authority; no account is made for that."""
		found = self._of_directory()
		meta = found["meta"] if isinstance(found.get("meta"), dict) else {}
		return AuthorityFacts(
			host=self.host,
			caa=[str(each) for each in meta.get("caaIdentities") or []],
			terms=str(meta.get("termsOfService") or ""),
			needs_eab=bool(meta.get("externalAccountRequired")),
			tells_renewal=bool(found.get("renewalInfo")),
			profiles={str(key): str(value) for key, value in (meta.get("profiles") or {}).items()},
		)

	def renewal_url(self, id: str) -> str:
		"""Where the authority says when the certificate is to be renewed; empty where it does not say that."""
		base = self._of_directory().get("renewalInfo")
		return f"{base.rstrip('/')}/{id}" if base else ""

	# -- within ------------------------------------------------------------------------------------------------------

	def _plain(self) -> Network:
		if self._network is None:
			return Network(self._load_key(), self.authority.ca_file)
		return self._network

	def _of_directory(self) -> dict:
		if not self.directory:
			found, _response = self.unsigned(self.authority.directory)
			if missing := [each for each in ("newNonce", "newAccount", "newOrder") if not found.get(each)]:
				raise AgentError(
					f"{self.authority.directory} answers, and is no directory of an authority: it has no {missing[0]}.",
					"Name the directory's address, as the authority tells it.",
				)
			self.directory = found
		return self.directory

	def _object(self, response: requests.Response) -> dict:
		try:
			found = response.json()
		except ValueError:
			found = None
		if not isinstance(found, dict):
			raise unreadable(self.host)
		return found

	def _connect(self) -> Network:
		directory = self._of_directory()
		network = Network(self._load_key(), self.authority.ca_file)
		network.new_nonce = directory["newNonce"]
		noted = self._noted()
		if not noted.get("url") or noted.get("key") != _thumbprint(network.key):
			self._register(network, directory)
		else:
			network.take(noted["url"])
			if noted.get("contact") != self.authority.contact:
				self._tell_contact(network, noted["url"])
		return network

	def _register(self, network: Network, directory: dict) -> None:
		"""Make the account, or find the one that this key has already."""
		payload: dict[str, Any] = {"termsOfServiceAgreed": True, **self._contact()}
		if self.authority.eab_kid:
			payload["externalAccountBinding"] = self._binding(network, directory)
		with asking(self.host):
			response = network.post(directory["newAccount"], Plain(payload))
		if not (url := response.headers.get("Location", "")):
			raise unreadable(self.host)
		self._note(url, network.key)
		network.take(url)

	def _tell_contact(self, network: Network, url: str) -> None:
		try:
			with asking(self.host):
				network.post(url, Plain({"contact": self._contact().get("contact", [])}))
		except RefusedError as error:
			# an account that is gone is made anew by the next request
			if error.code != "accountDoesNotExist":
				raise
		else:
			self._note(url, network.key)

	def _contact(self) -> dict:
		return {"contact": [f"mailto:{self.authority.contact}"]} if self.authority.contact else {}

	def _binding(self, network: Network, directory: dict) -> dict:
		try:
			# the decoder passes over what is no base64
			if not HMAC.fullmatch(self.authority.eab_hmac.strip()):
				raise ValueError(self.authority.eab_kid)
			return messages.ExternalAccountBinding.from_data(
				network.key.public_key(), self.authority.eab_kid, self.authority.eab_hmac.strip(), directory
			)
		except (ValueError, TypeError, josepy.errors.Error):
			raise AgentError(
				f"The HMAC key for {self.host} is not whole.", "Copy it again, as the authority shows it."
			) from None

	def _load_key(self) -> josepy.JWK:
		path = self.folder / KEY
		if not path.exists():
			with FileLock(self.folder / ".key.lock", timeout=LOCK_SECONDS):
				if not path.exists():
					draft = self.folder / ".key.new"
					draft.unlink(missing_ok=True)
					write_private(draft, reading.key_pem(reading.new_key()))
					draft.rename(path)
		return josepy.JWKEC(key=reading.key_of(path.read_bytes()))

	def _noted(self) -> dict:
		try:
			return json.loads((self.folder / ACCOUNT).read_text())
		except (FileNotFoundError, ValueError):
			return {}

	def _note(self, url: str, key: josepy.JWK) -> None:
		"""Keep whose account it is: a key that was lost has an account no more."""
		content = {"url": url, "contact": self.authority.contact, "key": _thumbprint(key)}
		put_private(self.folder / ACCOUNT, content)

	def _signed(self, url: str, payload: dict | None) -> requests.Response:
		body = None if payload is None else Plain(payload)
		try:
			with asking(self.host):
				return self.connected().post(url, body)
		except RefusedError as error:
			if error.code != "accountDoesNotExist":
				raise
		# the authority has forgotten the account (a test authority that was started anew): the key gets another
		(self.folder / ACCOUNT).unlink(missing_ok=True)
		self._network = None
		with asking(self.host):
			return self.connected().post(url, body)


def _thumbprint(key: josepy.JWK) -> str:
	return key.thumbprint().hex()
