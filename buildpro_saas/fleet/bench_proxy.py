"""The proxy (nginx) of a bench, as staff ask about it: its state, its files, trying and reloading it; and setting it up on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe import _

from buildpro_saas.agent import door
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.proxy_facts import MODES, NOT_MANAGED, ProxySetup, ProxyState
from buildpro_saas.domains import records, settings
from buildpro_saas.fleet.benches import only_reached
from buildpro_saas.jobs.bench_door import door_of

LONGEST_RELOAD = 300  # seconds


def state(bench: str = "") -> ProxyState:
	"""How the proxy of a Bench stands; of this one where none is named. Raises AgentError for one that cannot be reached."""
	return _door(bench).do("proxy_state")


def complaints(bench: str) -> list[str]:
	"""A sentence for each thing that keeps the names of the Bench from being served, where nginx is to serve them by its record."""
	row = frappe.get_doc("Bench", bench)
	if row.proxy != records.NGINX:
		return []
	found = state(bench)
	said = [found.problem] if found.problem else []
	if found.mode == NOT_MANAGED:
		said = [
			_(
				"By its record nginx serves its names, and `saas setup-proxy` was never run there: run it, as root (docs/proxy.md)."
			)
		]
	return [f"Bench {bench}: {sentence}" for sentence in [*said, *settings.complaints(row)]]


def files(bench: str = "") -> dict[str, str]:
	"""{file: text} of what nginx reads of ours."""
	return _door(bench).do("show_proxy")


def test(bench: str = "") -> str:
	"""Have nginx read what it would be reloaded with; returns a sentence. Raises AgentError, with what it says."""
	_door(bench).do("test_proxy")
	return _("nginx takes its configuration.")


def reload(bench: str = "") -> str:
	"""Try it, then have nginx read it anew; returns a sentence. Raises AgentError; what was served still is then."""
	_door(bench).run(
		"reload_proxy",
		id=f"reload-proxy:{frappe.generate_hash(length=10)}",
		timeout=LONGEST_RELOAD,
		log=lambda line: None,
		checkpoint=lambda: None,
	)
	return _("nginx serves its configuration.")


@contextmanager
def told(bench: str) -> Iterator[None]:
	"""For callers over HTTP: what goes wrong within the block on the Bench of that name is frappe.ValidationError, with what to do."""
	only_reached(bench)
	try:
		yield
	except AgentError as error:
		sentence = " ".join(filter(None, (str(error), error.hint)))
		frappe.throw(frappe.utils.escape_html(sentence), title=_("Proxy"))


def plan_setup(mode: str, http_port: int, https_port: int) -> ProxySetup:
	"""What setting the proxy of this bench up does. Raises AgentError for a mode that there is not, and where nginx is missing."""
	return door.here().do("plan_proxy_setup", mode=mode, http_port=http_port, https_port=https_port)


def set_up(mode: str, http_port: int, https_port: int) -> ProxySetup:
	"""Do it. Raises AgentError for another user than root, and for what fails."""
	return door.here().do("set_up_proxy", mode=mode, http_port=http_port, https_port=https_port)


def modes() -> tuple[str, ...]:
	"""The ways in which nginx can be run for a bench."""
	return MODES


def _door(bench: str) -> door.Door:
	return door_of(bench) if bench else door.here()
