"""A host name on its way: its DNS, its certificate, the proxy, and a look at whether it answers."""

import frappe
from frappe.utils import now_datetime

from buildpro_saas.agent.errors import AgentError, is_transient
from buildpro_saas.domains import (
	addresses,
	flow,
	issuing,
	looks,
	own_names,
	publishing,
	records,
	seeing,
	shown,
)
from buildpro_saas.jobs.named_locks import named_lock
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step, StepWaits
from buildpro_saas.jobs.sites import SiteTakenError

MINUTE = 60
LOOKS = 30  # seconds until it is asked again whether names were looked at
LOCK = "certificate"
SET_ASIDE = "set_aside"  # in a job's state: what the proxy does not serve as wanted
ENDED = "Its certificate has ended: upload a newer one."
GOES_ON = "goes_on"  # in a job's state: whether the name comes further than its DNS


def the_name(context: Context):
	"""records.FIELDS of the name that the job is about, as it is now; None once it is removed."""
	row = records.get(context.inputs["domain"])
	return None if row.state == records.REMOVED else row


class LookAtDns(Step):
	"""Look whose the name is and where it leads. What is missing is no fault: the name waits, and is looked at again."""

	title = "Look at DNS"
	timeout = 5 * MINUTE

	def run(self, context: Context) -> dict:
		"""Hands on {"goes_on": whether the name comes further}."""
		row = the_name(context)
		if not row:
			context.log("The name was removed meanwhile")
			return {GOES_ON: False}
		if row.kind == records.OWN:
			return {GOES_ON: self._lead_here(context, row)}
		found = looks.look(row)
		state = looks.note(row, found)
		context.log(found.says or f"{row.host} leads here, and is {row.tenant}'s")
		context.log(f"{row.host}: {state}")
		return {GOES_ON: found.is_good}

	def _lead_here(self, context: Context, row) -> bool:
		"""Have the DNS lead an own name here; returns whether it does. What is in the way for good stands in its record."""
		try:
			context.log(own_names.ensure_dns(row, context.bench_row))
		except AgentError as error:
			if is_transient(error):
				raise
			frappe.db.rollback()
			looks.note_fault(row.name, " ".join(filter(None, (str(error), error.hint))))
			context.log(str(error))
			return False
		if row.state == records.WAITING:
			records.change(row.name, state=records.VERIFIED, says="")
		return True


class GetCertificate(Step):
	"""Have a certificate for the name. Where none comes, the name says why, and it is tried again at growing intervals."""

	title = "Get certificate"
	timeout = 10 * MINUTE

	def run(self, context: Context) -> dict | None:
		"""Hands on {"goes_on": False} where there is none."""
		row = the_name(context)
		if not row or not context.state[GOES_ON]:
			return {GOES_ON: False}
		name = self._record(context, row)
		try:
			if not self._rests(context, name):
				got(context, name)
		except Exception as error:
			if not _is_told(error):
				raise
			frappe.db.rollback()
			context.log(issuing.note_failure(name, error))
		found = records.certificate(name)
		if not records.is_valid(found):
			looks.note_fault(row.name, found.last_error or ENDED, found.next_try)
			return {GOES_ON: False}
		if row.state in (records.VERIFIED, records.WAITING):
			records.change(row.name, state=records.CERTIFIED)
		return None

	def _rests(self, context: Context, name: str) -> bool:
		"""Whether the authority is left alone until its next turn, after what it said last."""
		found = records.certificate(name)
		is_resting = bool(found.last_error and found.next_try and found.next_try > now_datetime())
		if is_resting and not context.inputs.get("is_asked"):
			context.log(f"Not before {found.next_try:%Y-%m-%d %H:%M}: {found.last_error}")
			return True
		return False

	def _record(self, context: Context, row) -> str:
		name = (
			own_names.ensure_certificate_record(row, context.bench_row)
			if row.kind == records.OWN
			else records.note_certificate(row.bench, issuing.folder_of(row.host), [row.host], row.tenant)
		)
		records.change(row.name, certificate=name)
		context.keep({})
		return name


def got(context: Context, name: str) -> None:
	"""Get the Site Certificate where it is due. Two jobs never order one at once: the second finds what the first has got.

	Raises StepWaits while another job is at it, and what issuing.issue raises.
	"""
	with named_lock(LOCK, name, wait=5) as is_ours:
		if not is_ours:
			raise StepWaits(5)
		frappe.db.commit()
		row = records.certificate(name)
		if issuing.is_due(row):
			issuing.issue(context, name)
		else:
			context.log(f"{row.folder} is valid until {row.valid_until:%Y-%m-%d %H:%M}")


def _is_told(error: Exception) -> bool:
	"""Whether it is what the authority, the DNS or its provider says, and no defect of ours or control of the engine's."""
	return isinstance(error, AgentError | ValueError) or is_transient(error)


