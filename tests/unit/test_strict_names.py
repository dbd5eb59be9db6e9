"""One spelling of a site's name and of a path."""

import pytest

from buildpro_saas.tenant_site import strict_names


@pytest.fixture
def sites(tmp_path):
	for name in ("acme.localhost", "acme", "xn--bcher-kva.example", "a_b.example", "UPPER.localhost"):
		(tmp_path / name).mkdir()
		(tmp_path / name / "site_config.json").write_text("{}")
	(tmp_path / "assets").mkdir()
	(tmp_path / "alias.localhost").symlink_to("acme.localhost")
	moved = tmp_path / "disk" / "moved.localhost"
	moved.mkdir(parents=True)
	(moved / "site_config.json").write_text("{}")
	(tmp_path / "moved.localhost").symlink_to(moved)
	return str(tmp_path)


@pytest.mark.parametrize(
	"name", ["acme.localhost", "acme", "xn--bcher-kva.example", "a_b.example", "moved.localhost"]
)
def test_a_site_by_its_one_name(sites, name):
	assert strict_names.is_site(name, sites)


@pytest.mark.parametrize(
	"name",
	[
		*(
			"./acme.localhost",
			"acme.localhost/",
			"acme.localhost/.",
			"acme.localhost.",
			".acme.localhost",
			"acme..localhost",
		),
		*(
			"ACME.localhost",
			"Acme.localhost",
			"UPPER.localhost",
			"acme.localhost ",
			" acme.localhost",
			"acme.localhost\n",
		),
		*(
			"acme.localhost\0",
			"acme.localhost\\",
			"acme.localhost:8000",
			"%61cme.localhost",
			"acme.localhost%2f",
		),
		*("\uff41cme.localhost", "\u0430cme.localhost", "acme.localho\u017ft", "acme\u3002localhost"),
		*(
			"alias.localhost",
			"assets",
			"disk",
			"nobody.localhost",
			"disk/moved.localhost",
			"",
			".",
			"..",
			"/",
			"-acme",
		),
		*(None, 7, b"acme.localhost", ["acme.localhost"], "a" * 254),
	],
)
def test_and_by_no_other(sites, name):
	assert not strict_names.is_site(name, sites)
	if isinstance(name, str):
		assert not strict_names.is_site(f"{sites}/{name}", sites)


@pytest.mark.parametrize(
	"path", ["/", "/files/a..b.txt", "/app/todo/...", "/a/b/", "/..a/b..", "/app/%2e%2e"]
)
def test_a_path_that_goes_down(path):
	assert strict_names.is_plain_path(path)


@pytest.mark.parametrize("path", ["/..", "../x", "/a/../b", "/a/..", "/a\\..\\b", "..\\x", "/a\0b"])
def test_a_path_that_does_not(path):
	assert not strict_names.is_plain_path(path)
