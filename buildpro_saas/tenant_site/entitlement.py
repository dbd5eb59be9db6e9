"""The entitlement that this site has: where it is kept, and what it decides.

It is kept in the file entitlement.json of the site's folder, and not in the database. Nobody can write there from Desk, and a restored
database brings no old entitlement back. One stat of the file tells whether it has changed. So every process follows a new one at
once, with or without Redis. Whether it counts depends on site_config.json: the public keys, and the lowest sequence number.
"""

import json
import os
from pathlib import Path
from time import monotonic

import frappe
from filelock import FileLock
from frappe import local

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import acceptance, decision, statement
from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements.acceptance import FILE, KEYS_KEY, LAST_KEY, SEQUENCE_KEY
from buildpro_saas.entitlements.catalogue import Catalogue
from buildpro_saas.entitlements.clock import CURRENT
from buildpro_saas.entitlements.closed import closed
from buildpro_saas.entitlements.decision import Decisions
from buildpro_saas.entitlements.kept import Kept
from buildpro_saas.entitlements.packing import inflate
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import Statement
from buildpro_saas.tenant_site import clock

DOCTYPE = "Nexelya Plan Settings"
# Stands for the token of a file that cannot be read: no JWT, so it never counts.
DAMAGED = "damaged"
NO_CATALOGUE = catalogues.shared(None)
# In frappe.local.cache, which lives as long as the request or job. frappe.clear_cache() empties it.
LOCAL_KEY = "buildpro_decisions"
# A job may run for hours; after so many seconds it asks for the entitlement again.
HOLD_SECONDS = 60
LOCK_TIMEOUT = 30  # seconds; applying takes milliseconds

# How many sites' files a process keeps as it read them: 5 KB each. Sites with the same catalogue share one object.
MOST_READ = 5000
# path of a site's file → (signature of the file, token, catalogue): the same for all requests of a process
_read: Kept[tuple[tuple, str, Catalogue]] = Kept(MOST_READ)


class Held:
	"""What a request or job holds of the entitlement, until a moment of the monotonic clock.

	decisions: by which it goes. checks: what it has asked for (checks.py). gates: what is gated (gates.py). checks and gates are None
	until somebody asks.
	"""

	__slots__ = ("checks", "decisions", "gates", "until")

	def __init__(self, decisions: Decisions, seconds: float = HOLD_SECONDS):
		self.decisions = decisions
		self.until = monotonic() + seconds
		self.checks = self.gates = None


def current() -> Held:
	"""What this site's entitlement decides, as of now. Within a request or job it is looked up once (again after HOLD_SECONDS)."""
	held = local.cache.get(LOCAL_KEY)
	if held is not None and monotonic() < held.until:
		return held
	return load()


def current_decisions() -> Decisions:
	"""The decisions of current()."""
	return current().decisions


def load_decisions() -> Decisions:
	"""The decisions of load()."""
	return load().decisions


def load() -> Held:
	"""Look the entitlement up and hold it for the request. That is one stat; the file is read only when it has changed."""
	now = clock.trusted_now()
	decisions = _decisions(now)
	if decisions.standing is Reason.UNKNOWN_KEY:
		# this job began before the signing key was changed: it has the old keys
		frappe.local.conf[KEYS_KEY] = site_config.read(Path(frappe.local.site_path)).get(KEYS_KEY)
		decisions = _decisions(now)
	until = decisions.until
	seconds = HOLD_SECONDS if until is None else min(HOLD_SECONDS, max(until - now, 0))
	held = frappe.local.cache[LOCAL_KEY] = Held(decisions, seconds)
	return held


def _decisions(now: float) -> Decisions:
	token, catalogue = stored()
	made = decision.decisions_of_token(
		token,
		public_keys(),
		frappe.local.site,
		now,
		catalogue=catalogue,
		lowest_sequence=lowest_sequence(),
	)
	if made.statement is None and has_had_one():
		return closed(made.standing, now, _last_statement())
	return made


def has_had_one() -> bool:
	"""Whether this site has had a statement that counted."""
	return bool(lowest_sequence() or _last_known())


def _last_known() -> dict:
	known = frappe.conf.get(LAST_KEY)
	return known if isinstance(known, dict) else {}


def _last_statement() -> Statement | None:
	return statement.read(_last_known().get("token") or "")


