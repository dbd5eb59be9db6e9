"""Asks a site that nobody can reach yet, such as a shadow, over HTTP, and signs in there.

The framework's own web application serves it for these seconds, on a port of this machine that nobody else is told.

Somebody signs in with a password. Where the site asks for a second factor, or takes no passwords, it is one of the framework's own links
that sign in once: no code is asked for, and none is sent. Called in a process of its own on that site (`agent/site_runner.py`): the application is told which site to answer for.
"""

import contextvars
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import frappe
import frappe.app
import requests
from frappe.twofactor import two_factor_is_enabled
from frappe.utils import cint, now
from frappe.utils.password import update_password
from werkzeug.serving import WSGIRequestHandler, make_server

from buildpro_saas.agent import site_config
from buildpro_saas.tenant_site import strict_names

OK, REDIRECTED = 200, 302
HERE = "127.0.0.1"
NOWHERE = "2001:db8:"  # how addresses begin that nobody has (RFC 3849)
SECONDS = 120  # for one answer: a machine may be busy, and nothing is cached yet
# Who signs in: nobody's name, and made for these seconds.
USER = "buildpro-check@site.invalid"
# The framework's links that sign in once (frappe/www/login.py): where one is kept, and what takes it.
LINK, LINK_SECONDS = "one_time_login_key", 300
BY_LINK = "/api/method/frappe.www.login.login_via_key"
# What keeps requests and sign-ins out of a site that is being made.
OPEN = {"maintenance_mode": 0, "buildpro_role": "checked"}
# Where a sign-in leaves something of USER's: {table: column}.
TRACES = {
	"tabUser": "name",
	"__Auth": "name",
	"tabSessions": "user",
	"tabActivity Log": "user",
	"tabHas Role": "parent",
	"tabDefaultValue": "parent",
	"tabNotification Settings": "name",
	"__UserSettings": "user",
}


class NotAnsweredError(Exception):
	"""The site does not answer as it should. The message is a sentence."""


def sign_in() -> dict:
	"""Ask for a page, sign in, and ask who is signed in: {"pages": {path: status}}. What it makes there is gone again.

	Raises NotAnsweredError, with what was answered.
	"""
	with _opened(), _somebody() as password:
		site, key = frappe.local.site, None
		if takes_no_password():
			key = secrets.token_hex(16)
			frappe.cache.set_value(f"{LINK}:{key}", USER, expires_in_sec=LINK_SECONDS)
		asked = _ask(site, password, key)
		_check_is_itself(asked.pop("sid"))
	return asked


def takes_no_password() -> bool:
	"""Whether a password alone signs nobody in here: the site asks USER for a second factor, or has switched passwords off."""
	is_off = frappe.db.get_single_value("System Settings", "disable_user_pass_login")
	return bool(cint(is_off) or two_factor_is_enabled(USER))


@contextmanager
def _opened() -> Iterator[None]:
	"""Within the block the site lets web requests in, as far as they are of this process."""
	before = {key: frappe.conf.get(key) for key in OPEN}
	site_config.update_own(OPEN)
	strict_names.asked.add(frappe.local.site)
	try:
		yield
	finally:
		strict_names.asked.discard(frappe.local.site)
		site_config.update_own(before)


@contextmanager
def _somebody() -> Iterator[str]:
	"""A user of Desk for the block; yields the password."""
	_remove()
	password = secrets.token_urlsafe(24)
	_insert("User", email=USER, first_name="Check", full_name="Check", enabled=1, user_type="System User")
	_insert("Notification Settings", user=USER)  # which Desk asks for, and which Frappe makes beside a user
	update_password(USER, password)
	frappe.db.commit()
	try:
		yield password
	finally:
		frappe.db.rollback()
		_remove()


def _insert(doctype: str, **values: object) -> None:
	"""A row of USER's alone: no hook of any app hears of it."""
	by, moment = "Administrator", now()
	row = {"name": USER, "owner": by, "modified_by": by, "creation": moment, "modified": moment, **values}
	frappe.qb.into(frappe.qb.DocType(doctype)).columns(*row).insert(*row.values()).run()


def _remove() -> None:
	there = set(frappe.db.get_tables(cached=False))
	for table, column in TRACES.items():
		if table in there:
			frappe.db.sql(f"delete from `{table}` where `{column}` = %s", USER)
	frappe.db.commit()
	frappe.clear_cache(user=USER)


class _Silent(WSGIRequestHandler):
	"""Writes no line for each request: an address may have a key in it."""

	def log_request(self, *_args: object) -> None:
		"""Nothing."""


@contextmanager
def _served(site: str) -> Iterator[str]:
	"""Serve the site for the block; yields the address."""
	frappe.app._site, frappe.app._sites_path = site, "."
	server = make_server(HERE, 0, frappe.app.application, request_handler=_Silent)
	# in a context of its own: what the framework knows of a request is kept there
	serving = threading.Thread(target=contextvars.Context().run, args=(server.serve_forever,), daemon=True)
	serving.start()
	try:
		yield f"http://{HERE}:{server.server_port}"
	finally:
		server.shutdown()
		serving.join()
		server.server_close()


def _ask(site: str, password: str, key: str | None) -> dict:
	pages = {}
	with _served(site) as address, requests.Session() as session:
		session.trust_env = False  # a proxy of the environment is not for this machine's own address
		# who asks too often is refused, by address and for all sites of the bench at once: each check has its own
		session.headers["X-Forwarded-For"] = f"{NOWHERE}:{secrets.token_hex(2)}:{secrets.token_hex(2)}"

		def answered(path: str, *statuses: int, method: str = "GET", **request) -> requests.Response:
			asked = {"timeout": SECONDS, "allow_redirects": False, **request}
			answer = session.request(method, address + path, **asked)
			pages[path] = answer.status_code
			if answer.status_code not in statuses:
				raise NotAnsweredError(f"{path} is answered with {answer.status_code}: {_said(answer)}")
			return answer

		answered("/api/method/ping", OK)
		answered("/login", OK, REDIRECTED)
		if key:
			answered(BY_LINK, REDIRECTED, params={"key": key})
		else:
			signed = answered("/api/method/login", OK, method="POST", data={"usr": USER, "pwd": password})
			if signed.json().get("message") != "Logged In":
				raise NotAnsweredError(f"A sign-in is answered with {_said(signed)}")
		who = answered("/api/method/frappe.auth.get_logged_user", OK)
		if who.json().get("message") != USER:
			raise NotAnsweredError(f"After a sign-in somebody else is signed in: {_said(who)}")
		answered("/app", OK)
		return {"pages": pages, "sid": session.cookies.get("sid") or ""}


def _check_is_itself(sid: str) -> None:
	"""The session stands in this site's own database: so it was this site that answered."""
	frappe.db.rollback()
	if not frappe.db.sql("select 1 from tabSessions where sid = %s and user = %s", (sid, USER)):
		raise NotAnsweredError("The sign-in is not in the site's own database: another site has answered.")


def _said(answer: requests.Response) -> str:
	return " ".join(answer.text[:500].split())
