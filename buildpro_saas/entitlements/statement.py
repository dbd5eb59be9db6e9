"""The signed statement of what one tenant may use, until when: made on the admin site, read on the tenant's.

A JWT (RFC 7519) signed with Ed25519 (RFC 8037). Nothing here knows Frappe.
"""

import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import jwt

from buildpro_saas.entitlements import keys
from buildpro_saas.entitlements.reason import Reason

ISSUER = "buildpro_saas"
ALGORITHM = "EdDSA"
# How far two machines' clocks may differ: 5 minutes, the usual tolerance for signed tokens (Kerberos, RFC
# 4120 §1.6, has it too).
LEEWAY = 300
DAY = 24 * 60 * 60
SUSPENDED = "Suspended"
REQUIRED = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]


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
	plan: str
	status: str
	features: frozenset[str]
	limits: dict[str, dict]
	available_in: dict[str, str | None]
	labels: dict[str, str]
	contact: str
	issued_at: int
	not_before: int
	expires: int
	grace_until: int
	jti: str
	kid: str

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

	@property
	def known_features(self) -> set[str]:
		"""Every feature of the catalogue as it was when the statement was made."""
		return self.features | self.available_in.keys() | self.labels.keys()


def issue(
	signing_key: Mapping[str, str],
	data: Mapping,
	*,
	valid_days: float,
	grace_days: float,
	now: float | None = None,
) -> str:
	"""Sign an entitlement and return it as a JWT.

	signing_key: {"kid", "private": raw 32 bytes in base64url}. data: {"tenant", "site", "plan", "features":
	list, "limits": {key: {"value": int, "is_hard": bool}}, "available_in": {feature: plan, or None where no
	plan has it}, "labels": {feature: label}, "contact", "status" (optional)}. valid_days and grace_days count
	from `now` (epoch seconds) and from the expiry. Raises ValueError when a part is missing or a duration
	makes no sense.
	"""
	if missing := [part for part in ("tenant", "site", "plan") if not data.get(part)]:
		raise ValueError(f"An entitlement needs {', '.join(missing)}.")
	if valid_days <= 0 or grace_days < 0:
		raise ValueError("An entitlement must be valid for more than 0 days, with 0 or more days of grace.")
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
		"plan": data["plan"],
		"status": data.get("status") or "Active",
		"features": sorted(data.get("features") or ()),
		"limits": {
			key: {"value": int(limit["value"]), "is_hard": bool(limit["is_hard"])}
			for key, limit in (data.get("limits") or {}).items()
		},
		"available_in": dict(data.get("available_in") or {}),
		"labels": dict(data.get("labels") or {}),
		"contact": data.get("contact") or "",
	}
	private = keys.load_private(signing_key["private"])
	return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": signing_key["kid"]})


def verify(token: str, public_keys: Mapping[str, str], site: str) -> Statement:
	"""The statement, when it is genuine and made for `site`, whatever the time.

	Raises EntitlementError otherwise.

	The answer is kept in this process, so that a second call costs no cryptography.
	"""
	if not token:
		raise EntitlementError(Reason.NO_ENTITLEMENT, "There is no entitlement.")
	result = _verified(token, tuple(public_keys.items()), site)
	if isinstance(result, Statement):
		return result
	raise EntitlementError(*result)


@lru_cache(maxsize=512)
def _verified(token: str, public_keys: tuple, site: str) -> Statement | tuple[Reason, str]:
	try:
		kid, claims = _open(token, dict(public_keys), site)
		return _as_statement(kid, claims)
	except EntitlementError as error:
		# A refusal is kept too: asking a thousand times with a forged token costs one verification.
		return error.reason, str(error)


def _open(token: str, public_keys: dict[str, str], site: str) -> tuple[str, dict]:
	"""The key's id and the claims of a token, after everything but the time has been checked."""
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
	return kid, claims


def _public_key(public: str):
	try:
		return keys.load_public(public)
	except (ValueError, TypeError, AttributeError):
		raise EntitlementError(Reason.UNKNOWN_KEY, "This site's public key for entitlements is damaged.")


def _as_statement(kid: str, claims: dict) -> Statement:
	"""Checked claims as a Statement. Names that many tenants share are interned, so that they are held once."""
	intern = sys.intern
	try:
		return Statement(
			tenant=claims["sub"],
			site=claims["aud"],
			plan=intern(claims["plan"]),
			status=intern(claims["status"]),
			features=frozenset(map(intern, claims["features"])),
			limits={
				intern(key): {"value": int(limit["value"]), "is_hard": bool(limit["is_hard"])}
				for key, limit in claims["limits"].items()
			},
			available_in={
				intern(key): intern(plan) if plan else None for key, plan in claims["available_in"].items()
			},
			labels={intern(key): intern(label) for key, label in claims["labels"].items()},
			contact=intern(claims["contact"]),
			issued_at=int(claims["iat"]),
			not_before=int(claims["nbf"]),
			expires=int(claims["exp"]),
			grace_until=int(claims["exp"]) + int(claims["grace"]),
			jti=claims["jti"],
			kid=kid,
		)
	except (KeyError, TypeError, ValueError, AttributeError) as error:
		raise EntitlementError(Reason.MALFORMED, f"The entitlement cannot be read: {error!r}.")
