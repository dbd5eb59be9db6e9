"""The entitlement that this site holds: where it is kept, and the gate that follows from it.

It is kept in a file of the site's folder, entitlement.json, and not in the database: nobody can write there from Desk, an old
database that is restored brings no old entitlement back, and asking whether it has changed is one stat of a file, so that every
process of the bench goes by a new one at once, with or without Redis. What makes it count (the public keys, the site's name, the
lowest sequence number) comes from site_config.json.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from time import monotonic

import frappe
from filelock import FileLock
from frappe import local

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import acceptance, decision, statement
from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements.acceptance import FILE, KEYS_KEY, LAST_KEY, SEQUENCE_KEY
from buildpro_saas.entitlements.clock import CURRENT
from buildpro_saas.entitlements.closed import closed
from buildpro_saas.entitlements.decision import Gate
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import Statement, inflate
from buildpro_saas.tenant_site import clock

DOCTYPE = "Nexelya Plan Settings"
# Stands for the token of a file that cannot be read: no JWT, so it never counts.
DAMAGED = "damaged"
# In frappe.local.cache, which lives as long as the request or job and is emptied by frappe.clear_cache().
LOCAL_KEY = "buildpro_gate"
# A job may run for hours; after so many seconds it asks for the entitlement again.
HOLD_SECONDS = 60
LOCK_TIMEOUT = 30  # seconds; applying takes milliseconds

# path of a site's file → (signature of the file, token, catalogue): the same for all requests of a process
_read: dict[str, tuple[tuple, str, dict]] = {}


class Held:
	"""A gate that a request or job holds until a moment of the monotonic clock.

	With what it has asked for (checks.py) and what is gated (gates.py), each None until it is asked for.
	"""

	__slots__ = ("checks", "gate", "gates", "until")

	def __init__(self, gate: Gate, seconds: float = HOLD_SECONDS):
		self.gate = gate
		self.until = monotonic() + seconds
		self.checks = self.gates = None


def current() -> Held:
	"""This site's gate as of now. Within a request or job it is made once (again after HOLD_SECONDS)."""
	held = local.cache.get(LOCAL_KEY)
	if held is not None and monotonic() < held.until:
		return held
	return load()


def current_gate() -> Gate:
	"""The gate of current()."""
	return current().gate


def load_gate() -> Gate:
	"""The gate of load()."""
	return load().gate


def load() -> Held:
	"""Make this site's gate and keep it for the request: a stat of the file, which is read only when it has changed."""
	now = clock.trusted_now()
	gate = _gate(now)
	if gate.standing is Reason.UNKNOWN_KEY:
		# in a job that began before the signing key was changed
		frappe.local.conf[KEYS_KEY] = site_config.read(Path(frappe.local.site_path)).get(KEYS_KEY)
		gate = _gate(now)
	seconds = HOLD_SECONDS if gate.until is None else min(HOLD_SECONDS, max(gate.until - now, 0))
	held = frappe.local.cache[LOCAL_KEY] = Held(gate, seconds)
	return held


def _gate(now: float) -> Gate:
	token, catalogue = stored()
	made = decision.gate(
		token,
		public_keys(),
		frappe.local.site,
		now,
		catalogue=catalogue,
		lowest_sequence=lowest_sequence(),
	)
	if made.statement is None and has_had_one():
		return closed(made.standing, now, statement.read(_last_known().get("token") or ""))
	return made


def has_had_one() -> bool:
	"""Whether this site has had a statement that counted."""
	return bool(lowest_sequence() or _last_known())


def _last_known() -> dict:
	known = frappe.conf.get(LAST_KEY)
	return known if isinstance(known, dict) else {}


def catalogue_to_gate_by() -> dict:
	"""The catalogue of this site; where its statement does not count, the gates of the last one that did."""
	kept = _last_known().get("gates")
	return _inflated(kept) if kept and current_gate().statement is None else stored()[1]


# the very same object for the same gates, as what is read from the file is (gates.py)
_inflated = lru_cache(maxsize=64)(inflate)


def _kept(token: str, catalogue: dict | None) -> dict:
	"""What LAST_KEY holds: the token, and of the catalogue what closes."""
	return {"token": token, "gates": acceptance.pack_gates(catalogue)}


def keep_last_known() -> None:
	"""Note the statement that counts here, where an earlier version of this app put it into force and did not."""
	if LAST_KEY not in frappe.conf and load_gate().statement:
		site_config.update_own({LAST_KEY: _kept(*stored())})


def stored() -> tuple[str, dict]:
	"""The token and the catalogue of this site; ("", {}) when it has none."""
	path = os.path.join(frappe.local.site_path, FILE)
	try:
		found = os.stat(path)
	except FileNotFoundError:
		return "", {}
	signature = (found.st_mtime_ns, found.st_ino, found.st_size)
	held = _read.get(path)
	if held and held[0] == signature:
		return held[1], held[2]
	try:
		token, catalogue = _content_of(Path(path))
	except OSError:
		return (
			DAMAGED,
			{},
		)  # a folder of that name, or another user's file; looked at again, for that can be mended from outside
	_read[path] = (signature, token, catalogue)
	return token, catalogue


def _content_of(path: Path) -> tuple[str, dict]:
	try:
		content = json.loads(path.read_text())
		return str(content["token"]), dict(content["catalogue"])
	except (ValueError, KeyError, TypeError):
		# a damaged file (a full disk, a hand that edited it) is no genuine entitlement; the site goes on answering
		return DAMAGED, {}


def stored_token() -> str:
	"""The token of this site; empty when it has none."""
	return stored()[0]


def apply(token: str, catalogue: dict | None = None) -> Statement:
	"""Put a statement, with the catalogue that goes with it, into force for every process of the bench, and return it.

	Raises EntitlementError when it is not genuine, was made for another site, or is older than one that the site has had; the one
	in force then stays.
	"""
	folder = Path(frappe.local.site_path)
	(folder / "locks").mkdir(exist_ok=True)
	# licensing/site_files.py takes the same lock, which brings statements from outside
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
	keys = frappe.conf.get(KEYS_KEY)
	return keys if isinstance(keys, dict) else {}


def lowest_sequence() -> int:
	"""The sequence number of the newest statement that this site has had; 0 for none."""
	return int(frappe.conf.get(SEQUENCE_KEY) or 0)


def sequence_in_force() -> int:
	"""The sequence number to ask the admin site with: of the newest statement that this site has had, 0 when none is in force here.

	That number stays in site_config.json when the statement itself is lost, damaged, or over by this site's clock; who asks with it is
	told that there is nothing new.
	"""
	return lowest_sequence() if load_gate().standing in CURRENT else 0


def forget() -> None:
	"""Drop what this process holds of the site's entitlement."""
	_read.pop(os.path.join(frappe.local.site_path, FILE), None)
	forget_in_request()


def forget_in_request() -> None:
	"""Drop what this request holds, so that the entitlement is looked at again next time."""
	frappe.local.cache.pop(LOCAL_KEY, None)


def remove() -> None:
	"""Take the entitlement off the site, for uninstalling."""
	Path(frappe.local.site_path, FILE).unlink(missing_ok=True)
	site_config.update_own({acceptance.SHOWN_KEY: None})  # an app that is installed anew shows nothing yet
	forget()
