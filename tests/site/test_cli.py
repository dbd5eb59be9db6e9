"""`bench --site ADMIN saas …`: what staff see in a shell."""

import inspect
import json
import os
import shutil
import subprocess

import pytest


@pytest.fixture
def cli(bench_path, admin_site_name):
	def run(*arguments: str, stdin: str = "", site: str = admin_site_name, **environment: str):
		return subprocess.run(
			[
				str(bench_path / "env/bin/python"),
				*("-m", "frappe.utils.bench_helper", "frappe", "--site", site, "saas"),
				*arguments,
			],
			cwd=bench_path / "sites",
			input=stdin,
			capture_output=True,
			text=True,
			timeout=120,
			env={**os.environ, **environment},
		)

	return run


TENANT = (
	*("create-tenant", "--company", "Acme", "--owner-name", "Olga Owner", "--plan", "Growth"),
	*("--owner-email", "olga@acme.example", "--subdomain"),
)


def test_tenants_and_jobs_are_listed(cli):
	for command, columns in (("tenants", ("Company", "Plan", "Site")), ("jobs", ("Job", "What", "Error"))):
		done = cli(command)
		assert done.returncode == 0, done.stderr
		assert all(column in done.stdout for column in columns)


@pytest.mark.parametrize(
	("arguments", "told"),
	[
		((*TENANT, "acme.builders"), "dot"),
		((*TENANT, "www"), "www"),
		(("create-tenant", *TENANT[1:-3], "--owner-email", "olga", "--subdomain", "cli-refused"), "olga"),
		(("job", "PJ-none"), "PJ-none"),
		(("retry", "PJ-none"), "PJ-none"),
		(("cancel", "PJ-none"), "PJ-none"),
		(("owner-link", "nobody"), "nobody"),
		(("set-plan-apps", "Gold", "erpnext"), "Gold"),
		(("set-plan", "nobody", "Core"), "nobody"),
		(("jobs", "--tenant", "nobody"), "no tenant nobody"),
		(("images", "build", "--bench", "nowhere"), "no bench nowhere"),
		(("explain", "rfi", "--tenant", "nobody"), "no tenant nobody"),
		(("explain", "rfi", "--tenant", "nobody", "--at", "0001-01-01"), "too far away"),
		(("explain", "rfi", "--tenant", "nobody", "--at", "9999-12-31"), "too far away"),
		(("set-plan", "nobody", "Core", "--at", "9999-12-31"), "nobody"),
		(("suspend", "nobody", "--reason", "x"), "nobody"),
		(("past-due", "nobody", "--reason", "x"), "nobody"),
		(("resume", "nobody"), "nobody"),
		(("setup", "--root-password-stdin", "--db-root-username", "nobody"), "nobody"),
	],
)
def test_a_refusal_is_one_sentence_and_exit_1(cli, arguments, told):
	done = cli(*arguments, stdin="wrong\n")
	assert done.returncode == 1
	assert told in done.stderr
	assert len(done.stderr.strip().splitlines()) == 1, done.stderr
	assert "Traceback" not in done.stderr + done.stdout and "wrong" not in done.stderr


@pytest.mark.parametrize(
	"arguments",
	[
		("jobs", "--limit", "-1"),
		("jobs", "--limit", "0"),
		("set-pool", "Core", "1", "--most", "-1"),
		("images", "build", "--timeout", "-1"),
		(*TENANT, "cli-refused", "--timeout", "-1"),
	],
)
def test_a_number_below_what_makes_sense_is_a_wrong_option(cli, arguments):
	done = cli(*arguments)
	assert done.returncode == 2 and "is not in the range" in done.stderr
	assert "SQL" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("drift",), ("doctor",), ("images", "list")])
def test_what_the_framework_prints_is_not_in_the_json(cli, admin_site, bench_path, command):
	"""A module that prints while the site is connected to, as the framework does where Redis is away."""
	noise = bench_path / "sites/sitecustomize.py"
	noise.write_text(
		"import frappe\nconnect = frappe.connect\ndef loud(*a, **k):\n\tprint('Redis is away')\n\treturn connect(*a, **k)\n"
		"frappe.connect = loud\n"
	)
	try:
		done = cli(*command, "--json", PYTHONPATH=str(noise.parent))
	finally:
		noise.unlink()
	assert "Redis is away" in done.stderr
	json.loads(done.stdout)


