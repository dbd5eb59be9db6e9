"""The way from a visitor to the bench: DNS, TCP, TLS, and the proxy on the bench's machine. Pure."""

from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts
from buildpro_saas.monitoring.diagnosis.layers import DNS, PROXY, TCP, TLS
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong

HTTP = "HTTP"  # the last stage of a walk: what the site itself answers is judged elsewhere
FROM_HERE = "It was asked from the admin site's machine: from elsewhere it may look otherwise."
MEND = {
	DNS: "Look at the zone's records: `saas domains check TENANT` says what to set (docs/domains.md).",
	TCP: "Look at the firewall, and whether nginx runs: `saas proxy show`.",
	TLS: "`saas certificates` says what failed; `saas certificates renew NAME` gets a certificate now.",
}
NO_PROXY = "The proxy of this bench is not managed from here: look at it by hand."


def look(facts: Facts) -> list[Seen]:
	"""What was seen of DNS, TCP, TLS and the proxy."""
	return [*_way(facts), *_proxy(facts)]


def _way(facts: Facts) -> list[Seen]:
	if not facts.target.is_asked:
		here = f"{facts.target.host} is a name of this machine alone: nobody is asked for it."
		return [ok(layer, here) for layer in (DNS, TCP, TLS)]
	stages = {stage["name"]: stage for stage in facts.way}
	found = [_stage(facts, layer, stages.get(layer)) for layer in (DNS, TCP, TLS)]
	return [each for each in found if each]


def _stage(facts: Facts, layer: str, stage: dict | None) -> Seen:
	if stage is None:
		return unknown(layer, "It was not asked: the way ends before it.")
	if not stage["is_ok"]:
		return _fault(layer, stage)
	ours = set(facts.target.addresses)
	if layer == DNS and ours and stage["addresses"] and not ours & set(stage["addresses"]):
		told = f"{stage['sentence']} The bench has {', '.join(sorted(ours))}."
		return wrong(layer, faults.WRONG_ADDRESS, told, MEND[DNS], FROM_HERE)
	return ok(layer, stage["sentence"])


def _fault(layer: str, stage: dict) -> Seen:
	fault = {DNS: faults.NAME_NOT_RESOLVED, TCP: faults.PORT_CLOSED, TLS: faults.CERTIFICATE_WRONG}[layer]
	if layer == DNS and "private network" in stage["sentence"]:
		fault = faults.WRONG_ADDRESS
	if layer == TLS and "has expired" in stage["sentence"]:
		fault = faults.CERTIFICATE_EXPIRED
	return wrong(layer, fault, stage["sentence"], MEND[layer], FROM_HERE)


# -- the proxy -------------------------------------------------------------------------------------------------------


def _proxy(facts: Facts) -> list[Seen]:
	target = facts.target
	if not target.is_managed:
		return [ok(PROXY, NO_PROXY)]
	state = facts.look("proxy")
	if state["fault"]:
		return [unknown(PROXY, f"It was not looked at: {state['fault']}")]
	seen = f"nginx has {state['hosts']} names in {state['release'] or 'no release'}."
	if not state["is_running"]:
		how = "Start nginx (`systemctl start buildpro-nginx`, or `nginx`): docs/proxy.md."
		return [wrong(PROXY, faults.PROXY_DOWN, "nginx does not run.", how, state["problem"])]
	if why := state["set_aside"].get(target.host):
		return [
			wrong(
				PROXY,
				faults.NAME_NOT_SERVED,
				f"nginx does not serve {target.host}: {why}",
				"Mend what it says; then `saas proxy reload`.",
				seen,
			)
		]
	found = [each for each in (_asked(facts, stage) for stage in facts.at_proxy) if each]
	if found:
		return found[:1]
	return [ok(PROXY, f"nginx runs and serves {target.host}.", *filter(None, (seen, state["problem"])))]


def _asked(facts: Facts, stage: dict) -> Seen | None:
	"""What is wrong with a stage of the walk to the bench's own proxy; None for nothing."""
	if stage["is_ok"]:
		return None
	told = f"Asked on its own machine: {stage['sentence']}"
	if stage["name"] == TCP:
		return wrong(PROXY, faults.PROXY_DOWN, told, "Look at nginx: `saas proxy show`, its error log.")
	how = "`saas proxy show`: is the name there? `saas proxy reload` reads the configuration anew."
	if stage["name"] == TLS:
		fault = faults.CERTIFICATE_EXPIRED if "has expired" in stage["sentence"] else faults.CERTIFICATE_WRONG
		return wrong(PROXY, fault, told, MEND[TLS])
	if stage["name"] == HTTP and any(f" answers {status}" in stage["sentence"] for status in (404, 421, 444)):
		return wrong(PROXY, faults.NAME_NOT_SERVED, told, how)
	if stage["name"] == HTTP and "no answer" in stage["sentence"]:
		return wrong(PROXY, faults.NAME_NOT_SERVED, told, how)
	return None  # what the site behind it answers is no fault of the proxy
