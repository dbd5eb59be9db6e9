"""What is said of a site before it is taken in, and what of its configuration comes along."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from buildpro_saas.agent import intake
from buildpro_saas.agent.intake_facts import Survey
from buildpro_saas.agent.site import Site
from buildpro_saas.fleet import site_state, taking_in
from buildpro_saas.fleet.steps.take_in import _is_closed_by

MB = 10**6
SURVEY = Survey(
	server="11.8 MariaDB",
	tables=832,
	size={"database": 52 * MB, "files": 200 * MB},
	apps={"frappe": "15.55.1", "erpnext": ""},
	older=["erpnext"],
	users=31,
	others=4,
	companies=2,
	owner={"email": "ada@acme.example", "name": "Ada"},
	company="Acme",
	region={},
	customisations={"Server Script": ["b"], "Custom Field": [f"f{at}" for at in range(300)]},
	is_scheduled=True,
	speaks={"Webhook": ["to the bank"]},
	domains=["old.example.com"],
	has_key=True,
	tenant=None,
	left=["developer_mode"],
	faults=[],
	notes=[],
)


def told(**changed) -> dict:
	return {**asdict(replace(SURVEY, **changed)), "installed": ["buildpro_saas"], "seconds": 61}


def test_a_report_has_a_line_for_all_that_somebody_must_know():
	lines = "\n".join(taking_in.lines({**told(), "notes": ["look"], "faults": ["no room"]}))
	for said in (
		"frappe 15.55.1, erpnext",
		"migrated: erpnext",
		"52 MB in 832 tables; files: 200 MB",
		"31 in Desk, 4 others; companies: 2",
		"Ada ada@acme.example",
		"Webhook (1): to the bank",
		"Custom Field (300): f0, f1",
		"and 290 more",
		"about 61 s",
		"Note: look",
		"In the way: no room",
	):
		assert said in lines, said
	assert "owner:  not known" in "\n".join(taking_in.lines(told(owner={})))


def test_customisations_are_counted_and_listed_by_kind():
	text = taking_in.customisations(SURVEY.customisations)
	assert text.splitlines()[1] == "Server Script (1): b"
	assert text.startswith("Custom Field (300): f0, ") and "and 100 more" in text
	assert taking_in.customisations({}) == ""


def test_a_dump_takes_longer_than_a_copy_and_a_migrate_longer_still():
	new = replace(SURVEY, older=[])
	copied, loaded = (taking_in.seconds(new, is_copied, 1) for is_copied in (True, False))
	assert 20 < copied < loaded < 60
	assert taking_in.seconds(SURVEY, True, 1) == copied + taking_in.MIGRATE


@pytest.mark.parametrize(
	("config", "names"),
	[
		({}, []),
		({"host_name": "https://a.example:8000/x"}, ["a.example"]),
		(
			{"domains": [{"domain": "b.example", "ssl": 1}, "c.example", 7], "host_name": "b.example"},
			["b.example", "c.example"],
		),
	],
)
def test_domains_are_read_as_bench_writes_them(config, names):
	assert intake._domains(config) == names


def test_nothing_comes_along_that_opens_what_tenants_sites_have_closed(tmp_path):
	site = Site(tmp_path, "new")
	site.path.mkdir()
	old = {
		"mail_server": "mx",
		"server_script_enabled": 1,
		"developer_mode": 1,
		"db_password": "x",
		"host_name": "y",
	}
	intake.take_along(old, site)
	assert site.config == {"mail_server": "mx"}


def test_uploads_of_another_job_of_that_name_are_not_taken_for_its_own(tmp_path):
	"""The admin site was made again of an older backup, and gives the same names once more."""
	bench = SimpleNamespace(sites_path=tmp_path)
	site = Site(tmp_path, "admin.example.com")
	files = site.path / "private/files"
	files.mkdir(parents=True)
	for name in ("theirs.sql", "theirs.tar", "own.sql"):
		(files / name).write_text(name)
	address = "/private/files/{}".format
	theirs = {"database": address("theirs.sql"), "private_files": address("theirs.tar")}
	folder = intake.stage_uploads(bench, site, "intake-00003-PJ-00050", theirs)
	assert len(list(folder.iterdir())) == 2
	assert intake.stage_uploads(bench, site, folder.name, {"database": address("own.sql")}) == folder
	assert [path.read_text() for path in folder.iterdir()] == ["own.sql"]


def test_only_the_job_that_has_closed_a_site_opens_it_again():
	context = SimpleNamespace(job="PJ-00050", mark="admin/2")
	assert _is_closed_by(context, {"buildpro_maintenance": {"by": "PJ-00050", "mark": "admin/2"}})
	for of_another in ({"by": "PJ-00050", "mark": "admin/1"}, {"by": "PJ-00050"}):
		assert not _is_closed_by(context, {"buildpro_maintenance": of_another})
	asked = {"is_on": True, "by": "PJ-00050", "mark": "admin/2", "since": "now", "message": ""}
	assert _is_closed_by(context, site_state.maintenance({}, asked))
