"""What the playbooks of tenants' sites do with the site's own name. On a bench whose proxy is not managed from here they do nothing."""

import frappe

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.domains import looks, own_names, publishing, records, seeing
from buildpro_saas.domains.steps import names
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

MINUTE = 60
AWAY = "The site is archived."
NOT_OURS = "The proxy of this bench is not managed from here"


def is_managed(context: Context) -> bool:
	"""Whether the job's bench has a proxy of ours. Where not, the step's output says so."""
	if context.bench_row.get("proxy") == records.NGINX:
		return True
	context.log(NOT_OURS)
	return False


class LeadNameHere(Step):
	"""Have the DNS lead the site's name to this bench, where it is ours to say so, and take the name on record."""

	title = "Make DNS record"
	timeout = 5 * MINUTE

	def run(self, context: Context) -> None:
		if not is_managed(context):
			return
		bench = context.bench_row
		row = own_names.ensure_record(context.tenant["name"], context.site.name, bench["name"])
		context.keep({})  # what is made in the DNS from here on is on record
		context.log(own_names.ensure_dns(row, bench))
		if row.state == records.WAITING:
			records.change(row.name, state=records.VERIFIED, says="")

	def undo(self, context: Context) -> None:
		row = records.own_of(context.tenant["name"])
		if not row or row.host != context.site.name:
			return
		records.remove(row.name)
		frappe.db.commit()
		if records.is_managed(row.bench) and not publishing.waits_for_looks(row.bench):
			publishing.publish(row.bench, context.run)
		names.forget(context, row)


class GetOwnCertificate(Step):
	"""Have the certificate with which the site's own name is served: the wildcard's, which is there for all but the first tenant."""

	title = "Get certificate"
	timeout = 10 * MINUTE

	def run(self, context: Context) -> None:
		if not is_managed(context):
			return
		row = records.own_of(context.tenant["name"])
		name = own_names.ensure_certificate_record(row, context.bench_row)
		records.change(row.name, certificate=name)
		context.keep({})
		try:
			names.got(context, name)
		except AgentError as error:
			names.issuing.note_failure(name, error)
			if not records.is_valid(records.certificate(name)):
				raise
			context.log(f"{error} The certificate that is there goes on being served.")
		if row.state in (records.WAITING, records.VERIFIED):
			records.change(row.name, state=records.CERTIFIED)


class PublishOwn(names.PublishProxy):
	"""Bring the site's own name into the proxy."""


class CheckAddress(Step):
	"""The site answers under its address, over TLS, with a certificate that a browser takes."""

	title = "Check its address"
	timeout = 3 * MINUTE
	retry = RetryPolicy(attempts=6)

	def run(self, context: Context) -> None:
		if not is_managed(context):
			return
		row, bench = records.own_of(context.tenant["name"]), context.bench_row
		if fault := seeing.fault_at_proxy(row, bench):
			raise TransientError(fault, "See `saas domains check`, then press Retry.")
		looks.note_live(row.name)
		context.log(f"{row.host} answers at the proxy, over TLS")
		context.keep({})
		for line in seeing.walked(row, bench):
			context.log(line)


class WithdrawName(Step):
	"""The site is away for a while: its DNS record goes, and its names stay the tenant's."""

	title = "Withdraw DNS record"

	def run(self, context: Context) -> None:
		row = records.own_of(context.tenant["name"])
		if not row:
			context.log("No name of it is on record")
			return
		if told := own_names.withdraw_dns(row, row.bench):
			context.log(f"No DNS record any more: {told}")
		# from here on the proxy leaves it out, until it is led here again
		records.change(row.name, state=records.WAITING, is_failing=0, says=AWAY)


class DropNames(Step):
	"""The tenant goes for good: its names are anybody's, and their DNS records and certificates go."""

	title = "Drop host names"
	timeout = 10 * MINUTE

	def run(self, context: Context) -> None:
		for row in frappe.get_all(records.DOMAIN, {"tenant": context.tenant["name"]}, records.FIELDS):
			if row.state != records.REMOVED:
				records.remove(row.name)
				context.keep({})
				context.log(f"{row.host} is free")
			# also of one that was free before: a run that was killed has left its record and certificate
			if not records.held(row.host):
				names.forget(context, row)
