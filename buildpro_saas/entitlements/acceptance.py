"""Whether a site takes a statement, and what its site_config.json then says.

Pure. The site itself asks this when it has pulled a statement, and the admin site when it brings one: whoever has the files writes them.
"""

import hashlib
import json
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
# {"token", "gates"} of the newest statement that the site has had, by which it is limited and restricted where none counts any more:
# lost, damaged, of a site that was moved, or signed with a key that is not known.
LAST_KEY = "buildpro_last_known"
# A digest of what the site's own records show of the statement (see `shown`).
SHOWN_KEY = "buildpro_shown"


@dataclass(frozen=True)
class Accepted:
	"""A statement that the site takes, and the values that its site_config.json gets with it."""

	statement: Statement
	config: dict


def accept(token: str, config: Mapping, site: str, *, catalogue_digest: str, packed_gates: str) -> Accepted:
	"""What putting the token into force on the site comes to. config: its site_config.json; packed_gates: as pack_gates has them.

	Raises EntitlementError when the token is not genuine, was made for another site, goes with another catalogue, or is older than one that
	the site has had.
	"""
	known = config.get(KEYS_KEY)
	new = statement.verify(token, known if isinstance(known, dict) else {}, site)
	if new.catalogue_digest != catalogue_digest:
		raise EntitlementError(
			Reason.BAD_SIGNATURE, "The catalogue is not the one that goes with the entitlement."
		)
	newest = int(config.get(SEQUENCE_KEY) or 0)
	if new.sequence < newest:
		raise EntitlementError(Reason.REPLAYED, "The entitlement is older than one that this site has had.")
	# what the admin site says is the time comes first: a clock that ran ahead for an hour is forgiven with the next statement
	latest = 0 if new.sequence > newest else int(config.get(CLOCK_KEY) or 0)
	return Accepted(
		new,
		{
			SEQUENCE_KEY: new.sequence,
			LAST_KEY: {"token": token, "gates": packed_gates},
			CLOCK_KEY: max(new.issued_at, latest),
			KEYS_KEY: _trusted_after(new, known),
		},
	)


def pack_gates(catalogue: Mapping | None) -> str:
	"""What of a catalogue closes: the gates of its features, as LAST_KEY holds them."""
	features = (catalogue or {}).get("features") or {}
	gates = {
		name: {"gates": entry["gates"], "hides": entry.get("hides", False)}
		for name, entry in features.items()
		if entry.get("gates")
	}
	return pack({"features": gates})


def shown(new: Statement, company: str | None, now: float) -> str:
	"""A digest of what the site's records show of the statement: plan, status, company, and which limits have a row; and of its day.

	Where it is the same as before, nothing has to be written into the site's database. The day is in it for what is put right on such a
	visit: a site's Administrator can take the app off the list of installed ones, and each renewal puts it back.
	"""
	grants = new.grants(now)
	content = [grants.plan, new.status, company or "", sorted(grants.limits), new.issued_at // DAY]
	return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _trusted_after(new: Statement, known: Mapping[str, str]) -> dict[str, str]:
	"""The public keys to trust once `new` is in force: those that it brings along, too, and none that it does not name any more."""
	keys = {**known, **new.next_keys}
	return {kid: keys[kid] for kid in keys if not new.keys or kid in new.keys or kid == new.kid}
