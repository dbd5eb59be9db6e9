"""The signed statement: what is issued is read back, and nothing else is."""

import base64
import json
import zlib

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildpro_saas.entitlements import keys, layers, packing, statement
from buildpro_saas.entitlements.reason import ALLOWING, Reason
from buildpro_saas.entitlements.statement import DAY, LEEWAY, EntitlementError

NOW = 1_700_000_000
SITE = "acme.example.com"
KEY = keys.generate()
OTHER_KEY = keys.generate()
PUBLIC_KEYS = {KEY["kid"]: KEY["public"]}
DATA = {
	"tenant": "acme",
	"site": SITE,
	"layers": layers.single_plan(
		"Growth", ["submittal", "rfi"], {"max_users": {"value": 25, "is_hard": True}}
	),
	"contact": "support@example.com",
}
names = st.text(min_size=1, max_size=20)


def issue(key=KEY, now=NOW, valid_days=30, grace_days=7, **changes) -> str:
	return statement.issue(key, DATA | changes, valid_days=valid_days, grace_days=grace_days, now=now)


def standing(token, public_keys=PUBLIC_KEYS, site=SITE, now=NOW) -> Reason:
	"""Why the token is no good there, else whether it is in force at that time."""
	try:
		return statement.verify(token, public_keys, site).standing(now)
	except EntitlementError as error:
		return error.reason


def refusal(*arguments, **others) -> Reason:
	reason = standing(*arguments, **others)
	assert reason not in ALLOWING
	return reason


def forge(header: dict, claims: dict, signature: bytes = b"") -> str:
	parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
	return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def claims_of(token: str) -> dict:
	return jwt.decode(token, options={"verify_signature": False})


def test_what_is_issued_is_read_back():
	read = statement.verify(issue(), PUBLIC_KEYS, SITE)
	assert (read.tenant, read.site, read.status, read.contact) == (
		"acme",
		SITE,
		"Active",
		"support@example.com",
	)
	assert read.layers == DATA["layers"]
	assert (read.sequence, read.catalogue_digest, read.next_keys) == (NOW, "", {})
	assert (read.issued_at, read.expires, read.grace_until) == (NOW, NOW + 30 * DAY, NOW + 37 * DAY)
	assert read.kid == KEY["kid"]


def test_header_and_claims_are_those_of_the_design():
	token = issue()
	assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": KEY["kid"], "typ": "JWT"}
	claims = claims_of(token)
	assert (claims["iss"], claims["aud"], claims["sub"]) == ("buildpro_saas", SITE, "acme")
	assert claims["jti"] != claims_of(issue())["jti"]


def test_what_goes_with_it_is_read_back():
	token = statement.issue(
		KEY,
		DATA,
		valid_days=1,
		grace_days=0,
		sequence=7,
		catalogue_digest="abc",
		next_keys={"new": "key"},
		now=NOW,
	)
	read = statement.verify(token, PUBLIC_KEYS, SITE)
	assert (read.sequence, read.catalogue_digest, read.next_keys) == (7, "abc", {"new": "key"})


@given(
	data=st.fixed_dictionaries(
		{
			"tenant": names,
			"site": names,
			"status": st.sampled_from(statement.STATUSES),
			"layers": st.builds(
				layers.single_plan,
				names,
				st.lists(names, unique=True),
				st.dictionaries(
					names, st.fixed_dictionaries({"value": st.integers(0, 10**9), "is_hard": st.booleans()})
				),
			),
			"contact": st.text(max_size=20),
		}
	)
)
def test_any_data_survives_the_round_trip(data):
	token = statement.issue(KEY, data, valid_days=1, grace_days=0, now=NOW)
	read = statement.verify(token, PUBLIC_KEYS, data["site"])
	assert {field: getattr(read, field) for field in data} == data


def test_500_features_and_50_limits_fit_into_8_kb():
	words = "site plan cost crew bid pay roof wall pump lift crane survey permit meeting snag".split()
	features = [f"{words[i % 15]}_{words[i // 15 % 15]}_{words[i * 7 % 15]}{i}" for i in range(500)]
	limits = {f"max_{words[i % 15]}_{i}": {"value": i * 37, "is_hard": i % 3 == 0} for i in range(50)}
	plain = {
		"plans": [
			layers.plan_layer("Enterprise", features, limits, is_trial=True, until=NOW + DAY),
			layers.plan_layer("Growth", features[:300], limits, begins=NOW + DAY),
		]
	}
	assert len(issue(layers=plain)) <= 8192


@pytest.mark.parametrize(
	"packed", ["", "AAAA", 7, None, packing.pack({}), packing.pack({"plans": [{"plan": 1}]})]
)
def test_layers_that_are_none_are_malformed(packed):
	claims = claims_of(issue()) | {"layers": packed}
	token = jwt.encode(claims, keys.load_private(KEY["private"]), "EdDSA", headers={"kid": KEY["kid"]})
	assert refusal(token) is Reason.MALFORMED


