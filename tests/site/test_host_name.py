"""Where links in the admin site's mails lead, and whose its secrets are."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def foreign_host(frappe, monkeypatch):
	"""A request whose Host header somebody else has chosen."""
	frappe.utils.set_request(method="POST", path="/", base_url="http://evil.example")
	frappe.local.request.environ["HTTP_X_FORWARDED_HOST"] = "evil.example"
	yield
	del frappe.local.request


@pytest.fixture
def configured(site):
	"""site.update_config, for host_name; what was there comes back."""
	before = site.frappe.conf.get("host_name")
	yield site.update_config
	site.update_config({"host_name": before})


def test_setting_up_has_said_where_the_admin_site_is(frappe):
	"""As `make demo` and `make test` do it, by `saas setup`."""
	assert frappe.conf.host_name.endswith(
		(f"//{frappe.local.site}", f"//{frappe.local.site}:{web_port(frappe)}")
	)


def web_port(frappe) -> int:
	return frappe.get_all("Bench", {"is_local": 1}, pluck="web_port")[0]


def test_a_reset_of_a_password_links_to_the_site_whatever_the_host_says(frappe, foreign_host, monkeypatch):
	sent = []
	monkeypatch.setattr(frappe, "sendmail", lambda **mail: sent.append(mail))
	staff = frappe.get_doc(
		{
			"doctype": "User",
			"email": f"{frappe.generate_hash(length=8)}@staff.example",
			"first_name": "S",
			"send_welcome_email": 0,
		}
	).insert()
	sent.clear()
	reset = getattr(staff, "_reset_password", None) or staff.reset_password
	link = reset(send_email=True)
	assert link.startswith(f"{frappe.conf.host_name}/update-password?key=")
	assert "evil" not in link and sent and "evil" not in str(sent)
	for url in (
		frappe.utils.get_url("/x"),
		frappe.utils.get_url_to_form("User", "x"),
		frappe.utils.get_url(full_address=True),
	):
		assert url.startswith(frappe.conf.host_name) and "evil" not in url


@pytest.mark.parametrize(
	("wanted", "known", "address"),
	[
		(None, None, "http://{site}:{port}"),
		(None, "http://{site}:1", "http://{site}:{port}"),
		(None, "https://admin.example.com", "https://admin.example.com"),
		("https://staff.example.com", "https://admin.example.com", "https://staff.example.com"),
		("https://staff.example.com:8443", None, "https://staff.example.com:8443"),
	],
)
def test_what_setting_up_keeps_and_what_it_makes(frappe, configured, wanted, known, address):
	from buildpro_saas.fleet import benches

	named = {"site": frappe.local.site, "port": web_port(frappe)}
	configured({"host_name": known and known.format(**named)})
	bench = frappe.get_doc("Bench", {"is_local": 1}).as_dict()
	for _ in range(2):
		assert benches.set_host_name(wanted, bench) == address.format(**named)
		assert frappe.get_site_config().host_name == address.format(**named)
		wanted = None  # run again without the option


@pytest.mark.parametrize(
	"address",
	[
		"admin.example.com",
		"ftp://admin.example.com",
		"https://",
		"https://a@b",
		"https://a/b",
		"https://a:x",
		"https://a?b",
	],
)
def test_what_is_no_address_is_refused(address):
	import click

	from buildpro_saas.commands.setup import checked_address

	with pytest.raises(click.BadParameter, match="without a path"):
		checked_address(None, None, address)


# -- Unix users ----------------------------------------------------------------------------------------------------


def test_the_unix_users_of_secrets_and_web_processes_are_told(frappe):
	from buildpro_saas.agent import unix_users
	from buildpro_saas.fleet import doctor

	users = doctor.separation(web_port(frappe))
	assert users.secrets == unix_users.own() == unix_users.name_of(os.geteuid())
	assert users.web in (frozenset(), frozenset({users.secrets}))  # the web server need not run
	assert not users.is_separate


@pytest.mark.parametrize(
	("web", "is_separate", "said"),
	[
		((), False, "cannot be told"),
		(("frappe",), True, "they cannot read them"),
		(("buildpro",), False, "can read both"),
		(("frappe", "buildpro"), False, "buildpro, frappe: whoever"),
		(("root",), False, "can read both"),
	],
)
def test_only_another_user_who_is_not_root_is_separate(web, is_separate, said):
	from buildpro_saas.fleet.doctor import UnixUsers

	users = UnixUsers("buildpro", frozenset(web))
	assert users.is_separate is is_separate and said in str(users)


def test_who_listens_is_read_as_linux_tells_it(tmp_path: Path):
	from buildpro_saas.agent import unix_users

	head = (
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	)
	row = "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  {uid}        0 1 1\n"
	own = os.geteuid()
	rows = [("0100007F:1F40", "0A", own), ("0100007F:1F40", "01", 4242), ("0100007F:1F41", "0A", 4243)]
	(tmp_path / "tcp").write_text(head + "".join(row.format(address=a, state=s, uid=u) for a, s, u in rows))
	assert unix_users.listening_on(8000, tmp_path) == {unix_users.own()}
	assert unix_users.listening_on(8001, tmp_path) == {"4243"}
	assert unix_users.listening_on(8002, tmp_path) == set()