def test_json_has_nothing_else_on_standard_output(cli, admin_site):
	"""Refused here, so that no site is made; `make demo` reads the output of a made one."""
	done = cli(*TENANT, "www", "--json")
	assert done.returncode == 1 and not done.stdout.strip()
	admin_site.db.rollback()
	assert not admin_site.db.exists("Tenant", "www")


def test_a_plans_apps_are_set_in_order(cli, admin_site):
	plan = admin_site.get_doc({"doctype": "Plan", "plan_name": "CLI Test Plan"}).insert()
	admin_site.db.commit()

	def apps() -> list[str]:
		admin_site.db.rollback()
		plan.reload()
		return plan.resolved()["apps"]

	try:
		done = cli("set-plan-apps", plan.name, "frappe", "buildpro_saas")
		assert done.returncode == 0, done.stderr
		assert apps() == ["frappe", "buildpro_saas"]
		done = cli("set-plan-apps", plan.name, "no_such_app", "frappe")
		assert done.returncode == 1 and "No bench has no_such_app" in done.stderr
		assert apps() == ["frappe", "buildpro_saas"]
		assert cli("set-plan-apps", plan.name).returncode == 2
		assert cli("set-plan-apps", plan.name, "--none").returncode == 0
		assert apps() == []
	finally:
		admin_site.delete_doc("Plan", plan.name, force=True)
		admin_site.db.commit()


@pytest.fixture
def away(admin_site):
	"""A tenant of a bench on another machine, as rows alone: nothing is sent to it from here."""
	name = f"cli-{admin_site.generate_hash(length=8).lower()}"
	plans = [f"{name} small", f"{name} large"]
	for plan in plans:
		admin_site.get_doc({"doctype": "Plan", "plan_name": plan, "is_active": 1}).insert()
	bench = {"doctype": "Bench", "name": name, "bench_name": name, "status": "Active", "is_local": 0}
	admin_site.get_doc({**bench, "base_domain": "localhost"}).db_insert()
	tenant = {"doctype": "Tenant", "name": name, "subdomain": name, "company": "Acme", "owner_name": "Olga"}
	there = {
		"owner_email": "olga@acme.example",
		"bench": name,
		"site": f"{name}.localhost",
		"status": "Active",
	}
	admin_site.get_doc({**tenant, **there, "plan": plans[0]}).db_insert()
	admin_site.db.commit()
	yield name
	admin_site.db.rollback()
	for doctype in ("Tenant", "Bench"):
		admin_site.db.delete(doctype, {"name": name})
	admin_site.db.delete("Comment", {"reference_name": name})
	admin_site.db.delete("Plan Version", {"plan": ("in", plans)})
	for plan in plans:
		admin_site.delete_doc("Plan", plan, force=True)
	admin_site.db.commit()


def test_a_tenants_plan_and_status_are_changed(cli, admin_site, away):
	large = f"{away} large"
	for arguments, told in (
		(("set-plan", away, large), f"{large}."),
		(
			("set-plan", away, f"{away} small", "--at", "2090-01-01"),
			f"{large}, {away} small from 2090-01-01 00:00.",
		),
		(
			("set-plan", away, large, "--trial-until", "2089-01-01", "--then", f"{away} small"),
			"on trial until 2089-01-01",
		),
		(("past-due", away, "--reason", "invoice 7"), "is Past Due."),
		(("suspend", away, "--reason", "invoice 7"), "is Suspended."),
		(("resume", away), "is Active."),
	):
		done = cli(*arguments)
		assert done.returncode == 0, done.stderr
		assert told in done.stdout
	admin_site.db.rollback()
	kept = admin_site.get_doc("Tenant", away)
	assert (kept.status, kept.plan, kept.plan_after_trial) == ("Active", large, f"{away} small")
	done = cli("set-plan", away, large, "--at", "someday")
	assert done.returncode == 1 and "someday is no date" in done.stderr


def test_setting_up_again_finds_everything_in_place(cli, admin_site, bench_account):
	done = cli("setup")
	assert done.returncode == 0, done.stderr
	assert f"account {bench_account()['user']} is there" in done.stdout
	assert f"mails begin with {admin_site.conf.host_name} (" in done.stdout
	assert "belong to the Unix user" in done.stdout
	assert bench_account()["password"] not in done.stdout + done.stderr


