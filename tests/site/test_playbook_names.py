"""How a job's playbook is found by its name."""

from importlib import import_module


def test_every_playbook_is_in_the_hooks_once(admin_site):
	from buildpro_saas.jobs.playbook import Playbook

	listed = admin_site.get_hooks("buildpro_playbooks", app_name="buildpro_saas")
	modules = {path.rpartition(".")[0] for path in listed}
	defined = {
		f"{module}.{name}"
		for module in modules
		for name, value in vars(import_module(module)).items()
		if isinstance(value, Playbook)
	}
	assert sorted(defined) == sorted(listed)
	assert len({admin_site.get_attr(path).name for path in listed}) == len(listed)


def test_a_job_finds_its_playbook_while_redis_has_the_hooks_of_another_version(admin_site, monkeypatch):
	from buildpro_saas.jobs import registry

	of_another = {
		**admin_site.get_hooks(),
		"buildpro_playbooks": ["buildpro_saas.fleet.playbooks.gone.GREET"],
	}
	monkeypatch.setitem(admin_site.local.cache, admin_site.cache.make_key("app_hooks"), of_another)
	assert admin_site.get_hooks("buildpro_playbooks") == of_another["buildpro_playbooks"]
	assert registry.get("create_tenant").title == "Create tenant"
