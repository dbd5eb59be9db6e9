"""What is decided on a site that has had a statement, but has none that counts now."""

from buildpro_saas.entitlements.decision import RESTRICTED, Decisions, after_all, next_change
from buildpro_saas.entitlements.layers import next_moment
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import Statement


def closed(reason: Reason, now: float, last_known: Statement | None) -> Decisions:
	"""The decisions as of `now` (epoch seconds). reason: why no statement counts.

	Every feature is denied. last_known is the newest statement that the site has had; its restrictions and limits hold, and it
	expires at its time. None: the site is read-only.
	"""
	if last_known is None:
		return _closed(reason, None, Reason.EXPIRED, None)
	standing, until = last_known.standing(now), next_moment(last_known.layers, now)
	return last_known.once(
		"closed", (reason, standing, until), lambda: _closed(reason, last_known, standing, until)
	)


def _closed(reason: Reason, last_known: Statement | None, standing: Reason, until: int | None) -> Decisions:
	made = Decisions(None, reason, None, {})
	made.restriction = standing if standing in RESTRICTED else None
	if last_known:
		at = until - 1 if until is not None else after_all(last_known)
		made.newest, made.newest_grants = last_known, last_known.grants(at)
		made.until = next_change(last_known, standing, made.newest_grants)
	return made