def test_setting_up_again_with_another_base_domain_changes_it_for_new_tenants(cli, admin_site, drifting):
	settings = admin_site.get_single("SaaS Settings")
	bench = admin_site.get_doc("Bench", {"is_local": 1})
	before = (settings.base_domain, bench.base_domain)
	drifting.tenant("Active", f"{drifting.token}.{settings.base_domain}", None)
	admin_site.db.commit()
	try:
		done = cli("setup", "--base-domain", "other.example")
		assert done.returncode == 0, done.stderr
		told = f"under other.example from now on, no longer under {before[0]}."
		assert told in done.stdout and f"tenants keep their names under {before[0]}" in done.stdout
		admin_site.db.rollback()
		assert admin_site.db.get_single_value("SaaS Settings", "base_domain", cache=False) == "other.example"
		assert "from now on" not in cli("setup").stdout
		assert admin_site.get_doc("Bench", bench.name).domain == "other.example"
	finally:
		admin_site.db.rollback()
		admin_site.db.set_single_value("SaaS Settings", "base_domain", before[0])
		admin_site.db.set_value("Bench", bench.name, "base_domain", before[1])
		admin_site.db.commit()


def test_arguments_are_looked_at_before_anything_is_done(cli):
	done = cli("setup", "--base-domain", "http://bad domain")
	assert (done.returncode, done.stdout) == (1, "")
	assert "is not a domain" in done.stderr


def test_a_note_in_the_trash_that_cannot_be_read_is_named(cli, admin_site, bench_path):
	entry = bench_path / "sites/.buildpro/trash" / f"cli-{admin_site.generate_hash(length=8)}"
	entry.mkdir(parents=True)
	try:
		(entry / "note.json").write_text("{")
		done = cli("trash")
	finally:
		shutil.rmtree(entry)
	assert done.returncode == 0, done.stderr
	assert f"{entry.name} is skipped" in done.stderr


def test_drift_is_compared_now_and_listed(cli, admin_site, bench_path):
	site = bench_path / "sites" / f"{admin_site.generate_hash(length=10).lower()}.localhost"
	site.mkdir()
	try:
		(site / "site_config.json").write_text("{}")
		done = cli("drift")
		assert done.returncode == 0, done.stderr
		assert site.name in done.stdout and "Press Ignore" in done.stdout
		assert site.name in {row["subject"] for row in json.loads(cli("drift", "--json").stdout)}
	finally:
		shutil.rmtree(site)
		admin_site.db.delete("Drift Finding", {"subject": site.name})
		admin_site.db.commit()


@pytest.fixture
def lame_benches(admin_site, bench_path, tmp_path):
	"""Two reachable benches on record: one whose folder is gone, and one that has this bench's code and no database account."""
	path, token = tmp_path / "without-account", admin_site.generate_hash(length=6).lower()
	for part in ("sites", "config", "logs"):
		(path / part).mkdir(parents=True)
	for part in ("env", "apps"):
		(path / part).symlink_to(bench_path / part)
	for file in ("apps.txt", "common_site_config.json"):
		shutil.copy(bench_path / "sites" / file, path / "sites" / file)
	benches = {f"gone-{token}": f"/srv/gone-{token}", f"poor-{token}": str(path)}
	for name, folder in benches.items():
		record = {"doctype": "Bench", "name": name, "bench_name": name, "path": folder, "status": "Active"}
		admin_site.get_doc({**record, "is_reachable": 1}).db_insert()
	admin_site.db.commit()
	yield list(benches)
	admin_site.db.rollback()
	admin_site.db.delete("Bench", {"name": ("in", list(benches))})
	admin_site.db.delete("Standby Site", {"bench": ("in", list(benches))})
	admin_site.db.commit()


@pytest.mark.parametrize("command", ["drift", "trash", "doctor"])
def test_a_bench_that_cannot_be_looked_at_does_not_keep_the_others(cli, admin_site, lame_benches, command):
	(own,) = admin_site.get_all("Bench", {"is_local": 1}, pluck="name")
	done = cli(command)
	assert done.returncode == 1 and "Traceback" not in done.stderr
	gone, poor = lame_benches
	assert f"The bench {gone} was not looked at: /srv/{gone} is no bench" in done.stderr
	assert (
		f"The bench {poor} was not looked at: The bench without-account has no database account"
		in done.stderr
	)
	assert done.stderr.count("was not looked at") == 2 and f"bench {own} was not" not in done.stderr
	assert "as the records say" not in done.stdout and "is empty" not in done.stdout
	assert isinstance(json.loads(cli(command, "--json").stdout), list)


