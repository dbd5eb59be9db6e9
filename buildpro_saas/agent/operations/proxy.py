"""The proxy (nginx) of a bench: published, looked at, tried, reloaded, set up."""

from typing import Any

import frappe
from pydantic import TypeAdapter, ValidationError

from buildpro_saas.agent import proxy, proxy_plan, proxy_setup, proxy_upkeep, proxy_wanted
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.proxy_facts import ProxySetup, ProxySpec, ProxyState, Published


@in_thread
def publish_proxy(bench: Bench, progress: Progress, spec: dict[str, Any]) -> Published:
	"""Have nginx serve what the specification (ProxySpec as plain data) says. Repeatable; calls that come at once share one reload."""
	return proxy.publish(bench, checked(spec), progress.check)


@quick
def proxy_state(bench: Bench) -> ProxyState:
	"""How the proxy stands now."""
	return proxy_upkeep.state_of(bench)


@quick
def test_proxy(bench: Bench) -> None:
	"""Have nginx read what it would be reloaded with. Raises AgentError, with what it says."""
	proxy_upkeep.try_out(bench)


@in_thread
def reload_proxy(bench: Bench, progress: Progress) -> None:
	"""Have nginx read its configuration anew, after it was tried."""
	proxy_upkeep.reload(bench, progress.check)


@quick
def show_proxy(bench: Bench) -> dict[str, str]:
	"""{file: text} of what nginx reads of ours."""
	return proxy_upkeep.shown(bench)


@quick
def plan_proxy_setup(bench: Bench, mode: str, http_port: int = 80, https_port: int = 443) -> ProxySetup:
	"""What setting the proxy up will do on this machine. Does nothing."""
	return proxy_plan.plan(bench, mode, http_port, https_port)


@quick
def set_up_proxy(bench: Bench, mode: str, http_port: int = 80, https_port: int = 443) -> ProxySetup:
	"""Do that. For root, but for the mode none. Repeatable."""
	web_port = int(frappe.conf.get("webserver_port") or 8000)
	return proxy_setup.set_up(bench, mode, http_port, https_port, web_port)


def checked(spec: dict[str, Any]) -> ProxySpec:
	"""The specification. Raises AgentError, which names what is wrong, for an unknown name or a wrong type."""
	try:
		return TypeAdapter(ProxySpec).validate_python(vars(proxy_wanted.as_spec(spec)))
	except (TypeError, KeyError) as error:
		raise AgentError(f"The specification of the proxy is wrong: {error}.") from None
	except ValidationError as error:
		fault = error.errors()[0]
		where = ".".join(map(str, fault["loc"]))
		raise AgentError(f"{where!r} in the specification of the proxy is wrong: {fault['msg']}.") from None
