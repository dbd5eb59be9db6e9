"""What time it is for this site. entitlements/clock.py says why the server's clock alone is not enough."""

import time
from datetime import datetime, timezone

import frappe
from frappe import _

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import clock
from buildpro_saas.entitlements.acceptance import CLOCK_KEY, number
from buildpro_saas.entitlements.decision import Decisions
from buildpro_saas.entitlements.reason import Reason


def known() -> float:
	"""The latest time that this site knows for sure, 0 for none."""
	return number(frappe.conf, CLOCK_KEY)


def trusted_now() -> float:
	"""The time (epoch seconds). Where the clock is behind the latest time known for sure, it is that time."""
	return clock.trusted(time.time(), known())


def is_set_back() -> bool:
	"""Whether the server's clock is behind a time that this site knows for sure."""
	return clock.is_behind(time.time(), known())


def note(word: float | None = None) -> None:
	"""Note what time it is. A leap forward is noted only where the admin site says the same time.

	word: the admin site's time (epoch seconds), None where it was not asked.
	"""
	if (noted := clock.to_note(time.time(), known(), word)) is not None:
		site_config.update_own({CLOCK_KEY: noted})


def complaint() -> str | None:
	"""One sentence on a clock that is wrong, or may be; None where it seems right."""
	now, latest = time.time(), known()
	if clock.is_behind(now, latest):
		return _(
			"This server's clock says {0}, which is behind a time that has been, {1}: set it right. The site goes by the later time."
		).format(_utc(now), _utc(latest))
	if clock.is_leap(now, latest):
		return _(
			"This server's clock says {0}, and {1} is the last time that is known to have been: set it right if it is wrong."
		).format(_utc(now), _utc(latest))
	return None


def remark(decisions: Decisions) -> str:
	"""What to add after "not in force" where the clock may be the reason. It begins with a space, or is empty."""
	is_judged = (
		decisions.standing in (Reason.GRACE, Reason.NOT_YET_VALID) or decisions.restriction is Reason.EXPIRED
	)
	return f" {found}" if is_judged and (found := complaint()) else ""


def _utc(seconds: float) -> str:
	return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"
