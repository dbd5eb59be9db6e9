"""The code of a bench's apps, and what a refresh may do with the bench's processes."""

from typing import Annotated, Any

from pydantic import Field

from buildpro_saas.agent import app_code, program, refresh_rights
from buildpro_saas.agent.app_code import AppCode
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.refresh_rights import Restart, Rights

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
SHAPE = "buildpro_saas.agent.site_shape.customisations"
HINT = f"Say what a refresh may do with {refresh_rights.SETUP}."


@quick
def rights_of_refresh(bench: Bench) -> Rights:
	"""What a refresh may do on this bench's machine, as a shell has said."""
	return refresh_rights.read(bench)


@quick
def let_refresh(bench: Bench, may_pull: bool, only: list[str], build: str, restart: str) -> Rights:
	"""Keep what a refresh may do. For a shell alone: the commands run with the rights of the bench's user. only: apps; [] for all."""
	return refresh_rights.write(bench, may_pull, only, build, restart)


@in_thread
def fetch_apps(bench: Bench, progress: Progress) -> list[AppCode]:
	"""Ask the origin of each app what is new. Nothing of them is changed. Raises AgentError where that is not allowed."""
	apps = _to_pull(bench)
	return [app_code.fetch(bench, app, progress.check) for app in bench.app_names() if app in apps]


@in_thread
def put_apps(
	bench: Bench, progress: Progress, commits: dict[str, Commit], requirements: list[str]
) -> list[str]:
	"""Bring these apps to these commits, forward or back, and install what `requirements` of them need; returns those that were elsewhere.

	Repeatable. Raises AgentError where it is not allowed.
	"""
	if strangers := sorted({*commits, *requirements} - _to_pull(bench)):
		raise AgentError(f"A refresh may not pull {', '.join(strangers)} on this bench.", HINT)
	moved = []
	for app, commit in commits.items():
		progress.check()
		if app_code.put(bench, app, commit):
			moved.append(app)
	for app in requirements:
		app_code.install_requirements(bench, app, progress.check)
	return moved


@in_thread
def build_assets(bench: Bench, progress: Progress) -> None:
	"""Run the bench's command that builds Desk's assets, as a shell has allowed it. Raises AgentError with what it said."""
	command = refresh_rights.read(bench).build
	_allowed(bool(command), "build assets")
	with program.running(command, folder=str(bench.path)) as building:
		building.finish(progress.check)


@quick
def restart_bench(bench: Bench, id: Id) -> None:
	"""Begin the bench's command that restarts its processes; look_at_restart tells its end. Repeatable: an id begins once."""
	command = refresh_rights.read(bench).restart
	_allowed(bool(command), "restart processes")
	Restart(bench, id).begin(command)


@quick
def look_at_restart(bench: Bench, id: Id) -> dict[str, Any]:
	"""{"is_over", "code", "said"} of a restart; code is None where it has ended its own watcher."""
	return Restart(bench, id).look()


@quick
def customisations(bench: Bench, site: SiteName) -> int:
	"""How many custom fields, property setters, scripts and doctypes of its own the site has."""
	return bench.site(site).call(SHAPE)


def _to_pull(bench: Bench) -> set[str]:
	"""The apps that may be pulled. Raises AgentError where none may."""
	rights = refresh_rights.read(bench)
	_allowed(rights.may_pull, "pull apps")
	there = set(bench.app_names())
	return there & set(rights.only) if rights.only else there


def _allowed(is_allowed: bool, what: str) -> None:
	if not is_allowed:
		raise AgentError(f"A refresh may not {what} on this bench.", HINT)
