"""What the tenant may use: its status, its statement as it counts on the site, its limits. Pure."""

from buildpro_saas.entitlements import decision
from buildpro_saas.entitlements.acceptance import SEQUENCE_KEY, number, trusted_keys
from buildpro_saas.entitlements.decision import Decisions
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts, span
from buildpro_saas.monitoring.diagnosis.layers import ENTITLEMENT, LIMITS
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong
from buildpro_saas.tenant_status import SUSPENDED, WITH_SITE

PULL = "`bench --site SITE saas pull` brings the newest one; the admin site sends it by itself within ten minutes."
INVALID = {
	Reason.NO_ENTITLEMENT: "it has none",
	Reason.BAD_SIGNATURE: "it is not genuine",
	Reason.UNKNOWN_KEY: "it is signed with a key that the site does not know",
	Reason.WRONG_SITE: "it was made for another site",
	Reason.REPLAYED: "it is older than one that the site has had",
	Reason.MALFORMED: "it cannot be read",
	Reason.NOT_YET_VALID: "it begins later: is the clock right?",
}


def look(facts: Facts) -> list[Seen]:
	"""What was seen of the entitlement and the limits."""
	folder = facts.look("folder")
	if folder["fault"] or folder["config"] != "ok":
		why = folder["fault"] or "the site's configuration cannot be read."
		return [
			*_status(facts),
			unknown(ENTITLEMENT, f"It was not read: {why}"),
			unknown(LIMITS, f"They were not read: {why}"),
		]
	config, stored = folder["told"], folder["entitlement"]
	decisions = decision.decisions_of_token(
		str(stored.get("token") or ""),
		trusted_keys(config),
		facts.target.site,
		facts.now,
		catalogue=stored.get("catalogue") if isinstance(stored.get("catalogue"), dict) else None,
		lowest_sequence=int(number(config, SEQUENCE_KEY)),
	)
	found = [*_status(facts), *_standing(decisions, facts.now), *_delivery(facts, config)]
	return [*(found or [_fine(decisions)]), _limits(facts, decisions)]


def _status(facts: Facts) -> list[Seen]:
	status, why = facts.records.get("status"), facts.records.get("why") or "nobody said why"
	if status == SUSPENDED:
		told = f"The tenant is suspended: {why}."
		return [
			wrong(ENTITLEMENT, faults.SUSPENDED, told, "`saas resume TENANT --reason …` lets it work again.")
		]
	if status and status not in WITH_SITE:
		return [
			wrong(
				ENTITLEMENT,
				faults.NO_SITE,
				f"The tenant is {status}: its site is not in use.",
				"See its last job.",
			)
		]
	return []


def _fine(decisions: Decisions) -> Seen:
	statement = decisions.statement
	return ok(
		ENTITLEMENT, f"The statement counts: plan {decisions.plan or 'none'}, number {statement.sequence}."
	)


def _standing(decisions: Decisions, now: float) -> list[Seen]:
	standing, statement = decisions.standing, decisions.statement
	if standing in (Reason.PLAN, Reason.TRIAL):
		return []
	if standing is Reason.SUSPENDED:
		return [
			wrong(
				ENTITLEMENT, faults.SUSPENDED, "The site's statement says that the tenant is suspended.", PULL
			)
		]
	if standing is Reason.GRACE:
		left = span(max(statement.grace_until - now, 0))
		told = f"The site's statement has expired; its grace ends in {left}, then the site is read-only."
		return [wrong(ENTITLEMENT, faults.ENTITLEMENT_IN_GRACE, told, PULL)]
	if standing is Reason.EXPIRED:
		told = f"The site's statement expired {span(max(now - statement.expires, 0))} ago: the site is read-only."
		return [wrong(ENTITLEMENT, faults.ENTITLEMENT_EXPIRED, told, PULL)]
	told = f"The site's statement does not count: {INVALID.get(standing, standing.value)}. Every feature is closed."
	return [wrong(ENTITLEMENT, faults.ENTITLEMENT_INVALID, told, PULL)]


def _delivery(facts: Facts, config: dict) -> list[Seen]:
	wanted, has = facts.records.get("sequence"), str(config.get(SEQUENCE_KEY) or "none")
	failing = facts.records.get("delivery_failing")
	if failing is not None:
		told = f"Statements have not reached the site for {span(failing)}."
		return [
			wrong(
				ENTITLEMENT,
				faults.NOT_DELIVERED,
				told,
				"The reason is one of the layers above; it is tried again by itself.",
			)
		]
	if wanted and wanted != has:
		told = f"The site has statement {has}, and {wanted} was made for it."
		return [wrong(ENTITLEMENT, faults.NOT_DELIVERED, told, PULL)]
	return []


def _limits(facts: Facts, decisions: Decisions) -> Seen:
	used = facts.look("tables").get("limits") or facts.records.get("limits") or {}
	limits = decisions.limits if decisions.statement else {}
	reached = {key: limit for key, limit in limits.items() if key in used and used[key] >= limit.value}
	told = [f"{key}: {used.get(key, 0):g} of {limit.value:g}" for key, limit in limits.items()]
	if reached:
		names = ", ".join(f"{key} ({used[key]:g} of {limit.value:g})" for key, limit in reached.items())
		how = "Growth is refused, nothing is lost. Another plan, an add-on or an override lifts it: `saas set-plan`."
		return wrong(LIMITS, faults.LIMIT_REACHED, f"A limit of the plan is reached: {names}.", how, *told)
	return ok(LIMITS, "No limit is reached.", *told)
