"""A site that has had a statement and has none that counts: restrictions and limits are those of the newest, and every feature is denied."""

import json
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

DAY = 24 * 60 * 60
NO_MORE_USERS = {"max_users": {"value": 0, "is_hard": True}}
CATALOGUE = {
	"features": {
		"notes": {
			"label": "Notes",
			"plan": "Enterprise",
			"gates": [{"kind": "DocType", "name": "Note", "operations": ["create"]}],
		},
		"rfi": {"label": "RFI", "plan": "Growth"},
	},
	"limits": {},
}


@pytest.fixture
def tenant(site, usage, monkeypatch):
	"""The site in the role of a tenant's, asked by a web request."""
	frappe = site.frappe
	site.catalogue = CATALOGUE
	site.update_config({"buildpro_role": "tenant"})
	monkeypatch.setattr(frappe.local, "form_dict", frappe._dict())
	request = frappe._dict(path="/api/method/x", method="POST", headers={})
	monkeypatch.setattr(frappe.local, "request", request, raising=False)
	try:
		yield site
	finally:
		frappe.flags.read_only = False
		frappe.db.rollback()
		with outside_of_requests(site):
			if file_of(site).is_dir():
				file_of(site).rmdir()
		site.update_config({"buildpro_role": "admin"})
		site.take_entitlement_off()
		new_request(site)
		frappe.clear_cache()


@contextmanager
def outside_of_requests(site):
	"""A tenant's request may not touch these files: what damages them is somebody in a shell, or the disk."""
	local = site.frappe.local
	asked = local.request
	local.request = None
	try:
		yield
	finally:
		local.request = asked


def file_of(site) -> Path:
	return Path(site.frappe.local.site_path, site.entitlement.FILE)


def new_request(site) -> None:
	local = site.frappe.local
	local.cache.clear()
	local.conf = site.frappe._dict(site.frappe.get_site_config())


def store(site, **content) -> None:
	file = file_of(site)
	file.write_text(json.dumps({**json.loads(file.read_text()), **content}))


def missing(site):
	file_of(site).unlink()


def empty(site):
	file_of(site).write_text("")


def cut_short(site):
	file_of(site).write_text(file_of(site).read_text()[:-20])


def unreadable(site):
	missing(site)
	file_of(site).mkdir()


def of_another_site(site):
	store(site, token=site.token(site="other.example", features=["rfi", "notes"]))


def forged(site):
	store(site, token=site.token(key=site.foreign_key(), features=["rfi", "notes"]))


def replayed(site):
	store(site, token=site.better)


def with_a_catalogue_of_his_own(site):
	store(site, catalogue={})


def keys_gone(site):
	site.update_config({"buildpro_public_keys": None})


def keys_damaged(site):
	site.update_config({"buildpro_public_keys": "no keys"})


WAYS = (
	missing,
	empty,
	cut_short,
	unreadable,
	of_another_site,
	forged,
	replayed,
	with_a_catalogue_of_his_own,
	keys_gone,
)


@pytest.fixture(params=[*WAYS, keys_damaged], ids=lambda way: way.__name__)
def lose(request, tenant):
	"""Put a statement into force, after a better one, and lose it in one of the ways."""
	keys = tenant.frappe.conf.buildpro_public_keys

	def lose(**changes):
		tenant.better = tenant.apply(features=["rfi", "notes"], limits={})
		tenant.apply(**changes)
		with outside_of_requests(tenant):
			request.param(tenant)
		new_request(tenant)
		assert tenant.entitlement.current_decisions().statement is None

	yield lose
	tenant.update_config({"buildpro_public_keys": keys})


def insert(site, doctype="ToDo", **values):
	return site.frappe.get_doc({"doctype": doctype, "description": "x", "title": "x", **values}).insert()


def user(site):
	email = f"{site.frappe.generate_hash(length=10)}@closed.example"
	values = {
		"email": email,
		"first_name": "L",
		"send_welcome_email": 0,
		"roles": [{"role": "System Manager"}],
	}
	return insert(site, "User", **values)


