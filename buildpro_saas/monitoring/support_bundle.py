"""One archive with all that helps somebody who helps with a tenant's site, without secrets and without what tells of people.

Texts of the bench lose their secrets there (agent.diagnosis.logs). What comes from the records loses names and addresses here.
"""

import io
import json
import tarfile
import time
from typing import Any

import frappe

from buildpro_saas import redaction
from buildpro_saas.agent import errors
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import doctor
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.monitoring.diagnosis import diagnosing, slowness

README = """This archive is about one site of a bench that runs BuildPro SaaS.

Passwords, keys, tokens, names of people and companies, e-mail and network addresses were taken out: [secret], [name], [e-mail],
[address], [number] stand in their places. Something may be left that tells of somebody: look through it before you send it on.

diagnosis.json, diagnosis.txt   what was looked at, layer by layer, and the first fault
slow.json                       statements without their literals, requests without what they are about
versions.json                   apps, framework, servers
jobs.json                       the last jobs of the control plane for this tenant, with the output of their steps
doctor.txt                      what `saas doctor` says of the bench
config/, logs/                  configuration without values that are secret, and the ends of logs
"""
JOBS, LINES = 10, 4000  # jobs; characters of a step's output
OF_TENANT = ("company", "owner_name", "owner_email")


def made(tenant: str) -> bytes:
	"""The archive (tar.gz). Takes some seconds. Raises frappe.ValidationError for a tenant that has no site."""
	found = diagnosing.diagnose(tenant)
	people = {str(each) for each in frappe.db.get_value("Tenant", tenant, OF_TENANT) if each}
	bench = frappe.db.get_value("Tenant", tenant, "bench")
	parts = {
		"README.txt": README,
		"diagnosis.json": found.as_dict(),
		"diagnosis.txt": "\n".join(as_text(found)),
		"jobs.json": _jobs(tenant),
		**_unless_away("slow.json", lambda: {"slow.json": slowness.look(tenant)}),
		**_unless_away("doctor.txt", lambda: {"doctor.txt": "\n".join(_advice(bench))}),
	}
	texts = {name: _text(redaction.redacted_values(part, people=people)) for name, part in parts.items()}
	of_bench = _unless_away(
		"logs.txt",
		lambda: door_of(bench).do("site_for_support", site=found.site, people=sorted(people)),
	)
	# as it is: commits look like secrets
	versions = _unless_away("versions.json", lambda: {"versions.json": _text(_versions(bench))})
	return _archive({**texts, **versions, **of_bench})


def as_text(found) -> list[str]:
	"""A Diagnosis as lines for people."""
	told = [f"{found.tenant} ({found.host}), looked at in {found.seconds:.1f} s", found.summary, ""]
	for each in found.seen:
		behind = f" (behind {each.behind})" if each.behind else ""
		told.append(
			f"{each.state:<8} {each.layer:<15} {f'[{each.fault}] ' if each.fault else ''}{each.sentence}{behind}"
		)
		told += [f"{'':<24} {line}" for line in each.evidence]
		if each.advice:
			told.append(f"{'':<24} → {each.advice}")
	return told


def _jobs(tenant: str) -> list[dict[str, Any]]:
	rows = frappe.get_all(
		"Provisioning Job", {"tenant": tenant}, pluck="name", order_by="creation desc", limit=JOBS
	)
	return [_job(frappe.get_doc("Provisioning Job", name)) for name in rows]


def _job(doc) -> dict[str, Any]:
	steps = [
		{
			**{"step": step.title, "status": step.status, "attempts": step.attempts},
			"output": (step.output or "")[-LINES:],
		}
		for step in doc.steps
	]
	told = {
		field: doc.get(field)
		for field in ("name", "title", "status", "creation", "ended_at", "error", "hint")
	}
	return {**told, "steps": steps}


def _versions(bench: str) -> dict[str, Any]:
	facts = door_of(bench).do("bench_facts")
	wanted = ("frappe_version", "apps", "sites")
	settings = [vars(each) for each in doctor.database_settings(bench)]
	return {**{name: facts[name] for name in wanted}, "database_settings": settings}


def _advice(bench: str) -> list[str]:
	return [*doctor.redis_complaints(bench), *doctor.missing_for_backups(bench)] or ["Nothing to say."]


def _unless_away(name: str, texts) -> dict[str, Any]:
	"""The parts; where the bench or one of its servers is away, one that says so: the rest of the archive is of use all the same."""
	try:
		return texts()
	except Exception as error:
		if not isinstance(error, AgentError | OSError) and not errors.trouble_of(error):
			raise
		return {name: f"It could not be read: {errors.sentence_of_mariadb(error)}"}


def _text(part: object) -> str:
	return part if isinstance(part, str) else json.dumps(part, indent=1, default=str)


def _archive(texts: dict[str, str]) -> bytes:
	buffer = io.BytesIO()
	with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
		for name, text in texts.items():
			content = text.encode()
			entry = tarfile.TarInfo(name)
			entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
			archive.addfile(entry, io.BytesIO(content))
	return buffer.getvalue()
