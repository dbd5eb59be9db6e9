"""The operator's catalogue: what features and limits are called, and what features gate.

    {"features": {"rfi": {"label": "RFI", "gates": [{"kind": "DocType", "name": "RFI", "operations": ["create", "write"]}],
                          "hides": False}},
     "limits": {"max_users": {"label": "Users"}},
     "plans": [{"plan": "Core", "limits": {"max_users": 10}}, …]}

plans: those on offer, the lowest-ranked first, each with all of its limits.

The catalogue is too long to be part of each statement, and it is the same for all tenants. So it travels beside the statement, and
the statement has its digest. A catalogue with another digest does not count.
"""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from weakref import WeakValueDictionary


class Catalogue(dict):
	"""A catalogue as a process holds it. All sites with the same catalogue share one object, and nobody changes it.

	digest: as the function `digest` returns it. gates: what tenant_site/gates.py has worked out of it.
	"""

	__slots__ = ("__weakref__", "digest", "gates")

	def __init__(self, plain: Mapping, digest: str):
		super().__init__(plain)
		self.digest = digest
		self.gates = deque(maxlen=8)  # for each different set of apps that sites of the bench have


# digest → catalogue, for as long as a site's entitlement refers to it
_shared: WeakValueDictionary[str, Catalogue] = WeakValueDictionary()


def shared(plain: Mapping | None) -> Catalogue:
	"""The one object of this process for a catalogue with this content."""
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
