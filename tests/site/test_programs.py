"""What programs of a tenant's request or job are started with: tar and node open and write files where no hook of Python's looks."""

import os
import subprocess
import sys

import pytest

OTHERS = "../other.localhost/site_config.json"
TAR = {
	"a relative path": ["czf", "../../other.tar.gz", "public"],
	"a member elsewhere": ["czf", "x.tar.gz", OTHERS],
	"a list of names": ["czf", "x.tar.gz", "-T", "/etc/passwd"],
	"a list of names, joined": ["czf", "x.tar.gz", "--files-from=/etc/passwd"],
	"another folder": ["czf", "x.tar.gz", "-C", "../..", "apps.txt"],
	"a program": ["cf", "x.tar", "public", "--use-compress-program=sh"],
	"a checkpoint": ["cf", "x.tar", "public", "--checkpoint=1", "--checkpoint-action=exec=sh"],
	"an archive's archive": ["cf", "x.tar", "@/etc/passwd"],
	"another machine": ["cf", "host:x.tar", "public"],
	"extracting": ["xzf", "x.tar.gz"],
	"extracting, by a long option": ["--extract", "--file=x.tar.gz"],
	"appending": ["rf", "../../x.tar", "public"],
	"nothing": [],
}
NODE = {
	"code": ["-e", "1"],
	"a module": ["--require=/tmp/x.js", "generate_bootstrap_theme.js"],
	"a script elsewhere": ["/etc/passwd"],
	"a relative path": ["generate_bootstrap_theme.js", "../../sites/other.localhost/x.css", "a {}"],
	"an option's path": ["generate_bootstrap_theme.js", "--out=../../sites/other.localhost/x.css"],
	"an absolute one": ["generate_bootstrap_theme.js", "--out=/etc/x.css"],
	"a file of arguments": ["generate_bootstrap_theme.js", "@/etc/passwd"],
}


@pytest.fixture
def judge(request_of_a_tenant):
	"""What Python tells its audit hooks when the tenant's request starts a program in a folder."""
	return lambda words, folder: sys.audit("subprocess.Popen", words[0], words, folder, None)


@pytest.fixture
def own(request_of_a_tenant):
	return os.path.abspath(request_of_a_tenant.get_site_path())


@pytest.mark.parametrize("words", TAR.values(), ids=TAR)
def test_tar(request_of_a_tenant, judge, own, words):
	with pytest.raises(request_of_a_tenant.PermissionError):
		judge(["tar", *words], own)


@pytest.mark.parametrize("words", NODE.values(), ids=NODE)
def test_node(request_of_a_tenant, judge, words):
	with pytest.raises(request_of_a_tenant.PermissionError):
		judge(["/usr/bin/node", *words], request_of_a_tenant.get_app_path("frappe", ".."))


def test_what_frappe_starts(request_of_a_tenant, judge, own):
	frappe = request_of_a_tenant
	judge(["tar", "czf", "x.tar.gz", "public"], own)
	judge(["tar", "-cf", os.path.join(own, "x.tar"), os.path.join(own, "public", "files")], None)
	theme = frappe.get_app_path("frappe", "..")
	style = "/* mine */\\n@import 'a/b';\\nbody { color: url(/files/x.png) }"
	judge(
		["node", "generate_bootstrap_theme.js", os.path.join(own, "public", "files", "x.css"), style], theme
	)


def test_the_folder_is_the_programs_own(request_of_a_tenant, tmp_path):
	"""The audit hook tells where the program is started."""
	(tmp_path / "tar").write_text(f"#!{sys.executable}\n")
	(tmp_path / "tar").chmod(0o700)
	with pytest.raises(request_of_a_tenant.PermissionError):
		subprocess.run([str(tmp_path / "tar"), "cf", "x.tar", "frappe"], cwd="../apps", check=False)
