"""`saas security` in a shell, in Desk and over HTTP, on a real bench with its MariaDB and Redis."""

import json
import os
import shutil
import stat
import subprocess

import pytest

REPORT = "Security of Benches"


@pytest.fixture
def cli(bench_path, admin_site_name):
	def run(*arguments: str):
		words = [str(bench_path / "env/bin/python"), *("-m", "frappe.utils.bench_helper", "frappe")]
		return subprocess.run(
			[*words, "--site", admin_site_name, "saas", *arguments],
			cwd=bench_path / "sites",
			stdin=subprocess.DEVNULL,
			capture_output=True,
			text=True,
			timeout=300,
			check=False,
		)

	return run


@pytest.fixture
def open_config(bench_path, admin_site_name):
	"""The admin site's configuration where every user of the machine can read it."""
	config = bench_path / "sites" / admin_site_name / "site_config.json"
	before = {path: path.stat().st_mode for path in (config, *config.parents)}
	for path, mode in before.items():
		path.chmod(mode | (stat.S_IROTH if path == config else stat.S_IXOTH))
	yield config
	for path, mode in before.items():
		path.chmod(mode)


def test_the_shell_says_it_and_exits_with_1(cli, open_config, bench_record):
	done = cli("security", "--json")
	assert done.returncode == 1, done.stderr
	rows = json.loads(done.stdout)
	assert {tuple(row) for row in rows} == {("bench", "subject", "state", "sentence", "command")}
	assert {row["bench"] for row in rows} >= {bench_record}
	of_own = [row for row in rows if row["bench"] == bench_record]
	# what is wrong comes first
	states = [row["state"] for row in of_own]
	assert states == sorted(states, key=["Found", "Not Seen", "Fine"].index)
	(found,) = [row for row in of_own if row["subject"] == "Files" and row["state"] == "Found"]
	assert f"chmod o-rwx {open_config}" in found["command"]
	subjects = {row["subject"] for row in of_own}
	assert subjects >= {
		"Listening",
		"Firewall",
		"Files",
		"Backups",
		"Switches",
		"MariaDB",
		"Passwords",
		"Versions",
	}
	# MariaDB and Redis of the bench were asked for their versions
	versions = " ".join(row["sentence"] for row in of_own if row["subject"] == "Versions")
	assert "MariaDB 1" in versions and "Redis" in versions and "Python 3" in versions
	# no password of the bench is told
	config = json.loads(open_config.read_text())
	assert config["db_password"] not in done.stdout + done.stderr


def test_an_unknown_bench_is_one_sentence(cli):
	done = cli("security", "--bench", "nowhere")
	assert (
		done.returncode == 1 and "nowhere cannot be reached" in done.stderr and "Traceback" not in done.stderr
	)


def test_the_firewall_is_only_shown_to_who_does_not_agree(cli):
	kept = "/etc/buildpro/firewall.nft"
	was_there = os.path.exists(kept)
	done = cli("setup-firewall", "--open", "nonsense", "--ssh-port", "22", "--no-updates")
	assert done.returncode == 1 and "'nonsense' is no port to open" in done.stderr and not done.stdout
	done = cli("setup-firewall", "--ssh-port", "22", "--no-updates")  # nobody answers its question
	assert done.returncode == 1 and "Traceback" not in done.stderr
	if shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin"):
		assert "tcp dport 22 accept" in done.stdout and "/etc/buildpro/firewall.nft" in done.stdout
		done = cli("setup-firewall", "--ssh-port", "22", "--no-updates", "--json")
		assert done.returncode == 0 and "tcp dport 22 accept" in json.loads(done.stdout)["rules"]
	else:
		assert "apt-get install nftables" in done.stderr
	assert os.path.exists(kept) is was_there


def test_one_that_does_not_answer_is_said_beside_the_others(frappe, bench_record):
	from buildpro_saas.fleet import bench_security

	lost = frappe.get_doc(
		{
			"doctype": "Bench",
			"bench_name": "lost-bench",
			"path": "/nowhere/at/all",
			"base_domain": "x.example",
		}
	)
	lost.db_insert()
	frappe.db.set_value("Bench", "lost-bench", "is_reachable", 1)
	(row,) = bench_security.overview(["lost-bench"])
	assert row["state"] == "Not Seen" and "not looked at" in row["sentence"]


def test_a_default_password_of_administrator_is_found(frappe, bench_path, admin_site_name):
	from frappe.utils.password import update_password

	from buildpro_saas.agent import account, database_logins
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server

	where = {"doctype": "User", "name": "Administrator", "fieldname": "password"}
	before = frappe.db.sql(
		"select password from __Auth where doctype=%(doctype)s and name=%(name)s and fieldname=%(fieldname)s",
		where,
	)
	try:
		update_password("Administrator", "admin")
		frappe.db.commit()
		with server(account.read(Bench(bench_path))) as mariadb:
			found = database_logins.of_administrators(Bench(bench_path), mariadb)
		assert f"Administrator of {admin_site_name} has a password" in found[0].sentence
	finally:
		frappe.db.sql(
			"update __Auth set password=%(hash)s where doctype=%(doctype)s and name=%(name)s and fieldname=%(fieldname)s",
			{**where, "hash": before[0][0]},
		)
		frappe.db.commit()
	with server(account.read(Bench(bench_path))) as mariadb:
		(fine,) = database_logins.of_administrators(Bench(bench_path), mariadb)
	assert fine.state == "Fine"


def test_users_of_mariadb_are_looked_at_as_the_account_may(frappe, bench_path):
	from buildpro_saas.agent import account, database_logins
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server

	with server(account.read(Bench(bench_path))) as mariadb:
		found = database_logins.checks(mariadb, is_for_others=False)
	assert {check.subject for check in found} == {"MariaDB", "Passwords"}
	assert any("not seen by the bench's account" in check.sentence for check in found)
	assert os.environ["BUILDPRO_DB_ROOT_PASSWORD"] not in str(found)


@pytest.mark.parametrize("role", ["SaaS Support", "System Manager"])
def test_only_a_manager_sees_it(frappe, bench_record, role):
	from buildpro_saas.api import security
	from buildpro_saas.control_plane.report.security_of_benches import security_of_benches

	user = f"{frappe.generate_hash(length=8)}@staff.example"
	frappe.get_doc({"doctype": "User", "email": user, "first_name": "S", "send_welcome_email": 0}).insert()
	frappe.db.delete("Has Role", {"parent": user})
	frappe.get_doc(
		{"doctype": "Has Role", "parent": user, "parenttype": "User", "parentfield": "roles", "role": role}
	).db_insert()
	frappe.clear_cache(user=user)
	frappe.set_user(user)
	for ask in (lambda: security.report(bench=bench_record), lambda: security_of_benches.execute({})):
		with pytest.raises(frappe.PermissionError):
			ask()


def test_the_report_in_desk_is_the_same(frappe, bench_record):
	from frappe.desk.query_report import run

	# where it took longer than 15 seconds, Frappe has made a prepared report of it
	told = run(REPORT, filters={"bench": bench_record}, ignore_prepared_report=True)
	fields = {column["fieldname"] for column in told["columns"]}
	assert fields == {"bench", "state", "subject", "sentence", "command"}
	assert {row["bench"] for row in told["result"]} == {bench_record}
	workspace = frappe.get_doc("Workspace", "BuildPro SaaS")
	assert REPORT in [row.link_to for row in workspace.shortcuts] and REPORT in workspace.content
	assert [row.role for row in frappe.get_doc("Report", REPORT).roles] == ["SaaS Manager"]
