"""One account at an authority (ACME, RFC 8555): its key, its signed requests, and what the authority's refusals mean.

The `acme` library signs, keeps nonces and reads problem documents. What is kept on disk, below <bench>/config/buildpro/acme/<account>/:
the account's key, its URL, what it has asked (history.jsonl), and until when it is to wait (waits.json).
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import josepy
import requests
from acme import errors as acme_errors
from acme import messages
from acme.client import ClientNetwork
from filelock import FileLock

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.acme_history import History
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import Authority
from buildpro_saas.agent.certificate_store import folder_of, private_folder, put_private, write_private
from buildpro_saas.agent.errors import AgentError, TransientError

NONCE_TRIES = 10
TIMEOUT = 30  # seconds for one answer
LOCK_SECONDS = 60
BUSY_SECONDS = 600  # to wait where the authority names no time
HMAC = re.compile(r"[A-Za-z0-9_-]{16,}={0,2}")  # base64url
KEY, ACCOUNT = "key.pem", "account.json"
GONE = (
	"malformed",
	"unauthorized",
	"orderDoesNotExist",
)  # what authorities say of an order that is not there


class RefusedError(AgentError):
	"""The authority refused. code: of its problem document ("caa"); status: of HTTP; retry_at: when it may be asked again, or 0."""

	def __init__(self, message: str, hint: str = "", code: str = "", status: int = 0, retry_at: float = 0):
		super().__init__(message, hint)
		self.code, self.status, self.retry_at = code, status, retry_at

	@property
	def is_gone(self) -> bool:
		"""Whether what was asked for is not there (any more)."""
		return self.status in (404, 410) or (self.status in (400, 401, 403) and self.code in GONE)


class RefusedForNowError(RefusedError, TransientError):
	"""The same where the authority may answer later."""


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
		self._network: _Network | None = None
		self.directory: dict[str, Any] = {}

	@property
	def key(self) -> josepy.JWK:
		"""The account's key."""
		return self.connected().key

	def connected(self) -> "_Network":
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
		with self._asking():
			response = self._plain().get(url)
		return self._object(response), response

	def renewal_url(self, id: str) -> str:
		"""Where the authority says when the certificate is to be renewed; empty where it does not say that."""
		base = self._of_directory().get("renewalInfo")
		return f"{base.rstrip('/')}/{id}" if base else ""

	# -- within ------------------------------------------------------------------------------------------------------

	def _plain(self) -> "_Network":
		if self._network is None:
			return _Network(self._load_key(), self.authority.ca_file)
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
			raise self._unreadable(None)
		return found

	def _connect(self) -> "_Network":
		directory = self._of_directory()
		network = _Network(self._load_key(), self.authority.ca_file)
		network.new_nonce = directory["newNonce"]
		noted = self._noted()
		if not noted.get("url"):
			self._register(network, directory)
		else:
			network.take(noted["url"])
			if noted.get("contact") != self.authority.contact:
				self._tell_contact(network, noted["url"])
		return network

	def _register(self, network: "_Network", directory: dict) -> None:
		"""Make the account, or find the one that this key has already."""
		payload: dict[str, Any] = {"termsOfServiceAgreed": True, **self._contact()}
		if self.authority.eab_kid:
			payload["externalAccountBinding"] = self._binding(network, directory)
		with self._asking():
			response = network.post(directory["newAccount"], _Plain(payload))
		if not (url := response.headers.get("Location", "")):
			raise self._unreadable(None)
		self._note(url)
		network.take(url)

	def _tell_contact(self, network: "_Network", url: str) -> None:
		try:
			with self._asking():
				network.post(url, _Plain({"contact": self._contact().get("contact", [])}))
		except RefusedError as error:
			# an account that is gone is made anew by the next request
			if error.code != "accountDoesNotExist":
				raise
		else:
			self._note(url)

	def _contact(self) -> dict:
		return {"contact": [f"mailto:{self.authority.contact}"]} if self.authority.contact else {}

	def _binding(self, network: "_Network", directory: dict) -> dict:
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

	def _note(self, url: str) -> None:
		put_private(self.folder / ACCOUNT, {"url": url, "contact": self.authority.contact})

	def _signed(self, url: str, payload: dict | None) -> requests.Response:
		body = None if payload is None else _Plain(payload)
		try:
			with self._asking():
				return self.connected().post(url, body)
		except RefusedError as error:
			if error.code != "accountDoesNotExist":
				raise
		# the authority has forgotten the account (a test authority that was started anew): the key gets another
		(self.folder / ACCOUNT).unlink(missing_ok=True)
		self._network = None
		with self._asking():
			return self.connected().post(url, body)

	@contextmanager
	def _asking(self) -> Iterator[None]:
		"""Give what goes wrong one kind and a sentence."""
		try:
			yield
		except messages.Error as error:
			raise self._refused(error) from None
		except acme_errors.ClientError as error:
			response = next((each for each in error.args if isinstance(each, requests.Response)), None)
			raise self._unreadable(response) from None
		except requests.exceptions.SSLError as error:
			raise AgentError(
				f"The certificate of {self.host} itself is not trusted here ({error.args[0]}).",
				"Correct the machine's clock, or name the authority's own root certificate.",
			) from None
		except (requests.exceptions.RequestException, ValueError, KeyError, acme_errors.Error) as error:
			raise TransientError(f"The authority {self.host} cannot be asked: {error}.") from None

	def _refused(self, error: messages.Error) -> RefusedError:
		code = str(error.typ).rsplit(":", 1)[-1]
		parts = [
			error.detail or error.title or code,
			*(each.detail or "" for each in error.subproblems or ()),
		]
		response = _Network.told_of(error)
		status, retry_at = (response.status_code, wait_until(response)) if response is not None else (0, 0.0)
		is_for_now = code in ("rateLimited", "badNonce", "serverInternal") or status >= 500 or status == 429
		if is_for_now and not retry_at:
			retry_at = time.time() + BUSY_SECONDS
		kind = RefusedForNowError if is_for_now else RefusedError
		sentence = f"The authority {self.host} refused ({code}): {' '.join(filter(None, parts)).rstrip('.')}."
		return kind(sentence, HINTS.get(code, ""), code, status, retry_at)

	def _unreadable(self, response: requests.Response | None) -> AgentError:
		if response is None:
			return TransientError(f"The authority {self.host} answered with something that is no ACME.")
		sentence = f"The authority {self.host} answered {response.status_code} {response.reason}."
		if response.status_code >= 500 or response.status_code == 429:
			retry_at = wait_until(response) or time.time() + BUSY_SECONDS
			return RefusedForNowError(sentence, "", "", response.status_code, retry_at)
		return RefusedError(
			sentence, "Is its directory's address right?", "", response.status_code, wait_until(response)
		)


