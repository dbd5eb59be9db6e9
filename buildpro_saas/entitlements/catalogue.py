"""What the operator's features and limits are called and what they gate: beside the statement, bound to it by its digest.

    {"features": {"rfi": {"label": "RFI", "gates": [{"kind": "DocType", "name": "RFI", "operations": ["create", "write"]}],
                          "hides": False}},
     "limits": {"max_users": {"label": "Users"}},
     "plans": [{"plan": "Core", "limits": {"max_users": 10}}, …]}

plans: those on offer, the lowest-ranked first, each with all of its limits.

It is too long for each statement, and the same for all tenants. One that was changed has another digest, and does not count.
"""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from weakref import WeakValueDictionary


class Catalogue(dict):
	"""A catalogue as a process holds it: one object for all sites that have the same, which nobody changes.

	digest: as the function of that name has it. gates: what the sites' processes have worked out of it (tenant_site/gates.py).
	"""

	__slots__ = ("__weakref__", "digest", "gates")

	def __init__(self, plain: Mapping, digest: str):
		super().__init__(plain)
		self.digest = digest
		self.gates = deque(maxlen=8)  # for each different set of apps that sites of the bench have


# digest → catalogue, for as long as a site's entitlement refers to it
_shared: WeakValueDictionary[str, Catalogue] = WeakValueDictionary()


def shared(plain: Mapping | None) -> Catalogue:
	"""The one object that this process holds of a catalogue."""
	if isinstance(plain, Catalogue):
		return plain
	known_by = digest(plain)
	held = _shared.get(known_by)
	if held is None:
		held = _shared[known_by] = Catalogue(plain or {}, known_by)
	return held


def canonical(catalogue: Mapping) -> str:
	"""The catalogue as text, always the same for the same content."""
	return json.dumps(catalogue, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(catalogue: Mapping | None) -> str:
	"""SHA-256 of the canonical text, hexadecimal; empty for no catalogue."""
	return hashlib.sha256(canonical(catalogue).encode()).hexdigest() if catalogue else ""


def label_of(catalogue: Mapping | None, kind: str, key: str, otherwise: str | None = None) -> str:
	"""What people read for a key of `kind` ("features" or "limits"): its label, else `otherwise`, else the key made readable."""
	entry = ((catalogue or {}).get(kind) or {}).get(key) or {}
	return entry.get("label") or otherwise or (readable(key) if kind == "limits" else key)


def readable(key: str) -> str:
	"""max_users as "Max users"."""
	return key.replace("_", " ").strip().capitalize() or key