def test_layers_that_would_fill_the_memory_are_malformed():
	bomb = base64.urlsafe_b64encode(zlib.compress(b" " * (packing.LARGEST + 1))).decode()
	token = jwt.encode(
		claims_of(issue()) | {"layers": bomb},
		keys.load_private(KEY["private"]),
		"EdDSA",
		headers={"kid": KEY["kid"]},
	)
	assert refusal(token) is Reason.MALFORMED


@given(offset=st.integers(-60 * DAY, 60 * DAY), grace_days=st.integers(0, 20))
def test_time_decides_the_standing(offset, grace_days):
	verified = statement.verify(issue(grace_days=grace_days), PUBLIC_KEYS, SITE)
	expected = Reason.EXPIRED
	if offset < -LEEWAY:
		expected = Reason.NOT_YET_VALID
	elif offset < 30 * DAY + LEEWAY:
		expected = Reason.PLAN
	elif offset < (30 + grace_days) * DAY + LEEWAY:
		expected = Reason.GRACE
	assert verified.standing(NOW + offset) is expected


@pytest.mark.parametrize(
	("offset", "standing"),
	[
		(-LEEWAY - 1, Reason.NOT_YET_VALID),
		(-LEEWAY, Reason.PLAN),
		(30 * DAY + LEEWAY - 1, Reason.PLAN),
		(30 * DAY + LEEWAY, Reason.GRACE),
		(37 * DAY + LEEWAY - 1, Reason.GRACE),
		(37 * DAY + LEEWAY, Reason.EXPIRED),
	],
)
def test_standings_change_to_the_second(offset, standing):
	assert statement.verify(issue(), PUBLIC_KEYS, SITE).standing(NOW + offset) is standing


@pytest.mark.parametrize(
	("now", "reason"),
	[(NOW + 37 * DAY + LEEWAY, Reason.EXPIRED), (NOW - LEEWAY - 1, Reason.NOT_YET_VALID)],
)
def test_read_refuses_what_is_not_in_force(now, reason):
	assert refusal(issue(), now=now) is reason


def test_read_accepts_grace_and_skewed_clocks():
	for now in (NOW - LEEWAY, NOW + 30 * DAY + LEEWAY, NOW + 37 * DAY + LEEWAY - 1):
		assert standing(issue(), now=now) in ALLOWING


def test_suspended_is_refused_even_in_force():
	assert refusal(issue(status="Suspended")) is Reason.SUSPENDED


@pytest.mark.parametrize("token", ["", None])
def test_no_token(token):
	assert refusal(token) is Reason.NO_ENTITLEMENT


@pytest.mark.parametrize(
	"token", ["x", "a.b", "a.b.c", "....", "é.é.é", "{}", "null", "eyJhbGciOiJFZERTQSJ9.e30."]
)
def test_rubbish_is_refused(token):
	assert refusal(token) in (Reason.BAD_SIGNATURE, Reason.UNKNOWN_KEY)


def test_replayed_from_another_tenant():
	assert refusal(issue(site="neighbour.example.com")) is Reason.WRONG_SITE


@pytest.mark.parametrize("audience", [[SITE, "neighbour.example.com"], [SITE], SITE.upper(), SITE + "."])
def test_an_audience_that_is_not_exactly_this_site_is_refused(audience):
	claims = claims_of(issue()) | {"aud": audience}
	token = jwt.encode(claims, keys.load_private(KEY["private"]), "EdDSA", headers={"kid": KEY["kid"]})
	assert refusal(token) is Reason.WRONG_SITE


def test_signed_by_another_key_under_its_own_name():
	assert refusal(issue(key=OTHER_KEY)) is Reason.UNKNOWN_KEY


def test_signed_by_another_key_under_our_key_id():
	assert refusal(issue(key=OTHER_KEY | {"kid": KEY["kid"]})) is Reason.BAD_SIGNATURE


def test_both_keys_are_good_during_a_rotation():
	both = PUBLIC_KEYS | {OTHER_KEY["kid"]: OTHER_KEY["public"]}
	assert statement.verify(issue(key=OTHER_KEY), both, SITE).kid == OTHER_KEY["kid"]
	assert statement.verify(issue(), both, SITE).kid == KEY["kid"]


def test_a_key_that_was_withdrawn_no_longer_counts():
	token = issue()
	assert statement.verify(token, PUBLIC_KEYS, SITE)
	assert refusal(token, public_keys={OTHER_KEY["kid"]: OTHER_KEY["public"]}) is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("kid", [None, 7, "", ["x"], "unknown"])
def test_a_key_id_that_is_unknown(kid):
	header = {"alg": "EdDSA", "typ": "JWT"} | ({"kid": kid} if kid is not None else {})
	assert refusal(forge(header, claims_of(issue()), b"x" * 64)) in (Reason.UNKNOWN_KEY, Reason.BAD_SIGNATURE)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "RS256", "ES256", "eddsa"])
