"""Asks the admin site for this site's entitlement, and tells it what was used.

The admin site pushes new entitlements to the sites of every bench that it reaches (licensing/delivery.py). Those sites ask all the same,
but less often, in case a push failed. sync.json in the site's folder says how asking went.
"""

import json
import time
import zlib
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import frappe
import requests
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.agent import site_config
from buildpro_saas.tenant_site import clock, entitlement, entitlement_in_force, site_limits, usage
from buildpro_saas.tenant_site.sandbox import addresses

ENDPOINT = "/api/method/buildpro_saas.api.entitlements.pull"
HEADER = "X-BuildPro-Token"
TOKEN_KEY = "buildpro_sync_token"
FILE = "sync.json"
TIMEOUT = (5, 30)  # seconds to connect, and between two parts of the answer
HOUR = 3600
SHORTEST_PAUSE, LONGEST_PAUSE = 60, 12 * HOUR
DOUBLINGS = 10  # of the pause after failures: more than the longest one takes
# In the state: whole numbers, none below 0.
NUMBERS = ("last_success", "last_attempt", "next", "failures")
# The scheduler comes once an hour, and not to the second.
EARLY = HOUR // 4


class SyncError(Exception):
	"""The admin site did not give what it was asked for. The message is one sentence that says why."""


def pull_when_due() -> None:
	"""Once an hour, on a tenant's site: ask the admin site if it is time, and apply what changes at a date."""
	if not site_role.is_tenant_site():
		return
	clock.note()
	site_limits.follow()
	entitlement_in_force.show_newest_entitlement()
	if is_configured() and _is_time():
		try:
			pull_now()
		except SyncError:
			# pull_now has written it to the state and, the first time, to the log
			frappe.db.rollback()
	# last, for the admin site's answer may have shown that the clock is right
	if complaint := clock.complaint():
		frappe.log_error(title=_("The clock of this site's server"), message=complaint)


def _is_time() -> bool:
	known = state()
	pause = known.get("next", 0) - time.time()
	# the longest pause is the most that an answer asks for: a longer one was noted while the clock ran ahead
	if pause <= EARLY or pause > LONGEST_PAUSE + LONGEST_PAUSE // 10:
		return True
	# after a failure the pause is kept; else it is cut short where the clock is wrong or nothing is in force
	return not known.get("failures") and (
		clock.complaint() is not None or not entitlement.sequence_in_force()
	)


def is_configured() -> bool:
	"""Whether this site knows its admin site and has a token to ask it with."""
	return all(frappe.conf.get(key) for key in ("buildpro_admin_url", "buildpro_tenant", TOKEN_KEY))


def state() -> dict:
	"""How asking went: {"last_success", "last_attempt", "next": seconds since the epoch, "failures": in a row, "error": sentence}.

	Each may be missing. What is damaged counts as missing: then it is time to ask, and how that goes is written anew.
	"""
	try:
		known = json.loads(Path(frappe.local.site_path, FILE).read_text())
	except (OSError, ValueError):  # a ValueError also where it is no text
		return {}
	if not isinstance(known, dict):
		return {}
	return {key: value for key, value in known.items() if key not in NUMBERS or _is_number(value)}


def _is_number(value: object) -> bool:
	return type(value) is int and value >= 0


def remove() -> None:
	"""Forget how asking went, for uninstalling."""
	Path(frappe.local.site_path, FILE).unlink(missing_ok=True)


def pull_now() -> dict:
	"""Ask the admin site now, and put into force what comes. Returns {"unchanged": bool, "sequence": int, "next_pull": seconds}.

	Commits. Raises SyncError when the site is not configured for it, and when the admin site cannot be reached, refuses, or answers
	with what this site does not take. What is in force then stays.
	"""
	try:
		if not is_configured():
			raise SyncError(_("This site does not know its admin site, or has no token to ask it with."))
		batch = usage.to_send()
		# to_send locks rows of Limit Level, and whoever adds something waits for them: the commit frees them before the admin site is
		# asked. What was noted as under way is sent again where no answer comes
		frappe.db.commit()
		answer = _ask(batch)
		if new := answer.get("sync_token"):
			site_config.update_own({TOKEN_KEY: new})
		if batch:
			usage.sent(batch["id"])
			frappe.db.commit()
		if not answer.get("unchanged"):
			_apply(answer)
	except SyncError as error:
		_note_failure(str(error))
		raise
	clock.note(answer["now"])
	_note_success(answer["next_pull"])
	return {
		"unchanged": bool(answer.get("unchanged")),
		"sequence": entitlement.lowest_sequence(),
		"next_pull": answer["next_pull"],
	}