def test_the_doctor_counts_for_each_bench_its_own_sites(cli, admin_site, lame_benches, bench_path):
	"""And looks at each one's MariaDB and Redis, not only at those of the admin site's bench."""
	(own,) = admin_site.get_all("Bench", {"is_local": 1}, pluck="name")
	_gone, poor = lame_benches
	path = admin_site.db.get_value("Bench", poor, "path")
	shutil.copy(bench_path / "config/buildpro_database.json", f"{path}/config")

	def wanted() -> dict[str, int]:
		rows = json.loads(cli("doctor", "--json").stdout)
		return {row["bench"]: row["wanted"] for row in rows if row["name"] == "table_open_cache"}

	before = wanted()
	assert before.keys() == {own, poor}
	for _n in range(3):
		waiting = {"doctype": "Standby Site", "bench": poor, "status": "Ready"}
		admin_site.get_doc({**waiting, "name": admin_site.generate_hash(length=10)}).db_insert()
	admin_site.db.commit()
	after = wanted()
	assert after[own] == before[own] and after[poor] > before[poor]
	server = admin_site.db.get_value("Bench", own, "database_server")
	admin_site.db.set_value("Bench", poor, "database_server", server)
	admin_site.db.commit()
	shared = wanted()  # they are on one server
	assert shared[own] == shared[poor] > after[own]
	assert f"Bench {poor}: redis_" in cli("doctor").stdout


def test_a_job_that_is_followed_for_too_long_is_told_in_whole_seconds(drifting, capsys):
	from buildpro_saas.commands.jobs import follow

	name = drifting.job(drifting.mark(), "Waiting")
	with pytest.raises(SystemExit):
		follow(name, 0.0)
	assert f"{name} is still Waiting after 0 s." in capsys.readouterr().err


def test_a_new_key_is_told_to_all_benches_that_are_reached(admin_site, monkeypatch, capsys):
	from buildpro_saas.commands import keys

	monkeypatch.setattr(keys.signing_keys, "begin", lambda: "kid")
	monkeypatch.setattr(keys.delivery, "send", lambda tenants, why: None)
	inspect.unwrap(keys.rotate_key.callback)(finish=False, force=False)
	assert "on the benches that are reached from here are told now" in capsys.readouterr().out


def test_help_names_every_command(cli):
	done = cli("--help")
	for command in (
		"setup",
		"create-tenant",
		"tenants",
		"jobs",
		"job",
		"retry",
		"cancel",
		"owner-link",
		"drift",
		"set-plan",
		"suspend",
		"past-due",
		"resume",
	):
		assert command in done.stdout


def test_the_doctor_names_each_setting_with_what_it_should_be(cli):
	done = cli("doctor", "--json")
	found = {row["name"]: row for row in json.loads(done.stdout.splitlines()[0])}
	assert {"table_definition_cache", "table_open_cache", "innodb_open_files", "open_files_limit"} == set(
		found
	)
	low = [name for name, row in found.items() if row["value"] < row["wanted"]]
	assert done.returncode == (1 if low else 0)
	assert all(f"{name} = {found[name]['wanted']}" in done.stderr for name in low)
	assert "belong to the Unix user" in done.stderr


def test_the_doctor_names_what_is_open_and_what_is_no_address(cli, bench_path):
	config = bench_path / "sites/common_site_config.json"
	before = config.read_text()
	config.write_text(
		json.dumps(json.loads(before) | {"buildpro_reachable": ["10.0.0.5:8080", "10.0.0.0/99"]})
	)
	try:
		done = cli("doctor", "--json")
	finally:
		config.write_text(before)
	assert "takes commands without a password" in done.stderr
	assert "'10.0.0.0/99' in buildpro_reachable allows nothing" in done.stderr and "8080'" not in done.stderr