def test_a_suspended_site_stays_suspended(tenant, lose):
	from werkzeug.exceptions import HTTPException

	from buildpro_saas.tenant_site import restriction

	lose(status="Suspended")
	with pytest.raises(HTTPException) as answer:
		restriction.on_request()
	assert answer.value.response.status_code == 402
	assert "support@example.com" in answer.value.response.get_data(as_text=True)
	with pytest.raises(tenant.gating.SiteRestrictedError, match="suspended"):
		insert(tenant)
	assert restriction.pauses("erpnext.stock.reorder", is_script=False)


def test_an_expired_site_stays_read_only(tenant, lose):
	from buildpro_saas.tenant_site import restriction

	lose(now=time.time() - 60 * DAY)
	with pytest.raises(tenant.gating.SiteRestrictedError, match=r"read-only.*Growth.*support@example\.com"):
		insert(tenant)
	restriction.on_request()
	assert tenant.frappe.flags.read_only


def test_limits_hold_features_and_gates_are_closed_and_work_goes_on(tenant, lose):
	lose(limits=NO_MORE_USERS, features=["rfi", "notes"])
	insert(tenant)
	with pytest.raises(
		tenant.gating.LimitReachedError,
		match=r"plan Growth allows none.*support@example\.com",
	):
		user(tenant)
	assert tenant.gating.get_limit_access("max_users", requested=0).limit == 0
	assert not tenant.gating.check_feature_access("rfi")
	with pytest.raises(tenant.gating.FeatureNotAvailableError):
		insert(tenant, "Note")


def test_what_was_in_force_expires_in_its_time(tenant, lose, monkeypatch):
	lose()
	insert(tenant)
	later = time.time() + 60 * DAY
	monkeypatch.setattr(time, "time", lambda: later)
	new_request(tenant)
	with pytest.raises(tenant.gating.SiteRestrictedError, match="read-only"):
		insert(tenant)


def test_the_next_statement_ends_it(tenant, lose):
	keys = tenant.frappe.conf.buildpro_public_keys
	lose(status="Suspended")
	if file_of(tenant).is_dir():
		with outside_of_requests(tenant):
			file_of(tenant).rmdir()
	tenant.update_config({"buildpro_public_keys": keys})
	tenant.apply(features=["rfi", "notes"])
	new_request(tenant)
	insert(tenant)
	insert(tenant, "Note")


def test_a_site_that_has_had_one_and_nothing_is_known_of_it_is_read_only(tenant):
	"""As an earlier version of this app left it, and the file lost before the first migration."""
	tenant.apply()
	tenant.update_config({tenant.entitlement.LAST_KEY: None})
	with outside_of_requests(tenant):
		missing(tenant)
	new_request(tenant)
	with pytest.raises(tenant.gating.SiteRestrictedError, match="read-only, because it cannot be told"):
		insert(tenant)


def test_what_an_earlier_version_put_into_force_is_noted_by_migrating(tenant):
	tenant.apply(status="Suspended")
	known = tenant.frappe.conf.get(tenant.entitlement.LAST_KEY)
	tenant.update_config({tenant.entitlement.LAST_KEY: None})
	new_request(tenant)
	tenant.entitlement.keep_last_known()
	new_request(tenant)
	assert known and tenant.frappe.conf.get(tenant.entitlement.LAST_KEY) == known


def test_a_site_that_never_had_one_is_not_restricted(tenant):
	new_request(tenant)
	insert(tenant)
	assert not tenant.gating.check_feature_access("rfi")


def test_a_statement_that_begins_later_limits_all_the_same(tenant):
	"""As where this machine's clock is behind the admin site's."""
	tenant.apply(limits=NO_MORE_USERS)
	gate = tenant.entitlement.current_decisions()
	from buildpro_saas.entitlements import decision

	later = decision.decisions_of_statement(gate.statement, gate.statement.not_before - DAY, CATALOGUE)
	assert later.standing.value == "NOT_YET_VALID"
	tenant.frappe.local.cache[tenant.entitlement.LOCAL_KEY] = tenant.entitlement.Held(later)
	insert(tenant)
	with pytest.raises(tenant.gating.LimitReachedError):
		user(tenant)
