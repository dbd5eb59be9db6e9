"""Publishes what the proxy (nginx) of a bench serves, and keeps the last that worked.

The files of a release are written into a new folder, nginx reads them there, one link is led to it, nginx is reloaded, and every name
that has changed is asked on this machine. A name that does not answer is set aside, and the rest goes out without it. Where nothing
answers, the link leads back. Callers that come at once get one reload for all of them.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import replace

from buildpro_saas.agent import proxy_config, proxy_hosts, proxy_settings, proxy_wanted
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.nginx import BrokenConfig, Nginx, not_running
from buildpro_saas.agent.proxy_certificates import Presented, Taken
from buildpro_saas.agent.proxy_config import Machine, Rendered
from buildpro_saas.agent.proxy_facts import (
	NOT_MANAGED,
	ProxyHost,
	ProxySpec,
	Published,
)
from buildpro_saas.agent.proxy_hosts import Host, Serving
from buildpro_saas.agent.proxy_probe import Question, asker
from buildpro_saas.agent.proxy_release import Live, Releases, State, has_release
from buildpro_saas.agent.proxy_switch import NotAnswering, Switch

LOCK = "publish.lock"
MOST_BROKEN = 20  # names that nginx refuses, one after the other
TRIES = 3  # all; without those that failed, as they were before; without them at all


def publish(bench: Bench, spec: ProxySpec, checkpoint: Callable[[], None] = lambda: None) -> Published:
	"""Have nginx serve what the specification says. Repeatable; without a change nothing is reloaded.

	checkpoint: called while it waits for nginx; may raise to stop. Raises AgentError for a specification that cannot be, TransientError
	where nginx does not run. What was served still is then.
	"""
	settings = proxy_settings.read(bench)
	if settings.mode == NOT_MANAGED:
		return Published("", False, False, {}, 0)
	proxy_hosts.check(spec)
	started = time.monotonic()
	places = proxy_settings.places(bench)
	places.root.mkdir(parents=True, exist_ok=True)
	ticket = proxy_wanted.want(places.root, spec)
	with proxy_wanted.lock(places.root / LOCK):
		publishing = Publishing(settings, places, checkpoint)
		if publishing.releases.state().ticket < ticket or not publishing.is_served():
			proxy_wanted.gather(places.root)
			publishing.run(*proxy_wanted.newest(places.root))
		state = publishing.releases.state()
	return Published(
		state.release, state.is_changed, state.is_reloaded, state.set_aside, time.monotonic() - started
	)


class Publishing:
	"""One publishing, under the bench's lock."""

	def __init__(
		self,
		settings: proxy_settings.Settings,
		places: proxy_settings.Places,
		checkpoint: Callable[[], None] = lambda: None,
	):
		self.settings, self.places = settings, places
		self.nginx, self.releases = Nginx(settings, places), Releases(places)
		self.presented = Presented(places.certificates, places.store)
		self.switch = Switch(self.nginx, self.releases, places, checkpoint)

	def is_served(self) -> bool:
		"""Whether nginx serves the release that was last seen to work."""
		state = self.releases.state()
		if not state.release:
			return False
		return (
			state.asker().release(proxy_config.probe_name(self.places))
			== state.release
			== self.releases.current()
		)

	def run(self, ticket: int, spec: ProxySpec) -> None:
		"""Publish. What was seen to work is on record afterwards."""
		if not self.nginx.master():
			raise not_running()
		before = self.releases.state()
		taken = self._take(spec)
		instead: dict[str, ProxyHost | None] = {}  # hosts that failed: what is tried in their place
		faults: dict[str, str] = {}
		for attempt in range(TRIES):
			try:
				state = self._attempt(_with(spec, instead), taken, before)
				break
			except NotAnswering as error:
				if attempt == TRIES - 1 or (error.asked > 1 and len(error.faults) == error.asked):
					raise
				faults |= error.faults
				self._step_back(error.faults, instead, taken, before)
		set_aside = {**state.set_aside, **faults}
		self.releases.keep(replace(state, ticket=ticket, set_aside=set_aside))
		if state.is_changed or taken.changed:
			self._clean_up(spec, before)

	def _take(self, spec: ProxySpec) -> Taken:
		names = {host.certificate for site in spec.sites for host in site.hosts} | {spec.wildcard_certificate}
		self.presented.ensure_default()
		return self.presented.take(
			{name for name in names if name and proxy_hosts.CERTIFICATE.fullmatch(name)},
			spec.wildcard_certificate,
		)

	def _step_back(self, faults: dict, instead: dict, taken: Taken, before: State) -> None:
		"""What is tried next in place of names that failed: as they were when they worked, then nothing."""
		hosts = {name: before.hosts.get(name) for name in faults}
		of_these = {host.certificate for host in hosts.values() if host}
		self.presented.put_back({name: was for name, was in taken.changed.items() if name in of_these})
		for name, host in hosts.items():
			was = host and ProxyHost(host.name, host.certificate, host.target, host.hsts_seconds)
			instead[name] = None if name in instead else was

	def _attempt(self, spec: ProxySpec, taken: Taken, before: State) -> State:
		serving, rendered = self.rendered(spec, taken)
		Live(self.places).put(serving, proxy_config.rate_name)
		current = self.releases.current()
		is_same = rendered.digest == self.releases.digest_of(current) and has_release(self.places)
		at = asker(spec)
		if is_same and at.release(proxy_config.probe_name(self.places)) == current:
			name, is_reloaded = current, False
		elif is_same:
			name, is_reloaded = current, True
			self.switch.reload(at, current)
		else:
			name, serving = self._tried(spec, taken, serving, rendered)
			self.switch.to(at, name, serving, spec, before, current)
			is_reloaded = True
		self._ask(at, name, serving, taken, before, current, is_same)
		return State(
			release=name,
			hosts={host.name: host for host in serving.listed},
			set_aside={**taken_faults(spec, taken), **serving.set_aside},
			reloads=self.releases.state().reloads + is_reloaded,
			is_changed=not is_same,
			is_reloaded=is_reloaded,
			http_port=at.http_port,
			https_port=at.https_port,
			address=at.address,
		)

	def rendered(
		self, spec: ProxySpec, taken: Taken, left_out: dict[str, str] | None = None
	) -> tuple[Serving, Rendered]:
		serving = proxy_hosts.decide(spec, taken.presentable, (left_out or {}).keys())
		serving.set_aside.update(left_out or {})
		version = self.presented.version(serving.wildcard) if serving.wildcard else ""
		machine = machine_of(self.settings)
		return serving, proxy_config.render(spec, serving, self.places, self.settings, machine, version)

	def _tried(
		self, spec: ProxySpec, taken: Taken, serving: Serving, rendered: Rendered
	) -> tuple[str, Serving]:
		"""A release that nginx takes: all names, less those whose lines it refuses. Raises BrokenConfig."""
		left_out: dict[str, str] = {}
		while True:
			folder = self.releases.write(rendered)
			try:
				self.nginx.try_release(folder)
				return folder.name, serving
			except BaseException as error:
				self.releases.remove(folder)
				host = rendered.lines.get(getattr(error, "line", 0))
				if not isinstance(error, BrokenConfig) or not host or len(left_out) == MOST_BROKEN:
					raise
				left_out[host] = f"{host} is not served: {error}"
			serving, rendered = self.rendered(spec, taken, left_out)

	def _ask(self, at, name, serving, taken, before, current, is_same) -> None:
		"""Ask every name that has changed. Raises NotAnswering, and then the release before is served again."""
		questions = self._questions(serving, taken, before)
		faults = at.faults(questions, name)
		if not faults:
			return
		if len(faults) == len(questions):
			self.presented.put_back(taken.changed)
		if not is_same:
			self.switch.lead_back(before, current)
		raise NotAnswering(faults, len(questions))

	def _questions(self, serving: Serving, taken: Taken, before: State) -> list[Question]:
		"""What to ask under the names that are served otherwise than before, or with another certificate."""
		listed = {host.name for host in serving.listed}

		def is_changed(host: Host) -> bool:
			is_other = before.hosts.get(host.name) != host if host.name in listed else not before.release
			return is_other or host.certificate in taken.changed

		def question(host: Host) -> Question:
			fingerprint = self.presented.fingerprint(host.certificate) if host.certificate else ""
			return Question(host.name, host.site, fingerprint)

		# a site that is not there yet, or no longer, is refused as an unknown name is
		there = [host for host in serving.hosts.values() if is_changed(host) and self._has_site(host.site)]
		return [question(host) for host in there]

	def _has_site(self, site: str) -> bool:
		return (self.places.sites / site / "site_config.json").exists()

	def _clean_up(self, spec: ProxySpec, before: State) -> None:
		state = self.releases.state()
		self.releases.forget_old({state.release, before.release, self.releases.current()})
		used = {host.certificate for host in state.hosts.values()} | {
			host.certificate for site in spec.sites for host in site.hosts
		}
		self.presented.forget_old({name for name in used | {spec.wildcard_certificate} if name})


def taken_faults(spec: ProxySpec, taken: Taken) -> dict[str, str]:
	"""{host: a sentence} for names whose newest certificate cannot be presented, while the one before still is."""
	found = {}
	for host in (host for site in spec.sites for host in site.hosts):
		is_own = proxy_hosts.is_below(host.name, spec.base_domain)
		certificate = host.certificate or (spec.wildcard_certificate if is_own else "")
		if certificate in taken.stale:
			found[host.name] = taken.stale[certificate]
	return found


def _with(spec: ProxySpec, instead: dict[str, ProxyHost | None]) -> ProxySpec:
	"""The specification with other hosts in place of these; None: without it."""
	if not instead:
		return spec
	sites = [
		replace(
			site,
			hosts=[host for each in site.hosts if (host := instead.get(each.name, each)) is not None],
		)
		for site in spec.sites
	]
	return replace(spec, sites=sites)


def machine_of(settings: proxy_settings.Settings) -> Machine:
	"""What the rendering has to know of this machine."""
	return Machine(settings.version or (1, 22, 1), _has_ipv6())


def _has_ipv6() -> bool:
	try:
		with socket.socket(socket.AF_INET6) as probe:
			probe.bind(("::1", 0))
	except OSError:
		return False
	return True
