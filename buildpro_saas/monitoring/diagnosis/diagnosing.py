"""Diagnoses a tenant's site: gathers the facts, has each layer judged, and says which fault is the first."""

import time

from buildpro_saas.monitoring.diagnosis import (
	background,
	changes,
	database,
	gathering,
	layers,
	machine,
	records,
	redis_servers,
	site,
	terms,
	way,
)
from buildpro_saas.monitoring.diagnosis.facts import Facts, Target
from buildpro_saas.monitoring.diagnosis.seen import Diagnosis, Seen

LOOKS = (way, site, database, redis_servers, background, machine, terms, changes)


def diagnose(tenant: str, began: float | None = None) -> Diagnosis:
	"""The diagnosis of the tenant's site, within five seconds. Raises frappe.ValidationError for a tenant that has no site.

	began: when whoever asks began, on the monotonic clock; left out: now.
	"""
	began = began or time.monotonic()
	return of_target(records.target(tenant), records.read(tenant), began=began)


def diagnose_without_records(tenant: str, why: str, began: float | None = None) -> Diagnosis:
	"""The same of a site of this very bench while the records cannot be read. why: a sentence. Raises AgentError where there is none."""
	return of_target(gathering.target_without_records(tenant), {}, why, began)


def of_target(target: Target, known: dict, why_not_known: str = "", began: float | None = None) -> Diagnosis:
	"""The diagnosis of a target. known: as records.read has it. began: when that began, on the monotonic clock."""
	began = time.monotonic() if began is None else began
	facts = gathering.gather(target, known, why_not_known)
	seconds = round(time.monotonic() - began, 2)
	return Diagnosis(target.tenant, target.site, target.host, seconds, judged(facts))


def judged(facts: Facts) -> list[Seen]:
	"""What each layer makes of the facts, in their order. Pure."""
	seen = [each for layer in LOOKS for each in layer.look(facts)]
	return layers.in_order([_named(each, facts.target) for each in seen])


def _named(each: Seen, target: Target) -> Seen:
	"""The same, with the tenant and its site in place of TENANT and SITE in what to type."""
	advice = each.advice.replace("TENANT", target.tenant).replace("SITE", target.site)
	return Seen(**{**vars(each), "advice": advice})
