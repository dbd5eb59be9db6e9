"""Asks web servers for sites under their names, and has each prove that it is the one that was asked (proof.py). Many at once, within a time."""

import json
import secrets
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from buildpro_saas.agent import proof
from buildpro_saas.agent.health_facts import NO_FOLDER, NOT_ASKED, REFUSED, SiteAnswer

PROVE = "buildpro_saas.tenant_site.identity.prove"
PATH = f"/api/method/{PROVE}"
OK = 200
AT_ONCE = 20
SECONDS = 4.0  # for one site
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Asked:
	"""One site that is asked. secret: of its site_config.json. host: the name under which it is asked. tls_ca: None for plain HTTP; else the
	file of the CA that is trusted, "" for the public ones."""

	site: str
	secret: str
	host: str
	address: str
	port: int
	tls_ca: str | None = None


def question(secret: str, site: str) -> tuple[str, dict[str, str]]:
	"""(a nonce, what is sent with it) for the site."""
	nonce = secrets.token_urlsafe(16)
	return nonce, {"nonce": nonce, "question": proof.question(secret, site, nonce)}


def is_itself(said: object, secret: str, site: str, nonce: str) -> bool:
	"""Whether what was answered (the JSON of it) proves that it is the site."""
	message = said.get("message") if isinstance(said, Mapping) else None
	answer = message.get("answer", "") if isinstance(message, Mapping) else ""
	return proof.is_right(answer, proof.answer(secret, site, nonce))


def ask(asked: list[Asked], within: float) -> dict[str, SiteAnswer]:
	"""Site → what it answered. No more than AT_ONCE are asked at once, each for SECONDS; after `within` seconds nobody is asked any more."""
	if not asked:
		return {}
	until = time.monotonic() + within
	with ThreadPoolExecutor(min(AT_ONCE, len(asked))) as pool:
		return dict(
			zip(
				[each.site for each in asked],
				pool.map(lambda each: _in_time(each, until), asked),
				strict=True,
			)
		)


def lost(error: str, hint: str) -> SiteAnswer:
	"""Of a site whose folder or secret is missing, so that it cannot be asked."""
	return SiteAnswer(NO_FOLDER, 0, False, error, hint, 0.0)


def _in_time(asked: Asked, until: float) -> SiteAnswer:
	left = until - time.monotonic()
	if left <= 0.1:
		return SiteAnswer(NOT_ASKED, 0, False, "No time was left to ask it.", "", 0.0)
	return _ask(asked, min(SECONDS, left))


def _ask(asked: Asked, seconds: float) -> SiteAnswer:
	nonce, fields = question(asked.secret, asked.site)
	began = time.monotonic()
	try:
		with _pool(asked, seconds) as pool:
			answer = pool.request(
				"GET",
				PATH,
				fields=fields,
				headers={"Host": asked.host, "Accept": "application/json"},
				redirect=False,
			)
			proven = answer.status == OK and is_itself(_json(answer), asked.secret, asked.site, nonce)
			return SiteAnswer("", answer.status, proven, "", "", time.monotonic() - began)
	except (HTTPError, OSError) as error:
		took = time.monotonic() - began
		return SiteAnswer(_kind(error), 0, False, _sentence(error, asked, seconds), "", took)


def _pool(asked: Asked, seconds: float) -> urllib3.HTTPConnectionPool:
	wanted = {"timeout": urllib3.Timeout(total=seconds), "retries": False, "maxsize": 1}
	if asked.tls_ca is None:
		return urllib3.HTTPConnectionPool(asked.address, asked.port, **wanted)
	trusted = {"ca_certs": asked.tls_ca} if asked.tls_ca else {}
	return urllib3.HTTPSConnectionPool(
		*(asked.address, asked.port),
		cert_reqs="CERT_REQUIRED",
		server_hostname=asked.host,
		assert_hostname=asked.host,
		**trusted,
		**wanted,
	)


def _json(answer) -> object:
	try:
		return json.loads(answer.data)
	except ValueError:
		return None


def _kind(error: BaseException) -> str:
	"""REFUSED where nothing listens there; "" for all else."""
	return REFUSED if isinstance(error, NewConnectionError) else ""


def _sentence(error: BaseException, asked: Asked, seconds: float) -> str:
	where = f"{asked.address}:{asked.port}"
	if _kind(error) == REFUSED:
		return f"nothing listens at {where}."
	if isinstance(error, SSLError):
		return f"its certificate at {where} is not right: {error}"
	if isinstance(error, urllib3.exceptions.TimeoutError | socket.timeout):
		return f"there was no answer from {where} within {seconds:.0f} s."
	return f"{where} broke off: {error}"
