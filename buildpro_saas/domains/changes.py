"""What staff do to a host name that is on record: look, make it primary, remove it, bring a certificate. None of these commits."""

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import flow, issuing, records
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.refusal import refuse

TITLE = "Host Name"
LONGEST_HSTS = 63072000  # two years, in seconds


def of_record(name: str):
	"""records.FIELDS of a Site Domain that somebody has. Raises frappe.ValidationError for a removed one."""
	row = records.get(name)
	if row.state == records.REMOVED:
		refuse(_("{0} was removed: add it on the tenant anew."), row.host, title=_(TITLE))
	if not records.is_managed(row.bench):
		refuse(_("The proxy of the bench {0} is not managed from here."), row.bench, title=_(TITLE))
	return row


def check(name: str) -> str:
	"""Start the job that looks at the name; returns its name, also of one that is under way."""
	return flow.look_now(of_record(name).name, is_asked=True)


def make_primary(name: str) -> str:
	"""Make the name primary, and start the job that tells proxy and site. Raises frappe.ValidationError for one that does not answer yet."""
	row = of_record(name)
	if not records.is_sound(row):
		refuse(
			_("{0} does not answer yet, so nobody can be sent there: {1}."),
			row.host,
			(row.says or _(row.state)).rstrip("."),
			title=_(TITLE),
		)
	return flow.make_primary(row.name)


def set_serving(name: str, serves: bool, hsts_seconds: int | None) -> str:
	"""Have the site answer under the name itself, or redirect; and say for how long browsers come over https only (None: as it is)."""
	row = of_record(name)
	if row.kind == records.OWN:
		refuse(
			_("{0} is the site's own name: it serves, or leads to the primary one."), row.host, title=_(TITLE)
		)
	values: dict[str, object] = {"serves": records.SERVES if serves else records.REDIRECTS}
	if hsts_seconds is not None:
		if not 0 <= hsts_seconds <= LONGEST_HSTS:
			refuse(_("HSTS lasts from 0 to {0} seconds."), LONGEST_HSTS, title=_(TITLE))
		values["hsts_seconds"] = hsts_seconds
	records.change(row.name, **values)
	return flow.look_now(row.name)


def remove(name: str) -> str:
	"""Let the name be anybody's, and start the job that takes it away. Raises frappe.ValidationError for a site's own name."""
	row = of_record(name)
	if row.kind == records.OWN:
		refuse(
			_("{0} is the site's own name: it goes with the site, or by Rename."), row.host, title=_(TITLE)
		)
	return flow.remove(row.name)


def upload(name: str, chain: str, key: str) -> str:
	"""Serve the name with a certificate that the customer has; returns the job's name. Raises frappe.ValidationError with what is wrong with it."""
	row = of_record(name)
	if row.kind == records.OWN:
		refuse(_("{0} is served with the base domain's certificate."), row.host, title=_(TITLE))
	found = records.note_certificate(row.bench, issuing.folder_of(row.host), [row.host], row.tenant)
	return _upload(found, row, chain, key)


def _upload(certificate: str, row, chain: str, key: str) -> str:
	folder = records.certificate(certificate).folder
	try:
		made = door_of(row.bench).do(
			"install_uploaded", certificate=folder, chain=chain, key=key, hosts=[row.host]
		)
	except AgentError as error:
		frappe.throw(frappe.utils.escape_html(error.advice), title=_("Certificate"))
	issuing.write(certificate, made)
	values = {"certificate": certificate}
	if row.state == records.VERIFIED:
		values["state"] = records.CERTIFIED
	records.change(row.name, **values)
	return flow.look_now(row.name)


def renew(name: str) -> str:
	"""Start the job that gets the certificate anew. Raises frappe.ValidationError for an uploaded or a removed one."""
	row = records.certificate(name)
	if not records.is_managed(row.bench):
		refuse(_("The proxy of the bench {0} is not managed from here."), row.bench, title=_("Certificate"))
	if row.method == records.UPLOADED:
		refuse(_("{0} was uploaded: upload a newer one."), row.folder, title=_("Certificate"))
	if row.status == records.REMOVED:
		refuse(_("{0} is not on the bench any more."), row.folder, title=_("Certificate"))
	return flow.renew(name)
