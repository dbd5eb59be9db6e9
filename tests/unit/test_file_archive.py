"""Archives of a site's files: whatever made them, the files are put where they belong, and nothing anywhere else."""

import io
import os
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.file_archive import FileArchive, Held, place


def tarred(path: Path, members: dict[str, bytes | str], mode: str = "w", **every) -> Path:
	"""An archive; a value of str makes a symbolic link."""
	with tarfile.open(path, mode) as archive:
		for name, content in members.items():
			info = tarfile.TarInfo(name)
			for key, value in every.items():
				setattr(info, key, value)
			if isinstance(content, str):
				info.type, info.linkname = tarfile.SYMTYPE, content
				archive.addfile(info)
			else:
				info.size = len(content)
				archive.addfile(info, io.BytesIO(content))
	return path


def unpacked(path: Path, to: Path, part: str = "private") -> dict[str, bytes]:
	to.mkdir()
	FileArchive(path, part).put_into(to, lambda: None)
	return {os.fspath(each.relative_to(to)): each.read_bytes() for each in to.rglob("*") if each.is_file()}


@pytest.mark.parametrize(
	"before",
	[
		"./acme.example.com/private/files/",
		"acme/private/files/",
		"/home/frappe/sites/acme/private/files/",
		"./files/",
		"files/",
		"./",
		"",
	],
)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_every_way_of_naming_puts_files_in_their_place(before, mode, tmp_path):
	path = tarred(tmp_path / "files.tar", {f"{before}a.txt": b"one", f"{before}b/c.pdf": b"two"}, mode)
	assert FileArchive(path, "private").judge() == Held(2, 6)
	assert unpacked(path, tmp_path / "to") == {"files/a.txt": b"one", "files/b/c.pdf": b"two"}


def test_a_folder_is_as_good_as_an_archive(tmp_path):
	for top in ("private", "private/files", "private/backups"):
		(tmp_path / top).mkdir(parents=True)
	(tmp_path / "private/files/a.txt").write_bytes(b"one")
	(tmp_path / "private/backups/old.sql").write_bytes(b"no file of the site")
	assert unpacked(tmp_path / "private", tmp_path / "to") == {"files/a.txt": b"one"}
	assert unpacked(tmp_path / "private/files", tmp_path / "again") == {"files/a.txt": b"one"}


def test_wrong_modes_are_mended(tmp_path):
	path = tmp_path / "files.tar"
	with tarfile.open(path, "w") as archive:
		for name, mode, kind in (("files", 0o000, tarfile.DIRTYPE), ("files/a", 0o4777, tarfile.REGTYPE)):
			info = tarfile.TarInfo(name)
			info.mode, info.type = mode, kind
			archive.addfile(info)
	unpacked(path, tmp_path / "to")
	assert (tmp_path / "to/files").stat().st_mode & 0o7777 == 0o755
	assert (tmp_path / "to/files/a").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize(
	("members", "said"),
	[
		({"../../etc/cron.d/x": b"*"}, "leads out of the folder"),
		({"private/files/../../../x": b"*"}, "leads out of the folder"),
		({"files/a": "/etc/passwd"}, "out of the folder"),
		({"files/a": "../../site_config.json"}, "out of the folder"),
		({"files/a": ".", "files/a/b": "..", "files/a/b/c": b"*"}, "behind a link"),
		({"files/a": "b", "files/a/x": b"*"}, "behind a link"),
	],
)
def test_what_leads_out_of_the_folder_is_refused(members, said, tmp_path):
	path = tarred(tmp_path / "files.tar", members)
	with pytest.raises(AgentError, match=said):
		FileArchive(path, "private").judge()
	with pytest.raises(AgentError, match=said):
		unpacked(path, tmp_path / "to")
	assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
	("kind", "said"),
	[(tarfile.CHRTYPE, "device"), (tarfile.FIFOTYPE, "device"), (tarfile.LNKTYPE, "no file before it")],
)
def test_devices_and_links_to_nothing_are_refused(kind, said, tmp_path):
	with tarfile.open(tmp_path / "files.tar", "w") as archive:
		info = tarfile.TarInfo("files/a")
		info.type, info.linkname = kind, "/etc/passwd"
		archive.addfile(info)
	with pytest.raises(AgentError, match=said):
		FileArchive(tmp_path / "files.tar", "private").judge()


def test_links_within_the_folder_are_kept(tmp_path):
	path = tarred(tmp_path / "files.tar", {"files/a": b"one", "files/b": "a"})
	with tarfile.open(path, "a") as archive:
		info = tarfile.TarInfo("files/c")
		info.type, info.linkname = tarfile.LNKTYPE, "files/a"
		archive.addfile(info)
	assert unpacked(path, tmp_path / "to") == dict.fromkeys(("files/a", "files/b", "files/c"), b"one")
	assert os.readlink(tmp_path / "to/files/b") == "a"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_that_is_cut_off_is_known(mode, tmp_path):
	path = tarred(tmp_path / "files.tar", {"files/a": os.urandom(50000)}, mode)
	path.write_bytes(path.read_bytes()[:30000])
	with pytest.raises(AgentError, match="cut off"):
		FileArchive(path, "private").judge()
	path.write_bytes(b"no archive at all")
	with pytest.raises(AgentError, match="no tar archive"):
		FileArchive(path, "private").judge()


@given(
	st.lists(st.sampled_from(["..", ".", "", "files", "private", "a", "b c", "..."]), max_size=8),
	st.booleans(),
)
def test_no_name_leads_out_of_the_folder(steps, is_absolute):
	name = ("/" if is_absolute else "") + "/".join(steps)
	try:
		found = place(name, "private")
	except AgentError:
		assert ".." in steps
		return
	assert ".." not in steps
	if found is not None:
		assert not found.is_absolute() and found.parts[0] == "files" and ".." not in found.parts
		# it stays where it is, however often it is packed and unpacked
		assert place(os.fspath(PurePosixPath("private") / found), "private") == found