class PublishProxy(Step):
	"""Bring what the records say into the proxy."""

	title = "Publish in proxy"
	timeout = 10 * MINUTE

	def run(self, context: Context) -> dict:
		"""Hands on {"set_aside": {host: why the proxy does not serve it as wanted}}."""
		bench = context.bench_row["name"]
		if not records.is_managed(bench):
			context.log("The proxy of this bench is not managed from here")
			return {SET_ASIDE: {}}
		if publishing.waits_for_looks(bench):
			context.log("The records came from a backup: names are looked at before they are served")
			raise StepWaits(LOOKS)
		published = publishing.publish(bench, context.run)
		told(context, published)
		return {SET_ASIDE: published.set_aside}


def told(context: Context, published) -> None:
	"""Say in the step's output what publishing came to."""
	if published.is_changed:
		reloaded = "reloaded" if published.is_reloaded else "not reloaded: it needs no reload"
		context.log(f"Release {published.release} in {published.seconds:.2f} s, {reloaded}")
	elif published.release:
		context.log("The proxy has all of it already")
	else:
		context.log(
			"nginx is not set up on this bench, so nothing is served: run `saas setup-proxy` there, as root"
		)
	for host, why in published.set_aside.items():
		context.log(f"{host} is set aside: {why}")


class PublishAgain(PublishProxy):
	"""Once more: to a name that was seen to answer, others may be sent on from now."""

	title = "Publish redirects"


class SeeName(Step):
	"""Ask for the name over TLS, at the proxy itself. Only then it is live."""

	title = "See that it answers"
	timeout = 2 * MINUTE
	retry = RetryPolicy(attempts=4)

	def run(self, context: Context) -> None:
		row = the_name(context)
		if not row or not context.state[GOES_ON]:
			return
		if why := context.state[SET_ASIDE].get(row.host):
			looks.note_fault(row.name, why)
			context.log(why)
			return
		if fault := seeing.fault_at_proxy(row, context.bench_row):
			context.log(fault)
			looks.note_fault(row.name, fault)
			return
		looks.note_live(row.name)
		context.log(f"{row.host} answers at the proxy, over TLS")
		context.keep({})
		for line in seeing.walked(row, context.bench_row):
			context.log(line)


class TellSite(Step):
	"""Have the site begin its links with the address that holds now, and show its host names to its System Manager."""

	title = "Tell the site"
	timeout = MINUTE

	def run(self, context: Context) -> None:
		tenant = context.tenant["name"]
		try:
			if url := addresses.tell_site(tenant):
				context.log(f"Links of the site begin with {url}")
			shown.put(tenant)
		except SiteTakenError as error:
			context.log(str(error))
			raise StepWaits(min(error.pause, 30)) from error


class RenewCertificate(Step):
	"""Get a certificate anew. Where none comes, its record says why and when it is tried again; what is there goes on being served."""

	title = "Renew certificate"
	timeout = 10 * MINUTE

	def run(self, context: Context) -> None:
		name = context.inputs["certificate"]
		row = records.certificate(name)
		if not row or row.status == records.REMOVED:
			context.log("It was removed meanwhile")
			return
		try:
			with named_lock(LOCK, name, wait=5) as is_ours:
				if not is_ours:
					raise StepWaits(5)
				issuing.issue(context, name)
		except Exception as error:
			if not _is_told(error):
				raise
			frappe.db.rollback()
			context.log(issuing.note_failure(name, error))


class AskWhenToRenew(Step):
	"""Ask authorities when they would have their certificates renewed. One that does not answer keeps no other back."""

	title = "Ask when to renew"
	timeout = 60 * MINUTE

	def run(self, context: Context) -> None:
		for name in flow.due_to_ask(context.bench_row["name"]):
			context.checkpoint()
			try:
				issuing.ask_when(context, name)
			except Exception as error:
				if not _is_told(error):
					raise
				frappe.db.rollback()
				context.log(f"{name}: {error}")


class ForgetName(Step):
	"""Take away what there is of a removed name beside its record: its DNS record and its certificate, where these are ours."""

	title = "Forget name"
	timeout = 5 * MINUTE

	def run(self, context: Context) -> None:
		row = records.get(context.inputs["domain"])
		if records.held(row.host):
			context.log(f"{row.host} is somebody's again")
			return
		forget(context, row)


def forget(context: Context, row) -> None:
	"""Withdraw the DNS record of a name (records.FIELDS), and remove its certificate from the bench where nothing else is served with it."""
	if told_dns := own_names.withdraw_dns(row, row.bench):
		context.log(f"No DNS record any more: {told_dns}")
	found = records.certificate(row.certificate)
	if not found or found.status == records.REMOVED or not found.tenant:
		return
	context.run("remove_certificate", MINUTE, certificate=found.folder)
	frappe.db.set_value(records.CERTIFICATE, found.name, {"status": records.REMOVED, "next_try": None})
	context.log(f"The certificate {found.folder} is removed from the bench")