def test_no_other_algorithm_counts(alg):
	header = {"alg": alg, "typ": "JWT", "kid": KEY["kid"]}
	assert refusal(forge(header, claims_of(issue()))) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
	"secret",
	[KEY["public"].encode(), base64.urlsafe_b64decode(KEY["public"] + "=")],
	ids=["as text", "as bytes"],
)
def test_the_public_key_is_no_hmac_secret(secret):
	token = jwt.encode(claims_of(issue()), secret, "HS256", headers={"kid": KEY["kid"]})
	assert refusal(token) is Reason.BAD_SIGNATURE


def test_our_signature_under_a_header_that_says_none():
	_, payload, signature = issue().split(".")
	header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": KEY["kid"]}).encode()).rstrip(b"=")
	assert refusal(f"{header.decode()}.{payload}.{signature}") is Reason.BAD_SIGNATURE


@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_byte_is_refused(data):
	token = issue()
	parts = token.split(".")
	which = data.draw(st.integers(0, 2))
	raw = bytearray(base64.urlsafe_b64decode(parts[which] + "=="))
	raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
	parts[which] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
	assert refusal(".".join(parts)) in (Reason.BAD_SIGNATURE, Reason.UNKNOWN_KEY)


@pytest.mark.parametrize(
	"change",
	[
		{"layers": packing.pack(layers.single_plan("Enterprise", ["bim", "rfi"]))},
		{"seq": NOW * 2},
		{"status": "Active "},
		{"exp": NOW + 3650 * DAY},
		{"grace": 3650 * DAY},
	],
)
def test_a_better_payload_under_the_old_signature(change):
	header, _, signature = issue().split(".")
	payload = base64.urlsafe_b64encode(json.dumps(claims_of(issue()) | change).encode()).rstrip(b"=").decode()
	assert refusal(f"{header}.{payload}.{signature}") is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
	"missing", ["iss", "sub", "iat", "nbf", "exp", "jti", "seq", "layers", "status", "catalogue", "grace"]
)
def test_a_signed_statement_that_lacks_a_part(missing):
	claims = {key: value for key, value in claims_of(issue()).items() if key != missing}
	token = jwt.encode(claims, keys.load_private(KEY["private"]), "EdDSA", headers={"kid": KEY["kid"]})
	assert refusal(token) is Reason.MALFORMED


def test_another_issuer_is_refused():
	claims = claims_of(issue()) | {"iss": "other"}
	token = jwt.encode(claims, keys.load_private(KEY["private"]), "EdDSA", headers={"kid": KEY["kid"]})
	assert refusal(token) is Reason.MALFORMED


@pytest.mark.parametrize(
	"public",
	["", "short", None, 5, KEY["public"][:-4]],
	ids=["empty", "short", "none", "number", "cut short"],
)
def test_a_damaged_public_key_lets_nothing_in(public):
	assert refusal(issue(), public_keys={KEY["kid"]: public}) is Reason.UNKNOWN_KEY


def test_a_second_look_costs_no_cryptography(monkeypatch):
	token = issue()
	first = statement.verify(token, PUBLIC_KEYS, SITE)
	forged = issue(key=OTHER_KEY | {"kid": KEY["kid"]})
	assert refusal(forged) is Reason.BAD_SIGNATURE
	monkeypatch.setattr(jwt, "decode", lambda *args, **kwargs: pytest.fail("verified again"))
	assert statement.verify(token, PUBLIC_KEYS, SITE) is first
	assert refusal(forged) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
	("missing", "change"),
	[
		("tenant", {"tenant": ""}),
		("site", {"site": ""}),
		("a plan", {"layers": {}}),
		("a plan", {"layers": {"plans": []}}),
	],
)
def test_nothing_is_issued_without_its_essentials(missing, change):
	with pytest.raises(ValueError, match=missing):
		issue(**change)


def test_nothing_is_issued_with_a_status_that_is_none():
	with pytest.raises(ValueError, match="status"):
		issue(status="Closed")


@pytest.mark.parametrize(("valid_days", "grace_days"), [(0, 7), (-1, 7), (30, -1)])
def test_nothing_is_issued_for_senseless_durations(valid_days, grace_days):
	with pytest.raises(ValueError, match="days"):
		issue(valid_days=valid_days, grace_days=grace_days)


def test_keys_are_raw_named_by_thumbprint_and_all_different():
	# The key and the thumbprint of RFC 8037, appendix A.
	assert (
		keys.thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
		== "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	)
	assert KEY["kid"] == keys.thumbprint(KEY["public"]) != OTHER_KEY["kid"]
	for part in ("private", "public"):
		assert len(base64.urlsafe_b64decode(KEY[part] + "=")) == 32
	private, public = keys.load_private(KEY["private"]), keys.load_public(KEY["public"])
	assert private.public_key().public_bytes_raw() == public.public_bytes_raw()
