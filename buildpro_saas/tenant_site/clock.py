"""What time it is for this site: by its server's clock, and by the latest time that it knows for sure (entitlements/clock.py says why)."""

import time
from datetime import datetime, timezone

import frappe
from frappe import _

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import clock
from buildpro_saas.entitlements.acceptance import CLOCK_KEY
from buildpro_saas.entitlements.decision import Decisions
from buildpro_saas.entitlements.reason import Reason


def known() -> float:
	"""The latest time that this site knows to have been; 0 for none."""
	return float(frappe.conf.get(CLOCK_KEY) or 0)


def trusted_now() -> float:
	"""The time (epoch seconds), or the latest that this site knows to have been where the clock is behind that."""
	return clock.trusted(time.time(), known())


def is_set_back() -> bool:
	"""Whether the server's clock is behind a time that this site knows to have been."""
	return clock.is_behind(time.time(), known())


def note(word: float | None = None) -> None:
	"""Remember what time it is. A leap forward is remembered only where the admin site says the same. word: its time (epoch seconds)."""
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
	"""What to say after "not in force", where the clock may be the reason. Begins with a space, or is empty."""
	is_judged = (
		decisions.standing in (Reason.GRACE, Reason.NOT_YET_VALID) or decisions.restriction is Reason.EXPIRED
	)
	return f" {found}" if is_judged and (found := complaint()) else ""


def _utc(seconds: float) -> str:
	return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"