def _ask(batch: dict | None) -> dict:
	conf = frappe.conf
	question = {
		"tenant": conf.buildpro_tenant,
		# a clock that is not believed: ask for a new statement in any case, for it says what time it is
		"sequence": 0 if clock.is_set_back() else entitlement.sequence_in_force(),
		"lowest": entitlement.lowest_sequence(),
		"keys": sorted(entitlement.public_keys()),
		"usage_batch": batch,
	}
	return _message(post(ENDPOINT, question))


def post(endpoint: str, question: dict) -> requests.Response:
	"""Ask the admin site with this site's token; returns what it answered with HTTP 200. Raises SyncError for all else."""
	conf = frappe.conf
	if not is_configured():
		raise SyncError(_("This site does not know its admin site, or has no token to ask it with."))
	url, headers, is_local = address(conf.buildpro_admin_url, endpoint)
	with requests.Session() as session, addresses.also(url, with_proxies=True):
		session.trust_env = not is_local  # a proxy of the environment is not for this machine's own address
		try:
			answer = session.post(
				url,
				json=question,
				headers={**headers, HEADER: conf[TOKEN_KEY], "Accept": "application/json"},
				timeout=TIMEOUT,
				allow_redirects=False,  # the token is for this address only
				verify=True,
			)
		except requests.RequestException as error:
			raise SyncError(
				_("The admin site {0} cannot be reached: {1}.").format(
					conf.buildpro_admin_url, type(error).__name__
				)
			) from error
	if answer.status_code != HTTPStatus.OK:
		raise SyncError(
			_("The admin site {0} answered {1}.").format(conf.buildpro_admin_url, answer.status_code)
		)
	return answer


def _message(answer: requests.Response) -> dict:
	try:
		message = answer.json()["message"]
		message["next_pull"] = min(max(int(message["next_pull"]), SHORTEST_PAUSE), LONGEST_PAUSE)
		message["now"] = int(message["now"]) if "now" in message else None  # an older admin site does not say
	except (ValueError, KeyError, TypeError, OverflowError) as error:
		raise SyncError(_("What answers at {0} is no admin site.").format(answer.url)) from error
	return message


def address(admin_url: str, endpoint: str = ENDPOINT) -> tuple[str, dict, bool]:
	"""Where to ask: (URL, headers, whether it is this machine).

	`*.localhost` (RFC 6761) is this machine. Its resolver may not know the name, so the name goes into the Host header. Any other address
	is asked over TLS only, because the token goes with it. Raises SyncError for an address that is neither.
	"""
	parts = urlsplit(admin_url)
	host = parts.hostname or ""
	if host == "localhost" or host.endswith(".localhost"):
		netloc = f"127.0.0.1:{parts.port}" if parts.port else "127.0.0.1"
		return urlunsplit((parts.scheme, netloc, endpoint, "", "")), {"Host": host}, True
	if parts.scheme != "https":
		raise SyncError(_("The admin site's address {0} is not one of https.").format(admin_url))
	return urlunsplit((parts.scheme, parts.netloc, endpoint, "", "")), {}, False


def _apply(answer: dict) -> None:
	asked_with = entitlement.lowest_sequence()
	try:
		entitlement_in_force.apply_entitlement(answer["token"], answer["catalogue"])
	except (frappe.ValidationError, KeyError) as error:
		frappe.clear_last_message()
		frappe.local.conf.update(site_config.read(Path(frappe.local.site_path)))
		if entitlement.lowest_sequence() > asked_with:
			return  # a newer one was pushed while this one was under way
		raise SyncError(_("The entitlement that came was refused: {0}").format(str(error))) from error


def _note_success(next_pull: int) -> None:
	now = int(time.time())
	_write({"last_success": now, "last_attempt": now, "next": now + next_pull, "failures": 0})


def _note_failure(error: str) -> None:
	"""Note a failure in the state. The first of several in a row goes to the log, too. The pause grows: 1, 2, 4, 8, 12 hours."""
	now, before = int(time.time()), state()
	failures = before.get("failures", 0) + 1
	pause = min(HOUR * 2 ** min(failures - 1, DOUBLINGS), LONGEST_PAUSE)
	if failures == 1:
		frappe.logger("buildpro_saas").warning(error)
	_write(
		{
			"last_success": before.get("last_success"),
			"last_attempt": now,
			"next": now + pause + jitter(frappe.local.site, pause // 10),
			"failures": failures,
			"error": error,
		}
	)


def jitter(site: str, most: int) -> int:
	"""Seconds below `most`, always the same for one site. So sites that lost their admin site together ask again at different times."""
	return zlib.crc32(site.encode()) % max(most, 1)


def _write(content: dict) -> None:
	site_config.write_json(Path(frappe.local.site_path, FILE), content)
