"""Playbooks by name. Apps list theirs in the hook `buildpro_playbooks` (dotted names of Playbooks); ours come first."""

import frappe

from buildpro_saas.jobs.playbook import Playbook


def get(name: str) -> Playbook:
	"""The playbook of that name; raises frappe.ValidationError when no installed app has it."""
	if not (playbook := find(name)):
		known = ", ".join(sorted(playbook.name for playbook in _all()))
		frappe.throw(f"There is no playbook {name!r}. Known: {known}.")
	return playbook


def find(name: str) -> Playbook | None:
	"""The playbook of that name, None when the app that had it is gone."""
	return next((playbook for playbook in _all() if playbook.name == name), None)


_registered: list[Playbook] = []


def register(playbook: Playbook) -> None:
	"""Add a playbook for this process only (a console, a test). Apps use the hook."""
	_registered.append(playbook)


def _all() -> list[Playbook]:
	return [frappe.get_attr(path) for path in _paths()] + _registered


def _paths() -> list[str]:
	# each app's hooks as this process's own code has them: those in Redis are of another version while a bench gets new code, and may
	# name modules that this process has not
	apps = frappe.get_installed_apps(_ensure_on_bench=True)
	return [path for app in apps for path in frappe.get_hooks("buildpro_playbooks", app_name=app)]
