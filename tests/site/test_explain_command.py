"""`bench --site X saas explain`: on a tenant's site from its own entitlement, on the admin site from the tenant's record."""

import json
import os
import subprocess
from datetime import datetime, timedelta, timezone

import pytest


@pytest.fixture
def explain(bench_path, admin_site_name):
	def run(*arguments: str):
		return subprocess.run(
			[
				str(bench_path / "env/bin/python"),
				*("-m", "frappe.utils.bench_helper", "frappe", "--site", admin_site_name, "saas", "explain"),
				*arguments,
			],
			cwd=bench_path / "sites",
			capture_output=True,
			text=True,
			timeout=120,
			env=os.environ,
		)

	return run


@pytest.fixture
def tenant_site(site):
	"""The site under test, as the command finds it: a tenant's."""
	site.update_config({"buildpro_role": "tenant"})
	yield site
	site.update_config({"buildpro_role": "admin"})


def test_on_a_tenants_site_it_tells_the_layers_and_the_answer(explain, tenant_site):
	day = 24 * 60 * 60
	now = int(datetime.now(timezone.utc).timestamp())
	tenant_site.apply(
		addons=[
			{"addon": "BIM viewer", "features": ["bim"], "limits": {}, "from": now + 3 * day, "until": None}
		]
	)
	done = explain("bim")
	assert done.returncode == 0, done.stderr
	for part in (
		"genuine",
		"Growth does not have it",
		"BIM viewer has it",
		"not yet",
		"no (NOT_IN_PLAN)",
		"yes (ADDON)",
	):
		assert part in done.stdout
	later = (datetime.now(timezone.utc) + timedelta(days=4)).date().isoformat()
	answer = json.loads(explain("bim", "--at", later, "--json").stdout)["answer"]
	assert answer["allowed"] is True and answer["reason"] == "ADDON"


@pytest.mark.parametrize(
	("arguments", "told"),
	[
		(("rfy",), 'Did you mean "rfi"'),
		(("rfi", "--at", "tomorrow"), "tomorrow"),
		(("rfi", "--tenant", "acme"), "admin site"),
	],
)
def test_a_refusal_is_one_sentence_and_exit_1(explain, tenant_site, arguments, told):
	tenant_site.apply()
	done = explain(*arguments)
	assert done.returncode == 1 and told in done.stderr
	assert len(done.stderr.strip().splitlines()) == 1 and not done.stdout.strip()


def test_on_the_admin_site_it_needs_a_tenant(explain):
	assert "--tenant" in explain("rfi").stderr
	done = explain("rfi", "--tenant", "nobody")
	assert done.returncode == 1 and "nobody" in done.stderr


def test_on_the_admin_site_it_tells_what_would_be_signed_now(explain, drifting):
	name = drifting.tenant("Active", f"{drifting.token}.localhost", None)
	done = explain("rfi", "--tenant", name)
	assert done.returncode == 0, done.stderr
	assert "as it would be signed now" in done.stdout and "no (NOT_IN_PLAN)" in done.stdout
	assert json.loads(explain("daily_log", "--tenant", name, "--json").stdout)["answer"]["plan"] == "Core"
