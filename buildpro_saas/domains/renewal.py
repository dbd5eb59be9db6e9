"""When certificates are renewed, tried again, and when their end is an alarm: plain data in and out.

Times are seconds since the epoch. A seed is any text that stands for one certificate, such as its name: what it decides is the same each
time, and spreads many certificates evenly.
"""

import hashlib
from dataclasses import dataclass

from buildpro_saas.agent.certificate_facts import DAY, RenewalInfo, third_left

MINUTE, HOUR = 60.0, 3600.0
SPREAD = 0.1  # of the life: so long before a third is left, the first renewals begin
# After so many failures in a row. An authority takes five failed proofs an hour for a host, so the first hour has four tries.
LADDER = (10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR)
JITTER = 0.2  # of a pause, which the seed adds
TRIES_WITH_ONE = 3  # failures with one authority before another one's turn
# Days that a certificate is still served for, and the level from which it is less. For shorter lives than 90 days they shrink along.
NOTICE, WARNING, CRITICAL, EXPIRED = "Notice", "Warning", "Critical", "Expired"
LEVELS = ((CRITICAL, 1 * DAY), (WARNING, 7 * DAY), (NOTICE, 20 * DAY))
OF_LIFE = 90 * DAY


@dataclass(frozen=True)
class Alarm:
	"""level: "", Notice, Warning, Critical or Expired. sentence: what to tell people; empty where nothing is wrong."""

	level: str
	sentence: str


def renew_from(
	valid_from: float, valid_until: float, ari: RenewalInfo | None = None, seed: str = ""
) -> float:
	"""When the certificate is due: within the authority's window where it names one, else when a third of its life is left.

	The seed places it within the window; without a window, up to a tenth of the life earlier. So a thousand certificates of one day are not
	renewed on one day. The authority's window is never later than the certificate's end.
	"""
	share = fraction(seed) if seed else 0.0
	own = third_left(valid_from, valid_until) - share * SPREAD * max(valid_until - valid_from, 0)
	if ari is None:
		return own
	within = ari.start + (share if seed else 0.5) * max(ari.end - ari.start, 0)
	# a window that lies behind the end would let the certificate run out
	return within if within < valid_until else own


def next_try(failures: int, now: float, seed: str = "") -> float:
	"""When it is tried again after so many failures in a row: from minutes up to hours, without end."""
	if failures <= 0:
		return now
	pause = LADDER[min(failures, len(LADDER)) - 1]
	return now + pause * (1 + JITTER * fraction(f"{seed}:{failures}"))


def which_authority(failures: int, authorities: int) -> int:
	"""Which of so many authorities (0 is the first) is asked after so many failures in a row. They take turns: the fault may be ours."""
	if authorities < 1:
		raise ValueError("There is no authority to ask: name one in SaaS Settings.")
	return failures // TRIES_WITH_ONE % authorities


def alarm(host: str, valid_until: float, valid_from: float, now: float, fault: str = "") -> Alarm:
	"""What is wrong with a certificate as it is served for the host. fault: what a browser would say (Served.fault).

	With a life of 90 days or more: below 20, 7 and 1 days. A certificate of 6 days would always be below 20: its levels are that much
	smaller.
	"""
	left = valid_until - now
	if left <= 0:
		return Alarm(
			EXPIRED, f"The certificate that is served for {host} has expired. Browsers warn of the site."
		)
	if fault:
		return Alarm(CRITICAL, f"The certificate that is served for {host} is not right. {fault}")
	scale = min(max(valid_until - valid_from, 0) / OF_LIFE, 1.0)
	for level, limit in LEVELS:
		if left < limit * scale:
			return Alarm(level, f"The certificate that is served for {host} ends in {_span(left)}.")
	return Alarm("", "")


def alarm_unserved(host: str, sentence: str) -> Alarm:
	"""The same where a server shows no certificate at all."""
	return Alarm(CRITICAL, f"No certificate is served for {host}. {sentence}")


def fraction(seed: str) -> float:
	"""A number from 0 to below 1 that the text decides, evenly spread over texts."""
	return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7], "big") / 2**56


def _span(seconds: float) -> str:
	if seconds >= 2 * DAY:
		return f"{seconds // DAY:.0f} days"
	if seconds >= 2 * HOUR:
		return f"{seconds // HOUR:.0f} hours"
	return f"{max(seconds // MINUTE, 1):.0f} minutes"