def test_the_doctor_names_workers_that_are_too_few(cli, admin_site):
	bench = {"is_local": 1}
	most = admin_site.db.get_value("Bench", bench, "max_heavy_jobs")
	try:
		admin_site.db.set_value("Bench", bench, "max_heavy_jobs", 99)
		admin_site.db.commit()
		assert "99 heavy jobs may run at once" in cli("doctor", "--json").stderr
		admin_site.db.set_value("Bench", bench, "max_heavy_jobs", 1)
		admin_site.db.commit()
		assert "heavy jobs may run at once" not in cli("doctor", "--json").stderr
	finally:
		admin_site.db.set_value("Bench", bench, "max_heavy_jobs", most)
		admin_site.db.commit()


@pytest.fixture
def pool_plan(admin_site):
	"""A plan whose apps are on any bench; it and the pools that a command commits are taken away again."""
	settings = admin_site.get_single("SaaS Settings")
	before = [row.as_dict(no_default_fields=True) for row in settings.standby_pools]
	plan = admin_site.get_doc({"doctype": "Plan", "plan_name": "CLI Pool", "is_active": 1}).insert().name
	admin_site.db.commit()
	yield plan
	admin_site.db.rollback()
	settings = admin_site.get_single("SaaS Settings")
	settings.set("standby_pools", before)
	settings.save()
	admin_site.delete_doc("Plan", plan)
	admin_site.db.commit()


def test_a_pool_is_set_shown_and_switched_off(cli, admin_site, pool_plan):
	def pool():
		admin_site.db.rollback()
		row = {"parent": "SaaS Settings", "plan": pool_plan, "company_country": "Germany"}
		return admin_site.db.get_value("Standby Pool", row, ["sites", "most_sites", "company_language"])

	assert (
		cli("set-pool", pool_plan, "2", "--most", "4", "--country", "Germany", "--language", "de").returncode
		== 0
	)
	assert pool() == (2, 4, "de")
	shown = cli("pool")
	assert shown.returncode == 0 and "Hits" in shown.stdout and "Germany" in shown.stdout
	assert cli("set-pool", pool_plan, "0", "--country", "Germany", "--language", "de").returncode == 0
	assert pool() == (0, 0, "de")


@pytest.mark.parametrize(
	("arguments", "word"),
	[
		(("set-pool", "No Such Plan", "1"), "There is no Plan No Such Plan: choose "),
		(("set-pool", "Core", "99999"), "may keep 100 sites at most"),
		(("set-pool", "Core", "1", "--most", "101"), "may keep 100 sites at most"),
		(("set-pool", "Core", "3", "--most", "1"), "is below its number of sites"),
		(("set-pool", "Core", "1", "--country", "Atlantis"), "Atlantis"),
		(("images", "prune", "IMG-NONE"), "no image IMG-NONE"),
		(("images", "build", "--plan", "No Such Plan"), "No Such Plan"),
	],
)
def test_a_wrong_pool_or_image_is_one_sentence(cli, arguments, word):
	done = cli(*arguments)
	assert done.returncode == 1
	assert word in done.stderr and "Traceback" not in done.stderr


def test_images_are_listed(cli):
	assert "Image" in cli("images", "list").stdout
	assert isinstance(json.loads(cli("images", "list", "--json").stdout.splitlines()[0]), list)


def test_the_proxy_is_shown_and_what_setting_it_up_does_is_shown_first(cli, bench_path):
	"""On the bench of the tests nobody has set it up."""
	for arguments in (
		("proxy", "show"),
		("proxy", "test"),
		("proxy", "reload"),
		("proxy", "show", "--files"),
	):
		done = cli(*arguments)
		assert done.returncode == 1 and "setup-proxy" in done.stderr, done.stderr
	state = json.loads(cli("proxy", "show", "--json").stdout)
	assert (state["mode"], state["is_running"], state["set_aside"]) == ("none", False, {})
	ports = ("--http-port", "1", "--https-port", "2")
	done = cli("setup-proxy", *ports)
	assert done.returncode == 0, done.stderr
	assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in done.stdout and "Nothing was done" in done.stdout
	plan = json.loads(cli("setup-proxy", *ports, "--json").stdout)
	assert any(path.endswith(".service") for path in plan["files"]) and plan["is_applied"] is False
	assert not (bench_path / "config/buildpro/proxy").exists()
