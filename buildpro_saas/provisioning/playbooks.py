"""The playbooks there are: ours, and what apps add through the hook `buildpro_playbooks` (dotted names of Playbooks)."""

import frappe

from buildpro_saas.provisioning.playbook import Playbook
from buildpro_saas.provisioning.steps.company import SetUpCompany
from buildpro_saas.provisioning.steps.configuration import Configure
from buildpro_saas.provisioning.steps.entitlement import SeedPlanSettings
from buildpro_saas.provisioning.steps.owner import CreateOwner, InviteOwner
from buildpro_saas.provisioning.steps.reachable import CheckReachable
from buildpro_saas.provisioning.steps.site import InstallApps, MakeSite, ReserveName

CREATE_TENANT = Playbook(
	name="create_tenant",
	title="Create tenant",
	way="from scratch",
	steps=(
		ReserveName(),
		MakeSite(),
		InstallApps(),
		Configure(),
		SeedPlanSettings(),
		CreateOwner(),
		SetUpCompany(),
		# DNS record, certificate and proxy have their place here
		CheckReachable(),
		InviteOwner(),
	),
	tenant_while_running="Provisioning",
	tenant_when_completed="Active",
	tenant_when_failed="Failed",
	tenant_when_cancelled="Draft",
)


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
	"""Add a playbook for this process only (a console, a test); apps use the hook."""
	_registered.append(playbook)


def _all() -> list[Playbook]:
	return [frappe.get_attr(path) for path in frappe.get_hooks("buildpro_playbooks")] + _registered
