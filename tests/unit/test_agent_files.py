"""site_config.json and site folders: atomic, private, and nobody else's."""

import json
import multiprocessing
import stat

import pytest

from buildpro_saas.agent import site_config
from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.site import Site


@pytest.fixture
def site(tmp_path) -> Site:
	return Site(tmp_path, "acme.localhost")


def test_a_made_site_is_marked_private_and_whole(site):
	site.make_folder({"db_name": "_x"}, "admin/1")
	assert site.config == {"db_name": "_x", "buildpro_job": "admin/1"} and site.mark == "admin/1"
	assert stat.S_IMODE((site.path / "site_config.json").stat().st_mode) == 0o600
	assert [p.name for p in site.sites_path.iterdir()] == [site.name]


def test_making_it_again_is_harmless(site):
	site.make_folder({"db_name": "_x"}, "admin/1")
	site.make_folder({"db_name": "_other"}, "admin/1")
	assert site.config["db_name"] == "_x"


def test_somebody_elses_site_is_left_alone(site):
	site.path.mkdir()
	(site.path / "site_config.json").write_text('{"db_name": "theirs"}')
	for act in (lambda: site.make_folder({}, "admin/1"), lambda: site.remove_folder("admin/1")):
		with pytest.raises(NotOursError, match="left alone"):
			act()
	assert site.config == {"db_name": "theirs"}


def test_another_jobs_site_is_left_alone(site):
	site.make_folder({}, "admin/1")
	with pytest.raises(NotOursError):
		site.remove_folder("admin/2")
	assert site.exists()


def test_a_plain_file_in_the_way_is_left_alone(site):
	site.path.write_text("notes")
	with pytest.raises(NotOursError):
		site.make_folder({}, "admin/1")
	assert site.path.read_text() == "notes"


def test_removing_takes_what_an_interrupted_removal_left(site):
	site.make_folder({}, "admin/1")
	site.path.rename(site._hidden("admin/1"))
	site.remove_folder("admin/1")
	assert list(site.sites_path.iterdir()) == []
	site.remove_folder("admin/1")  # and again


def test_a_draft_of_a_killed_try_is_replaced(site):
	draft = site._hidden("admin/1")
	draft.mkdir()
	(draft / "half").touch()
	site.make_folder({}, "admin/1")
	assert not (site.path / "half").exists()


def test_update_merges_and_removes(site):
	site.make_folder({"a": 1, "b": 2}, "m")
	assert site.update_config({"a": None, "c": [3]}) == {"b": 2, "c": [3], "buildpro_job": "m"}


def test_a_write_that_fails_leaves_the_old_file(site):
	site.make_folder({"a": 1}, "m")
	with pytest.raises(TypeError):
		site.update_config({"a": object()})
	assert site.config["a"] == 1
	assert not [p for p in site.path.iterdir() if p.name.startswith(".site_config")]


def count_up(folder, times):
	for _ in range(times):
		# one process's key is never lost to the other's write
		site_config.update(folder, {f"{multiprocessing.current_process().name}-{_}": 1})


def test_two_writers_lose_nothing(site):
	site.make_folder({}, "m")
	writers = [multiprocessing.Process(target=count_up, args=(site.path, 25), name=name) for name in "ab"]
	for writer in writers:
		writer.start()
	for writer in writers:
		writer.join()
	assert len(json.loads((site.path / "site_config.json").read_text())) == 51


DAMAGES = {
	"cut off": lambda path: path.write_text('{"db_name": '),
	"empty": lambda path: path.write_text(""),
	"no object": lambda path: path.write_text("[]"),
	"no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
	"a folder": lambda path: path.mkdir(),
	"a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_configuration_is_told_in_a_sentence(site, damage):
	site.path.mkdir()
	DAMAGES[damage](site.path / "site_config.json")
	with pytest.raises(
		AgentError, match=r"site_config.json cannot be read .*: correct it, or put back"
	) as told:
		site.call("frappe.ping")
	assert "do not restore it" in told.value.hint


def test_a_lost_configuration_is_told_from_a_lost_site(site):
	with pytest.raises(AgentError, match=r"There is no site acme.localhost") as told:
		site.call("frappe.ping")
	assert "last backup" in told.value.hint
	site.path.mkdir()
	with pytest.raises(
		AgentError, match=r"The folder of the site acme.localhost has no site_config.json"
	) as told:
		site.call("frappe.ping")
	assert "Put back its own site_config.json" in told.value.hint and "do not restore it" in told.value.hint
