"""How an authority is asked (ACME): signed requests over the `acme` library, and what its refusals mean."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import josepy
import requests
from acme import errors as acme_errors
from acme import messages
from acme.client import ClientNetwork

from buildpro_saas.agent.errors import AgentError, TransientError

NONCE_TRIES = 10
TIMEOUT = 30  # seconds for one answer
BUSY_SECONDS = 600  # to wait where the authority names no time
GONE = (
	"malformed",
	"unauthorized",
	"orderDoesNotExist",
)  # what authorities say of an order that is not there
HINTS = {
	"externalAccountRequired": "Enter the key id and the HMAC key that the authority gives out for an account (EAB).",
	"caa": "Allow this authority in the domain's CAA records.",
	"invalidContact": "Correct the contact's e-mail address.",
	"rejectedIdentifier": "The authority issues nothing for this name: take another name, or another authority.",
	"rateLimited": "It is tried again by itself when the authority allows it.",
}


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


@contextmanager
def asking(host: str) -> Iterator[None]:
	"""Give what goes wrong one kind and a sentence."""
	try:
		yield
	except messages.Error as error:
		raise _refused(host, error) from None
	except acme_errors.ClientError as error:
		response = next((each for each in error.args if isinstance(each, requests.Response)), None)
		raise unreadable(host, response) from None
	except requests.exceptions.SSLError as error:
		raise AgentError(
			f"The certificate of {host} itself is not trusted here ({error.args[0]}).",
			"Correct the machine's clock, or name the authority's own root certificate.",
		) from None
	except (requests.exceptions.RequestException, ValueError, acme_errors.Error) as error:
		raise TransientError(f"The authority {host} cannot be asked: {error}.") from None


def _refused(host: str, error: messages.Error) -> RefusedError:
	code = str(error.typ).rsplit(":", 1)[-1]
	parts = [
		error.detail or error.title or code,
		*(each.detail or "" for each in error.subproblems or ()),
	]
	response = Network.told_of(error)
	status, retry_at = (response.status_code, wait_until(response)) if response is not None else (0, 0.0)
	is_for_now = code in ("rateLimited", "badNonce", "serverInternal") or status >= 500 or status == 429
	if is_for_now and not retry_at and code != "badNonce":
		retry_at = time.time() + BUSY_SECONDS
	kind = RefusedForNowError if is_for_now else RefusedError
	sentence = f"The authority {host} refused ({code}): {' '.join(filter(None, parts)).rstrip('.')}."
	return kind(sentence, HINTS.get(code, ""), code, status, retry_at)


def unreadable(host: str, response: requests.Response | None = None) -> AgentError:
	"""The error for an answer that has no problem document; without a response: for one that is not what was asked for."""
	if response is None:
		return TransientError(f"The authority {host} answered with something that is no ACME.")
	sentence = f"The authority {host} answered {response.status_code} {response.reason}."
	if response.status_code >= 500 or response.status_code == 429:
		retry_at = wait_until(response) or time.time() + BUSY_SECONDS
		return RefusedForNowError(sentence, "", "", response.status_code, retry_at)
	return RefusedError(
		sentence, "Is its directory's address right?", "", response.status_code, wait_until(response)
	)


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


class Plain(josepy.JSONDeSerializable):
	"""A payload that is plain data already."""

	def __init__(self, content: dict):
		self._content = content

	def to_partial_json(self) -> dict:
		return self._content

	@classmethod
	def from_json(cls, jobj: dict) -> "Plain":
		return cls(jobj)


class Network(ClientNetwork):
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
