"""The signed statement of what one tenant may use, and until when. The admin site makes it, the tenant's site reads it.

A JWT (RFC 7519) signed with Ed25519 (RFC 8037). Nothing here knows Frappe.
"""

import hashlib
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt

from buildpro_saas.entitlements import layers
from buildpro_saas.entitlements.kept import Kept
from buildpro_saas.entitlements.keys import load_private, load_public
from buildpro_saas.entitlements.packing import pack, unpack
from buildpro_saas.entitlements.reason import Reason

ISSUER = "buildpro_saas"
ALGORITHM = "EdDSA"
# How far two machines' clocks may differ: 5 minutes, the usual tolerance for signed tokens (Kerberos, RFC
# 4120 §1.6, has it too).
LEEWAY = 300
DAY = 24 * 60 * 60
ACTIVE = "Active"
PAST_DUE = "Past Due"
SUSPENDED = "Suspended"
STATUSES = (ACTIVE, PAST_DUE, SUSPENDED)
REQUIRED = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
# How many statements a process holds, with what was worked out of each: some 30 KB with 500 features.
MOST_HELD = 1024
# How many verdicts about tokens it keeps (genuine, or why not), 200 bytes each. So a site whose statement was dropped
# is not verified again.
MOST_JUDGED = 50_000


class EntitlementError(Exception):
	"""A statement that does not count; `reason` says why."""

	def __init__(self, reason: Reason, detail: str):
		super().__init__(detail)
		self.reason = reason


@dataclass(frozen=True, eq=False)
class Statement:
	"""A statement whose signature, site and issuer have been checked.

	Times are seconds since the epoch (UTC).
	"""

	tenant: str
	site: str
	status: str
	layers: dict
	contact: str
	sequence: int
	catalogue_digest: str
	issued_at: int
	not_before: int
	expires: int
	grace_until: int
	jti: str
	kid: str
	next_keys: dict[str, str] = field(default_factory=dict)
	keys: tuple[str, ...] = ()
	_worked_out: dict[str, tuple[Hashable, Any]] = field(default_factory=dict, init=False, repr=False)

	def once(self, what: str, key: Hashable, make: Callable[[], Any]) -> Any:
		"""What `make` returns. It is made again only when `key` differs from the last one, and held as long as the statement."""
		held = self._worked_out.get(what)
		if held is None or held[0] != key:
			held = self._worked_out[what] = (key, make())
		return held[1]

	def grants(self, now: float | None = None) -> layers.Grants:
		"""What the tenant may use as of `now` (epoch seconds), whatever the standing."""
		return layers.compose(self.layers, time.time() if now is None else now)

	def standing(self, now: float | None = None) -> Reason:
		"""PLAN while in force, else GRACE, EXPIRED, NOT_YET_VALID or SUSPENDED, as of `now` (epoch seconds)."""
		now = time.time() if now is None else now
		if self.status == SUSPENDED:
			return Reason.SUSPENDED
		if now < self.not_before - LEEWAY:
			return Reason.NOT_YET_VALID
		if now < self.expires + LEEWAY:
			return Reason.PLAN
		return Reason.GRACE if now < self.grace_until + LEEWAY else Reason.EXPIRED


def issue(
	signing_key: Mapping[str, str],
	data: Mapping,
	*,
	valid_days: float,
	grace_days: float,
	sequence: int | None = None,
	catalogue_digest: str = "",
	next_keys: Mapping[str, str] | None = None,
	keys: Sequence[str] = (),
	now: float | None = None,
) -> str:
	"""Sign an entitlement and return it as a JWT.

	signing_key: {"kid", "private": the raw 32 bytes in base64url}.
	data: {"tenant", "site", "layers": as layers.py has them, "contact", "status": "Active" (the default), "Past Due" or
	"Suspended"}.
	valid_days counts from `now` (epoch seconds), grace_days from the expiry.
	sequence: higher than that of every earlier statement for the tenant; the default is `now`.
	catalogue_digest: of the catalogue that goes with it.
	next_keys: {kid: public key} that the site trusts from now on.
	keys: the ids of all keys in use; the site then trusts no other. Empty: it goes on trusting those that it has.
	Raises ValueError when a part is missing or a duration makes no sense.
	"""
	status = data.get("status") or ACTIVE
	_check(data, status, valid_days, grace_days)
	issued = int(time.time() if now is None else now)
	claims = {
		"iss": ISSUER,
		"aud": data["site"],
		"sub": data["tenant"],
		"iat": issued,
		"nbf": issued,
		"exp": issued + int(valid_days * DAY),
		"grace": int(grace_days * DAY),
		"jti": uuid.uuid4().hex,
		"seq": issued if sequence is None else int(sequence),
		"status": status,
		"contact": data.get("contact") or "",
		"catalogue": catalogue_digest,
		"layers": pack(data["layers"]),
	}
	if next_keys:
		claims["next_keys"] = dict(next_keys)
	if keys:
		claims["keys"] = list(keys)
	private = load_private(signing_key["private"])
	return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": signing_key["kid"]})


def _check(data: Mapping, status: str, valid_days: float, grace_days: float) -> None:
	missing = [part for part in ("tenant", "site") if not data.get(part)]
	if not (data.get("layers") or {}).get("plans"):
		missing.append("a plan")
	if missing:
		raise ValueError(f"An entitlement needs {', '.join(missing)}.")
	if valid_days <= 0 or grace_days < 0:
		raise ValueError("An entitlement must be valid for more than 0 days, with 0 or more days of grace.")
	if status not in STATUSES:
		raise ValueError(f"An entitlement's status is one of {', '.join(STATUSES)}, not {status}.")


