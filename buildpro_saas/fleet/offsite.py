"""Where backups are copied to beside the bench's machine: as SaaS Settings say, tried out, and handed to the agent."""

import re
from urllib.parse import urlsplit

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backup_keys
from buildpro_saas.fleet.backup_retention import Policy
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.refusal import refuse

SETTINGS = "SaaS Settings"
S3, FOLDER = "S3", "Folder"
# The settings that say where; a change of one of them is tried out.
TEXTS = ("endpoint", "region", "bucket", "prefix", "access_key", "folder")
NEEDED = {S3: ("bucket", "access_key", "secret_key"), FOLDER: ("folder",)}
KEEP = ("daily", "weekly", "monthly")
# Amazon's rules, which the others share (docs.aws.amazon.com, "General purpose bucket naming rules").
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[A-Za-z0-9-]{0,40}")
ACCESS_KEY = re.compile(r"[!-~]{1,200}")
PREFIX = re.compile(r"([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?")
WORDS = {
	"bucket": ("Bucket", BUCKET),
	"region": ("Region", REGION),
	"prefix": ("Prefix", PREFIX),
	"access_key": ("Access Key", ACCESS_KEY),
}
TITLE = "Offsite Backups"


def where() -> dict | None:
	"""The place as the agent's operations take it (agent/offsite.py, Where), with its credentials; None where there is none.

	It is for the agent alone, and in no record of a job.
	"""
	doc = frappe.get_doc(SETTINGS)
	return (
		_of(doc, doc.get_password("offsite_secret_key", raise_exception=False)) if doc.offsite_kind else None
	)


def described(place: dict) -> str:
	"""The place without credentials, as records name it."""
	if place["kind"] == FOLDER:
		return place["folder"]
	return "/".join(filter(None, (place["endpoint"] or "https://s3", place["bucket"], place["prefix"])))


def spec(store: str) -> dict:
	"""{"offsite": place} for operations that read a store's backups, where it has copies; {} where not."""
	copied = frappe.db.get_value(backup_keys.STORE, store, "offsite_place")
	return looked_at(store) if copied else {}


def looked_at(store: str) -> dict:
	"""The same, also where no record says that there are copies: the record may be older than they are, if this site was restored."""
	copied, place = frappe.db.get_value(backup_keys.STORE, store, "offsite_place"), where()
	return {"offsite": place} if place and copied in (None, "", described(place)) else {}


def policy(near: Policy) -> Policy:
	"""How much is kept offsite. near: how much of the tenant's backups is kept on the bench's machine."""
	doc = frappe.get_cached_doc(SETTINGS)
	return Policy(*(doc.get(f"offsite_keep_{period}") or getattr(near, period) for period in KEEP))


def check(doc) -> None:
	"""Check what the settings (their document) say, and try it out from each bench, where it has changed.

	Raises frappe.ValidationError with what to change.
	"""
	for name in TEXTS:
		doc.set(f"offsite_{name}", (doc.get(f"offsite_{name}") or "").strip())
	doc.offsite_endpoint = doc.offsite_endpoint.rstrip("/")
	doc.offsite_prefix = doc.offsite_prefix.strip("/")
	if any((doc.get(f"offsite_keep_{period}") or 0) < 0 for period in KEEP):
		refuse(_("What is kept offsite cannot be less than 0."), title=_(TITLE))
	if doc.offsite_kind not in NEEDED:
		return  # empty; or no kind at all, which Frappe refuses afterwards, with those that there are
	secret = _secret_of(doc)
	for name in NEEDED[doc.offsite_kind]:
		if not (secret if name == "secret_key" else doc.get(f"offsite_{name}")):
			refuse(_("Offsite backups need {0}."), _(doc.meta.get_label(f"offsite_{name}")), title=_(TITLE))
	if doc.offsite_kind == S3:
		_check_words({name: doc.get(f"offsite_{name}") for name in TEXTS})
	elif not doc.offsite_folder.isprintable():
		refuse(_("The folder of offsite backups has characters that cannot be seen."), title=_(TITLE))
	if _has_changed(doc):
		_try_out(_of(doc, secret))


def in_bucket(
	bucket: str, access_key: str, secret_key: str, *, endpoint: str = "", region: str = "", prefix: str = ""
) -> dict:
	"""A bucket as the agent's operations take it, of what an operator enters where no site is. Nothing is removed there.

	Raises frappe.ValidationError with what to change.
	"""
	texts = {
		"endpoint": endpoint.strip().rstrip("/"),
		"region": region.strip(),
		"bucket": bucket.strip(),
		"prefix": prefix.strip().strip("/"),
		"access_key": access_key.strip(),
		"folder": "",
	}
	_check_words(texts)
	if not secret_key.strip():
		refuse(_("Offsite backups need {0}."), _("Secret Key"), title=_(TITLE))
	return {"kind": S3, **texts, "secret_key": secret_key.strip(), "only_adds": True}


def _check_words(texts: dict[str, str]) -> None:
	if texts["endpoint"] and not _is_endpoint(texts["endpoint"]):
		refuse(
			_("{0} is no endpoint: enter it as https://HOST, or https://HOST:PORT."),
			texts["endpoint"],
			title=_(TITLE),
		)
	for name, (label, pattern) in WORDS.items():
		if not pattern.fullmatch(texts[name]):
			refuse(
				_("{0} cannot be the {1} of offsite backups: letters, digits, dots and hyphens make one."),
				texts[name],
				_(label),
				title=_(TITLE),
			)


def _is_endpoint(text: str) -> bool:
	try:
		address = urlsplit(text)
		return (
			address.scheme in ("https", "http")
			and bool(address.hostname)
			and text.isprintable()
			and not (
				address.path or address.query or address.fragment or address.username or address.port == 0
			)
		)
	except ValueError:  # a port that is none, or half an address of version 6
		return False


def _secret_of(doc) -> str:
	"""The secret key that was entered, or is kept: a form shows stars in its place."""
	entered = doc.offsite_secret_key or ""
	if entered and set(entered) != {"*"}:
		return entered
	return (entered and doc.get_password("offsite_secret_key", raise_exception=False)) or ""


def _has_changed(doc) -> bool:
	names = [f"offsite_{name}" for name in ("kind", "only_adds", *TEXTS)]
	entered = doc.offsite_secret_key or ""
	return set(entered) not in ({"*"}, set()) or any(doc.has_value_changed(name) for name in names)


def _of(doc, secret: str | None) -> dict:
	return {
		"kind": doc.offsite_kind,
		**{name: doc.get(f"offsite_{name}") or "" for name in TEXTS},
		"secret_key": secret or "",
		"only_adds": bool(doc.offsite_only_adds),
	}


def _try_out(place: dict) -> None:
	for bench in frappe.get_all("Bench", {"is_reachable": 1}, ["name", "backup_folder"]):
		try:
			door_of(bench.name).do("probe_offsite", folder=bench.backup_folder or "", offsite=place)
		except AgentError as error:
			told = error.advice
			refuse(_("From the bench {0}: {1}"), bench.name, told, title=_(TITLE))
