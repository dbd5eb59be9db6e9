"""One certificate from an authority: ordered, proven, stored on its bench, and what came of it on record.

What was done survives a kill: the order's address is handed on before anything is shown for it. Each certificate is for one name (or one
wildcard), so that one that fails keeps no other back.
"""

import hashlib
import time
from datetime import datetime

import frappe
from frappe import _
from frappe.utils import add_to_date, convert_utc_to_system_timezone, now_datetime

from buildpro_saas.agent.certificate_facts import Certificate
from buildpro_saas.agent.errors import AgentError, TransientError, seconds_asked, sentence
from buildpro_saas.domains import authority_limits, records, renewal, settings
from buildpro_saas.domains.dns_records import not_yet_served
from buildpro_saas.jobs.playbook import Context

TIMEOUT = 300  # seconds for one exchange with the authority
LONGEST_FOLDER = 150  # characters
SECONDS_SEEN = 90  # within which a DNS server shows a record that it was sent
POLL = 1.0
ASK_EACH = (
	6 * 3600
)  # seconds between two questions when to renew, where the authority does not say how long to wait
NO_MARK = ""  # of a TXT record whose value nobody can guess


class LimitedError(AgentError):
	"""The authority's limits forbid an order now. until: seconds since the epoch."""

	def __init__(self, message: str, until: float):
		super().__init__(message)
		self.until = until


def folder_of(host: str) -> str:
	"""What the certificate of a host name is called on a bench's disk."""
	if len(host) <= LONGEST_FOLDER:
		return host
	return f"{host[:100]}-{hashlib.sha256(host.encode()).hexdigest()[:16]}"


def names_of(row) -> list[str]:
	"""The host names of a Site Certificate."""
	return (row.names or "").split()


def is_due(row) -> bool:
	"""Whether the certificate (its fields) is to be got now, or anew; uploaded ones never are."""
	if not row or row.method == records.UPLOADED or row.status == records.REMOVED:
		return False
	return not records.is_valid(row) or bool(row.renew_from and row.renew_from <= now_datetime())


def issue(context: Context, name: str) -> None:
	"""Get the certificate (Site Certificate) from the authority whose turn it is, and store it on its bench. Commits.

	Raises AgentError with what is wrong; what the record says of the failure is `note_failure`'s.
	"""
	row = records.certificate(name)
	names = names_of(row)
	method = records.DNS_01 if any(each.startswith("*.") for each in names) else records.HTTP_01
	who = settings.authority(row.failures or 0)
	_check_limits(context, row, names, who)
	frappe.db.set_value(records.CERTIFICATE, name, "ordered_at", now_datetime())
	frappe.db.commit()
	begun = context.run(
		"begin_order", TIMEOUT, certificate=row.folder, names=names, method=method, authority=vars(who)
	)
	context.keep({"order": begun.order})
	context.log(f"{who.directory} is asked for {', '.join(names)}")
	shown: list[tuple] = []
	try:
		if method == records.DNS_01 and not begun.is_ready:
			_show(context, begun.challenges, shown)
		made = context.run(
			"finish_order", TIMEOUT, certificate=row.folder, order=begun.order, authority=vars(who)
		)
	finally:
		_withdraw(context, shown)
	note(name, made)
	context.log(f"{row.folder} is valid until {as_record_time(made.valid_until):%Y-%m-%d %H:%M}")


def _check_limits(context: Context, row, names: list[str], who) -> None:
	"""Raise AgentError where an order would break a limit of the authority's, or it has asked to be left alone."""
	bench, now = context.bench, time.time()
	asked = bench.do("acme_history", authority=vars(who))
	due = authority_limits.Due(row.folder, names, is_renewal=bool(row.serial))
	limits = authority_limits.Tally(asked)
	waits = bench.do("acme_waits_until", authority=vars(who), certificate=row.folder)
	if (allowed := max(limits.allowed_from(due, now), waits)) > now:
		raise LimitedError(
			_("{0} takes no order for {1} before {2}.").format(
				who.directory, ", ".join(names), f"{as_record_time(allowed):%Y-%m-%d %H:%M}"
			),
			allowed,
		)


