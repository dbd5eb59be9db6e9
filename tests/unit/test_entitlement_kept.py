"""What a process holds of many sites: shared where it is the same, bounded where it is not, and cheap to make anew."""

import copy
import gc
import tracemalloc

import pytest

from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements import decision, keys, layers, statement
from buildpro_saas.entitlements.kept import Kept
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import EntitlementError

NOW = 1_700_000_000
KEY, OTHER_KEY = keys.generate(), keys.generate()
PUBLIC_KEYS = {KEY["kid"]: KEY["public"]}
FEATURES = [f"feature_{number}" for number in range(500)]
CATALOGUE = {
	"features": {
		name: {"label": name, "gates": [{"kind": "DocType", "name": name, "operations": ["create"]}]}
		for name in FEATURES
	}
}


def site_of(number: int) -> str:
	return f"kept-{number}.localhost"


def token_of(number: int, key: dict = KEY, **kinds) -> str:
	data = {
		"tenant": f"kept-{number}",
		"site": site_of(number),
		"layers": layers.single_plan("Growth", FEATURES) | kinds,
	}
	digest = catalogues.digest(CATALOGUE)
	return statement.issue(key, data, valid_days=30, grace_days=7, catalogue_digest=digest, now=NOW)


def as_read() -> dict:
	"""The catalogue as another site's file has it."""
	return copy.deepcopy(CATALOGUE)


def ask(number: int, token: str, public_keys: dict = PUBLIC_KEYS) -> decision.Decision:
	catalogue = catalogues.shared(as_read())
	return decision.decisions_of_token(token, public_keys, site_of(number), NOW, catalogue=catalogue)[
		"feature_1"
	]


@pytest.fixture
def begun():
	"""As in a process that has just begun."""
	statement.forget()
	yield
	statement.forget()


@pytest.fixture
def verified(monkeypatch):
	"""How often a signature was verified."""
	calls = []
	public_key = statement._public_key
	monkeypatch.setattr(statement, "_public_key", lambda *found: calls.append(found) or public_key(*found))
	return calls


def test_the_one_used_longest_ago_goes_first():
	kept = Kept(2)
	kept.put("a", 1), kept.put("b", 2)
	assert kept.get("a") == 1
	kept.put("c", 3)
	assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)
	kept.forget("a")
	assert kept.get("a") is None


def test_a_catalogue_is_held_once_and_no_longer_than_it_is_used():
	one, other = catalogues.shared(as_read()), catalogues.shared(as_read())
	assert one is other and one == CATALOGUE and one.digest == catalogues.digest(CATALOGUE)
	assert catalogues.shared(CATALOGUE | {"limits": {}}) is not one
	digest = one.digest
	del one, other
	gc.collect()
	assert digest not in catalogues._shared


def test_a_second_site_with_the_same_plan_and_catalogue_takes_little(begun):
	tokens = [token_of(number) for number in range(101)]
	ask(0, tokens[0])
	held = catalogues.shared(as_read())
	tracemalloc.start()
	try:
		for number in range(1, 101):
			ask(number, tokens[number])
		gc.collect()
		each = tracemalloc.get_traced_memory()[0] / 100
	finally:
		tracemalloc.stop()
	assert held and each < 40_000  # bytes; the catalogue alone has 500,000


def test_above_the_bound_nothing_is_verified_twice(begun, verified, monkeypatch):
	sites = 20
	monkeypatch.setattr(statement._held, "most", sites // 2)
	tokens = [token_of(number) for number in range(sites)]
	for _ in range(3):
		for number in range(sites):
			assert ask(number, tokens[number]).allowed
	assert len(verified) == sites and len(statement._held) == sites // 2


def test_what_was_judged_for_one_site_and_key_says_nothing_of_others(begun, verified):
	token = token_of(1)
	assert ask(1, token).allowed
	assert ask(2, token).reason is Reason.WRONG_SITE
	assert ask(1, token, {OTHER_KEY["kid"]: OTHER_KEY["public"]}).reason is Reason.UNKNOWN_KEY
	assert ask(1, token, {KEY["kid"]: OTHER_KEY["public"]}).reason is Reason.BAD_SIGNATURE
	assert ask(1, token).allowed


def test_a_forged_token_costs_one_verification_and_stays_refused(begun, verified):
	forged = token_of(1, {**OTHER_KEY, "kid": KEY["kid"]})
	for _ in range(5):
		with pytest.raises(EntitlementError) as refusal:
			statement.verify(forged, PUBLIC_KEYS, site_of(1))
		assert refusal.value.reason is Reason.BAD_SIGNATURE
	assert len(verified) == 1


def test_what_a_site_reads_unproven_is_not_taken_for_proven(begun):
	"""closed.py reads the last statement without its key; that must not open anything."""
	forged = token_of(1, OTHER_KEY)
	assert statement.read(forged).site == site_of(1)
	with pytest.raises(EntitlementError):
		statement.verify(forged, PUBLIC_KEYS, site_of(1))


def test_one_tenants_own_layers_are_not_anothers(begun):
	own = {"addons": [{"addon": "Own", "features": ["more"], "limits": {}, "from": None, "until": None}]}
	with_more, without = token_of(1, **own), token_of(2)
	gates = [
		decision.decisions_of_token(token, PUBLIC_KEYS, site_of(number), NOW, catalogue=CATALOGUE)
		for number, token in ((1, with_more), (2, without))
	]
	assert ["more" in gate.known_features for gate in gates] == [True, False]