def unsigned(
	data: Mapping, *, now: float | None = None, valid_days: float = 1, grace_days: float = 0
) -> Statement:
	"""The statement that `issue` would sign for `data`, without a token: to see what it would decide, or for tests.

	`data` as `issue` takes it. Raises ValueError for layers of another shape.
	"""
	layers.check(data["layers"])
	issued = int(time.time() if now is None else now)
	expires = issued + int(valid_days * DAY)
	return Statement(
		tenant=data["tenant"],
		site=data["site"],
		status=data.get("status") or ACTIVE,
		layers=dict(data["layers"]),
		contact=data.get("contact") or "",
		sequence=0,
		catalogue_digest="",
		issued_at=issued,
		not_before=issued,
		expires=expires,
		grace_until=expires + int(grace_days * DAY),
		jti="",
		kid="",
	)


def verify(token: str, public_keys: Mapping[str, str], site: str) -> Statement:
	"""The statement, when it is genuine and made for `site`, whatever the time. Raises EntitlementError otherwise.

	This process keeps the answer, a refusal too. So a second call needs no cryptography.
	"""
	if not token:
		raise EntitlementError(Reason.NO_ENTITLEMENT, "There is no entitlement.")
	asked = (token, tuple(public_keys.items()), site)
	if (held := _held.get(asked)) is not None:
		return held
	known_by = hashlib.sha256(repr(asked).encode()).digest()
	if (refusal := _judged.get(known_by)) is None:
		try:
			found = _verified(token, public_keys, site)
		except EntitlementError as error:
			_judged.put(known_by, (error.reason, str(error)))
			raise
		_judged.put(known_by, ())
	elif refusal:
		raise EntitlementError(*refusal)
	else:
		found = _parsed(token)
	return _held.put(asked, found)


def read(token: str) -> Statement | None:
	"""What a token says, None where it cannot be read. It proves nothing: use it for a token that the site has verified before."""
	try:
		return _held.get(token) or _held.put(token, _parsed(token))
	except (jwt.PyJWTError, EntitlementError):
		return None


def forget() -> None:
	"""Drop what this process holds of statements, as if it had just begun."""
	_held.clear()
	_judged.clear()
	unpack.cache_clear()


# (token, public keys, site), or the token alone where nothing was proven → its statement
_held: Kept[Statement] = Kept(MOST_HELD)
# digest of token, public keys and site → (reason, text) of the refusal; () for a genuine one
_judged: Kept[tuple] = Kept(MOST_JUDGED)


def _verified(token: str, public_keys: Mapping[str, str], site: str) -> Statement:
	"""The statement in a token, after everything but the time has been checked."""
	try:
		kid = jwt.get_unverified_header(token).get("kid")
		if not isinstance(kid, str) or kid not in public_keys:
			raise EntitlementError(Reason.UNKNOWN_KEY, "The entitlement is signed with an unknown key.")
		claims = jwt.decode(
			token,
			_public_key(public_keys[kid]),
			algorithms=[ALGORITHM],
			audience=site,
			issuer=ISSUER,
			# Times are judged by Statement.standing, which knows about grace.
			options={"require": REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
		)
	except jwt.InvalidAudienceError:
		raise EntitlementError(Reason.WRONG_SITE, f"The entitlement was not made for the site {site}.")
	except (jwt.MissingRequiredClaimError, jwt.InvalidIssuerError) as error:
		raise EntitlementError(Reason.MALFORMED, f"The entitlement cannot be used: {error}.")
	except jwt.PyJWTError:
		raise EntitlementError(Reason.BAD_SIGNATURE, "The entitlement's signature is wrong.")
	# PyJWT takes a list that contains the site; we make statements for one site only.
	if claims["aud"] != site:
		raise EntitlementError(Reason.WRONG_SITE, f"The entitlement was not made for the site {site} alone.")
	return _as_statement(kid, claims)


def _public_key(public: str):
	try:
		return load_public(public)
	except (ValueError, TypeError, AttributeError):
		raise EntitlementError(Reason.UNKNOWN_KEY, "This site's public key for entitlements is damaged.")


def _parsed(token: str) -> Statement:
	"""What a token says; nothing of it is proven here."""
	kid = jwt.get_unverified_header(token).get("kid")
	return _as_statement(kid, jwt.decode(token, options={"verify_signature": False}))


def _as_statement(kid: str, claims: dict) -> Statement:
	"""Checked claims as a Statement. Names that many tenants share are interned, so that they are held once."""
	intern = sys.intern
	try:
		return Statement(
			tenant=claims["sub"],
			site=claims["aud"],
			status=intern(claims["status"]),
			layers=unpack(claims["layers"]),
			contact=intern(claims["contact"]),
			sequence=int(claims["seq"]),
			catalogue_digest=intern(claims["catalogue"]),
			issued_at=int(claims["iat"]),
			not_before=int(claims["nbf"]),
			expires=int(claims["exp"]),
			grace_until=int(claims["exp"]) + int(claims["grace"]),
			jti=claims["jti"],
			kid=kid,
			next_keys=dict(claims.get("next_keys") or {}),
			keys=tuple(claims.get("keys") or ()),
		)
	except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
		raise EntitlementError(Reason.MALFORMED, f"The entitlement cannot be read: {error!r}.")
