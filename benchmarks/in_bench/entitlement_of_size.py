"""Entitlements of a given size, for what is measured here."""

from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements import layers, statement

SIZES = {"small": (10, 5), "large": (500, 50)}  # features, limits
FEATURE, DENIED = "feature_1", "feature_0"
GATED = "Note"


def catalogue_of(size: str) -> dict:
	"""As many features and limits; the one that is asked for gates a doctype."""
	features, limits = SIZES[size]
	known = {
		"features": {
			f"feature_{number}": {
				"label": f"Feature {number}",
				"plan": "Enterprise",
				"gates": [{"kind": "DocType", "name": f"Thing {number}", "operations": ["create"]}],
			}
			for number in range(features)
		},
		"limits": {f"limit_{number}": {"label": f"Limit {number}"} for number in range(limits)},
	}
	known["features"][FEATURE]["gates"] = [
		{"kind": "DocType", "name": GATED, "operations": ["create", "write"]}
	]
	return known


def token_of(signing_key: dict, site: str, catalogue: dict, sequence: int, **kinds: list) -> str:
	"""A statement with all features but one; kinds: further layers, such as addons."""
	features = sorted(set(catalogue["features"]) - {DENIED})
	limits = {key: {"value": 10, "is_hard": True} for key in catalogue["limits"]}
	data = {
		"tenant": "benchmark",
		"site": site,
		"layers": layers.single_plan("Growth", features, limits) | kinds,
	}
	return statement.issue(
		signing_key,
		data,
		valid_days=30,
		grace_days=7,
		sequence=sequence,
		catalogue_digest=catalogues.digest(catalogue),
	)