def _show(context: Context, challenges: list, shown: list[tuple]) -> None:
	"""Set the TXT records that prove the names, and wait until the zone's servers have them. shown: gets (provider, challenge) of each."""
	for challenge in challenges:
		provider = settings.provider_for(challenge.host)
		if not provider:
			raise AgentError(
				_("No DNS provider answers for {0}, and its certificate needs a TXT record there.").format(
					challenge.host
				),
				_("Add a DNS Provider with that zone, or upload a certificate."),
			)
		shown.append((provider, challenge))
		provider.ensure(challenge.record_name, "TXT", [challenge.value], NO_MARK)
	for challenge in challenges:
		_wait_for(context, challenge)


def _wait_for(context: Context, challenge) -> None:
	until = time.monotonic() + SECONDS_SEEN
	while why := not_yet_served(settings.lookup(), challenge.record_name, "TXT", [challenge.value]):
		if time.monotonic() > until:
			raise TransientError(why, _("See whether the zone's servers are those of the DNS provider."))
		context.checkpoint()
		time.sleep(POLL)


def _withdraw(context: Context, shown: list[tuple]) -> None:
	for provider, challenge in shown:
		try:
			provider.withdraw(challenge.record_name, "TXT", NO_MARK, [challenge.value])
		except AgentError as error:
			# it proves nothing any more
			context.log(f"The TXT record {challenge.record_name} stays: {sentence(error)}")


def mark_of(bench: str) -> str:
	"""What says of a DNS record that this admin site has made it, for that bench."""
	return f"{frappe.local.site}/{bench}"


# -- on record -------------------------------------------------------------------------------------------------------


def note(name: str, made: Certificate) -> None:
	"""Write down what was stored. Commits."""
	write(name, made)
	frappe.db.commit()


def ask_when(context: Context, name: str) -> None:
	"""Ask the authority when the certificate is to be renewed (ARI), and write that down. Commits. Where it does not say, a third of its life decides."""
	row = records.certificate(name)
	who = settings.authority_at(row.authority)
	known = context.run("renewal_info", TIMEOUT, certificate=row.folder, authority=vars(who)) if who else None
	values: dict[str, object] = {"ask_at": add_to_date(now_datetime(), seconds=ASK_EACH)}
	if known:
		begin, end = (seconds_of(row[field]) for field in ("valid_from", "valid_until"))
		at = renewal.renew_from(begin, end, known, seed=row.folder)
		values = {"renew_from": as_record_time(at), "ask_at": as_record_time(known.look_again)}
		context.log(f"{row.folder} is renewed from {as_record_time(at):%Y-%m-%d %H:%M} on")
	frappe.db.set_value(records.CERTIFICATE, name, values, update_modified=False)
	frappe.db.commit()


def write(name: str, made: Certificate) -> None:
	"""Write down what was stored. The caller commits."""
	values = {
		**{"status": records.VALID, "authority": made.authority},
		**{"method": made.method, "serial": made.serial, "last_error": "", "failures": 0, "next_try": None},
		"valid_from": as_record_time(made.valid_from),
		"valid_until": as_record_time(made.valid_until),
		"renew_from": as_record_time(renewal.renew_from(made.valid_from, made.valid_until, seed=made.name)),
	}
	frappe.db.set_value(records.CERTIFICATE, name, {**values, "alarmed": "", "alarm_says": ""})


def note_failure(name: str, error: Exception) -> str:
	"""Write down why it did not succeed and when it is tried again; returns the sentence. Commits."""
	row = records.certificate(name)
	told = " ".join(filter(None, (sentence(error), getattr(error, "hint", ""))))[:1000]
	if isinstance(error, LimitedError):  # no failure: nobody was asked
		values = {"last_error": told, "next_try": as_record_time(error.until)}
		frappe.db.set_value(records.CERTIFICATE, name, values)
		frappe.db.commit()
		return told
	failures = (row.failures or 0) + 1
	now = time.time()
	at = max(renewal.next_try(failures, now, row.folder), now + seconds_asked(error))
	values = {"last_error": told, "failures": failures, "next_try": as_record_time(at)}
	frappe.db.set_value(records.CERTIFICATE, name, values)
	frappe.db.commit()
	return told


def seconds_of(moment: datetime) -> float:
	"""A time of this site's records in seconds since the epoch."""
	return time.time() + (moment - now_datetime()).total_seconds()


def as_record_time(seconds: float) -> datetime:
	"""Seconds since the epoch as a time of this site's records."""
	return convert_utc_to_system_timezone(datetime.utcfromtimestamp(seconds)).replace(tzinfo=None)