def catalogue_to_gate_by() -> Catalogue:
	"""The catalogue whose gates hold here: the site's own, or the last one that counted where its statement does not count.

	The last one has gates only.
	"""
	kept = _last_known().get("gates")
	if not kept or current_decisions().statement is not None:
		return stored()[1]

	def gates() -> Catalogue:
		return catalogues.shared(inflate(kept))

	last = _last_statement()
	return last.once("gates", kept, gates) if last else gates()


def _kept(token: str, catalogue: dict | None) -> dict:
	"""What LAST_KEY holds: the token, and the gates of the catalogue."""
	return {"token": token, "gates": acceptance.pack_gates(catalogue)}


def keep_last_known() -> None:
	"""Note the statement that counts here as the last known one. An earlier version of this app did not note it."""
	if LAST_KEY not in frappe.conf and load_decisions().statement:
		site_config.update_own({LAST_KEY: _kept(*stored())})


def stored() -> tuple[str, Catalogue]:
	"""The token and the catalogue of this site; an empty token and catalogue when it has none."""
	path = os.path.join(frappe.local.site_path, FILE)
	try:
		found = os.stat(path)
	except FileNotFoundError:
		return "", NO_CATALOGUE
	signature = (found.st_mtime_ns, found.st_ino, found.st_size)
	held = _read.get(path)
	if held and held[0] == signature:
		return held[1], held[2]
	try:
		token, catalogue = _content_of(Path(path))
	except OSError:
		# a folder of that name, or another user's file: looked at again next time, for somebody can mend that
		return DAMAGED, NO_CATALOGUE
	_read.put(path, (signature, token, catalogue))
	return token, catalogue


def _content_of(path: Path) -> tuple[str, Catalogue]:
	try:
		content = json.loads(path.read_text())
		return str(content["token"]), catalogues.shared(dict(content["catalogue"]))
	except (ValueError, KeyError, TypeError):
		# a damaged file (a full disk, a hand that edited it) is no genuine entitlement; the site goes on answering
		return DAMAGED, NO_CATALOGUE


def stored_token() -> str:
	"""The token of this site; empty when it has none."""
	return stored()[0]


def apply(token: str, catalogue: dict | None = None) -> Statement:
	"""Put a statement and its catalogue into force for every process of the bench, and return the statement.

	Raises EntitlementError when it is not genuine, was made for another site, or is older than one that the site has had. The one in
	force then stays.
	"""
	folder = Path(frappe.local.site_path)
	(folder / "locks").mkdir(exist_ok=True)
	# licensing/site_files.py, which pushes statements, takes the same lock
	with FileLock(folder / "locks" / "entitlement.lock", timeout=LOCK_TIMEOUT):
		accepted = acceptance.accept(
			token,
			site_config.read(folder),
			frappe.local.site,
			catalogue_digest=catalogues.digest(catalogue),
			packed_gates=acceptance.pack_gates(catalogue),
		)
		site_config.write_json(folder / FILE, {"token": token, "catalogue": catalogue or {}})
		site_config.update_own(accepted.config)
	forget_in_request()
	return accepted.statement


def verify(token: str) -> Statement:
	"""The statement in `token` when it is genuine and made for this site. Raises EntitlementError otherwise."""
	return statement.verify(token, public_keys(), frappe.local.site)


def public_keys() -> dict[str, str]:
	"""The public keys of the admin site, by key id, as they are in site_config.json."""
	return acceptance.trusted_keys(frappe.conf)


def lowest_sequence() -> int:
	"""The sequence number of the newest statement that this site has had; 0 for none."""
	return int(acceptance.number(frappe.conf, SEQUENCE_KEY))


def sequence_in_force() -> int:
	"""The sequence number to ask the admin site with: that of the statement in force here, 0 for none.

	It is not the newest number: that stays in site_config.json even when its statement is lost, damaged or over by this site's clock. A
	site that asked with it would be told that there is nothing new.
	"""
	return lowest_sequence() if load_decisions().standing in CURRENT else 0


def forget() -> None:
	"""Drop what this process holds of the site's entitlement."""
	_read.forget(os.path.join(frappe.local.site_path, FILE))
	forget_in_request()


def forget_in_request() -> None:
	"""Drop what this request holds, so that the entitlement is looked at again next time."""
	frappe.local.cache.pop(LOCAL_KEY, None)


def remove() -> None:
	"""Take the entitlement off the site, for uninstalling."""
	Path(frappe.local.site_path, FILE).unlink(missing_ok=True)
	site_config.update_own({acceptance.SHOWN_KEY: None})  # an app that is installed anew shows nothing yet
	forget()