HINTS = {
	"externalAccountRequired": "Enter the key id and the HMAC key that the authority gives out for an account (EAB).",
	"caa": "Allow this authority in the domain's CAA records.",
	"invalidContact": "Correct the contact's e-mail address.",
	"rejectedIdentifier": "The authority issues nothing for this name: take another name, or another authority.",
	"rateLimited": "It is tried again by itself when the authority allows it.",
}


def wait_until(response: requests.Response, now: float | None = None) -> float:
	"""When the authority may be asked again by its Retry-After (seconds, or a date); 0 where it says none."""
	told = response.headers.get("Retry-After", "").strip()
	now = time.time() if now is None else now
	if told.isdigit():
		return now + int(told)
	try:
		return parsedate_to_datetime(told).timestamp()
	except (TypeError, ValueError):
		return 0.0


class _Plain(josepy.JSONDeSerializable):
	"""A payload that is plain data already."""

	def __init__(self, content: dict):
		self._content = content

	def to_partial_json(self) -> dict:
		return self._content

	@classmethod
	def from_json(cls, jobj: dict) -> "_Plain":
		return cls(jobj)


class _Network(ClientNetwork):
	"""The library's connection, which also tries again after more than one bad nonce, and keeps what came with a refusal."""

	def __init__(self, key: josepy.JWK, ca_file: str):
		super().__init__(key, alg=josepy.ES256, user_agent="buildpro_saas", timeout=TIMEOUT)
		self.verify_ssl = ca_file or True
		self.new_nonce = ""

	def take(self, url: str) -> None:
		"""Sign as the account from now on."""
		self.account = messages.RegistrationResource(uri=url, body=messages.Registration())

	def post(self, url: str, obj: Any, **kwargs: Any) -> requests.Response:
		"""A signed request. The authority may refuse any nonce, and sends a fresh one on asking."""
		for left in reversed(range(NONCE_TRIES)):
			try:
				return self._post_once(url, obj, new_nonce_url=self.new_nonce, **kwargs)
			except messages.Error as error:
				if error.code != "badNonce" or not left:
					raise
		raise AssertionError("unreachable")

	@classmethod
	def _check_response(cls, response: requests.Response, content_type: str | None = None):
		try:
			return super()._check_response(response, content_type)
		except acme_errors.ConflictError:
			# 409 comes with a problem document, too ("alreadyReplaced"), which the library does not read
			error = messages.Error.from_json(response.json())
		except messages.Error as problem:
			error = problem
		error.response = response
		raise error

	@staticmethod
	def told_of(error: messages.Error) -> requests.Response | None:
		"""The response that the problem document came with."""
		return getattr(error, "response", None)


def account_folders(bench: Bench) -> list[Path]:
	"""The folders of all accounts of the bench."""
	return sorted(each for each in (folder_of(bench) / "acme").glob("*") if each.is_dir())
