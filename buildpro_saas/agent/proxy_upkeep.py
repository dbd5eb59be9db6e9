"""Looks at a bench's proxy, tries and reloads it by hand, and makes its first release."""

from collections.abc import Callable
from dataclasses import replace

from buildpro_saas.agent import proxy_settings, proxy_wanted
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.proxy import LOCK, Publishing
from buildpro_saas.agent.proxy_certificates import Taken
from buildpro_saas.agent.proxy_facts import NOT_MANAGED, ProxySpec, ProxyState
from buildpro_saas.agent.proxy_release import has_release


def state_of(bench: Bench) -> ProxyState:
	"""How the proxy stands now."""
	settings, places = proxy_settings.read(bench), proxy_settings.places(bench)
	if settings.mode == NOT_MANAGED:
		problem = f"nginx is not managed here: {proxy_settings.SETUP} changes that."
		return ProxyState(NOT_MANAGED, False, "", 0, {}, 0, 0, problem)
	publishing = Publishing(settings, places)
	state = publishing.releases.state()
	is_running = publishing.nginx.master() is not None
	if refused := publishing.nginx.refused_commands():
		problem = f"The bench's user may not run {' and '.join(refused)}: {proxy_settings.SETUP} gives it the right, as root."
	elif not is_running:
		problem = "nginx does not run. Start it (`systemctl start`)."
	elif not state.release:
		problem = "Nothing was published yet."
	elif not publishing.is_served():
		problem = "nginx serves another configuration than the last that was published: `saas proxy reload`."
	else:
		problem = ""
	dying = publishing.nginx.dying_workers()
	return ProxyState(
		*(settings.mode, is_running, state.release, len(state.hosts)),
		*(state.set_aside, state.reloads, dying, problem),
	)


def try_out(bench: Bench) -> None:
	"""Have nginx read what it would be reloaded with. Raises AgentError, with what it says."""
	_managed(bench).nginx.try_current()


def shown(bench: Bench) -> dict[str, str]:
	"""{file: text} of what nginx reads of ours; empty where nothing was published."""
	places = _managed(bench).places
	main = [places.main] if places.main.exists() else []
	return {str(file): file.read_text() for file in [*main, *sorted(places.current.glob("*.conf"))]}


def reload(bench: Bench, checkpoint: Callable[[], None] = lambda: None) -> None:
	"""Have nginx read its configuration anew, after it was tried. Raises AgentError; what was served still is then."""
	publishing = _managed(bench, checkpoint)
	with proxy_wanted.lock(publishing.places.root / LOCK):
		publishing.nginx.try_current()
		state = publishing.releases.state()
		if not state.release:
			publishing.nginx.reload()
			return
		publishing.switch.reload(state.asker(), publishing.releases.current())


def prepare(bench: Bench, settings: proxy_settings.Settings, spec: ProxySpec) -> None:
	"""Write settings and a first release without sites, so that nginx can be started. Leaves a release that is there."""
	proxy_settings.write(bench, settings)
	places = proxy_settings.places(bench)
	publishing = Publishing(settings, places)
	for folder in (places.live, places.challenges, places.logs, places.run):
		folder.mkdir(parents=True, exist_ok=True)
	publishing.presented.ensure_default()
	if settings.mode == proxy_settings.OWN:
		publishing.nginx.write_main()
	if not has_release(places):
		_serving, rendered = publishing.rendered(
			replace(spec, sites=[], wildcard_certificate=""), Taken({}, {}, {})
		)
		publishing.releases.lead_to(publishing.releases.write(rendered).name)


def _managed(bench: Bench, checkpoint: Callable[[], None] = lambda: None) -> Publishing:
	settings = proxy_settings.read(bench)
	if settings.mode == NOT_MANAGED:
		raise AgentError("nginx is not managed on this bench.", f"Run {proxy_settings.SETUP}.")
	return Publishing(settings, proxy_settings.places(bench), checkpoint)
