"""Whether a site takes a statement, and what its site_config.json then says. Pure.

Two sides ask this: the site when it has pulled a statement, and the admin site when it pushes one. The side that can write
the site's files writes them.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from buildpro_saas.entitlements import statement
from buildpro_saas.entitlements.packing import pack
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import DAY, EntitlementError, Statement

# The file in a site's folder: {"token", "catalogue"}.
FILE = "entitlement.json"
# In site_config.json, each of them. The public keys of the admin site, by key id.
KEYS_KEY = "buildpro_public_keys"
# The sequence number of the newest statement that the site has had: no older one counts.
SEQUENCE_KEY = "buildpro_sequence"
# The latest time that the site knows to have been.
CLOCK_KEY = "buildpro_clock"
# {"token", "gates"} of the newest statement that the site has had. Its limits and restrictions hold while no statement counts:
# it was lost or damaged, the site was moved, or the key is not known.
LAST_KEY = "buildpro_last_known"
# A digest of what the site's own records show of the statement (see `shown`).
SHOWN_KEY = "buildpro_shown"


@dataclass(frozen=True)
class Accepted:
	"""A statement that the site takes, and the values that its site_config.json gets with it."""

	statement: Statement
	config: dict


def accept(token: str, config: Mapping, site: str, *, catalogue_digest: str, packed_gates: str) -> Accepted:
	"""What site_config.json gets when the site takes `token`.

	config: the site's site_config.json as it is. packed_gates: as pack_gates returns them.
	Raises EntitlementError when the token is not genuine, was made for another site, names another catalogue, or is older than
	one that the site has had.
	"""
	known = trusted_keys(config)
	new = statement.verify(token, known, site)
	if new.catalogue_digest != catalogue_digest:
		raise EntitlementError(
			Reason.BAD_SIGNATURE, "The catalogue is not the one that goes with the entitlement."
		)
	newest = int(number(config, SEQUENCE_KEY))
	if new.sequence < newest:
		raise EntitlementError(Reason.REPLAYED, "The entitlement is older than one that this site has had.")
	# the admin site's time counts first: the next statement forgives a clock that ran ahead for an hour
	latest = 0 if new.sequence > newest else int(number(config, CLOCK_KEY))
	return Accepted(
		new,
		{
			SEQUENCE_KEY: new.sequence,
			LAST_KEY: {"token": token, "gates": packed_gates},
			CLOCK_KEY: max(new.issued_at, latest),
			KEYS_KEY: _trusted_after(new, known),
		},
	)


def trusted_keys(config: Mapping) -> dict[str, str]:
	"""The public keys that a site trusts, by key id. None where that is damaged in its site_config.json: the next delivery mends it."""
	known = config.get(KEYS_KEY)
	return known if isinstance(known, dict) else {}


def number(config: Mapping, key: str) -> float:
	"""A number of site_config.json, 0 where there is none or it is damaged: the next delivery writes it anew."""
	try:
		found = float(config.get(key) or 0)
	except (TypeError, ValueError, OverflowError):
		return 0.0
	return found if math.isfinite(found) else 0.0


def pack_gates(catalogue: Mapping | None) -> str:
	"""The gates of a catalogue's features, packed. The site holds them in LAST_KEY: they say what closes."""
	features = (catalogue or {}).get("features") or {}
	gates = {
		name: {"gates": entry["gates"], "hides": entry.get("hides", False)}
		for name, entry in features.items()
		if entry.get("gates")
	}
	return pack({"features": gates})


def shown(new: Statement, company: str | None, now: float) -> str:
	"""A digest of what the site's own records show of the statement, and of its day (UTC).

	The records show the plan, the status, the company, and which limits have a row. While the digest stays the same, nothing has to
	be written into the site's database. The day is in it so that the first delivery of another day writes all the same: that also
	puts other things right, such as the app where an Administrator has taken it off the list of installed apps.
	"""
	grants = new.grants(now)
	content = [grants.plan, new.status, company or "", sorted(grants.limits), new.issued_at // DAY]
	return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _trusted_after(new: Statement, known: Mapping[str, str]) -> dict[str, str]:
	"""The public keys that the site trusts after `new`: those that it brings are added, those that it does not name go."""
	keys = {**known, **new.next_keys}
	return {kid: keys[kid] for kid in keys if not new.keys or kid in new.keys or kid == new.kid}
