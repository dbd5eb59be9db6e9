"""What the admin site answers to a tenant's site, and to whom it does not."""

import time

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request


@pytest.fixture
def admin(admin_site, drifting):
	admin = Admin(admin_site, drifting)
	yield admin
	admin.end()


class Admin:
	"""The endpoint as it is called over HTTP, without the web server."""

	def __init__(self, frappe, drifting):
		from buildpro_saas.api import entitlements, feature_gating
		from buildpro_saas.licensing import sync_tokens

		self.frappe, self.drifting = frappe, drifting
		self.api, self.tokens, self.checking = entitlements, sync_tokens, feature_gating
		self.conf = dict(frappe.local.conf)
		self.address = frappe.generate_hash(
			length=10
		)  # what is counted for the rate limit is this test's alone
		self.tenant = self.new()
		self.token = sync_tokens.ensure(self.tenant)
		frappe.db.commit()

	def new(self, status: str = "Active") -> str:
		name = f"{self.drifting.token}{self.frappe.generate_hash(length=4).lower()}"
		return self.drifting.record(
			"Tenant",
			name=name,
			subdomain=name,
			status=status,
			site=f"{name}.localhost",
			company="Acme",
			owner_name="Olga",
			owner_email="olga@acme.example",
			plan="Core",
		)

	def call(self, method, token: str | None, **arguments) -> dict:
		local = self.frappe.local
		headers = {} if token is None else {"X-BuildPro-Token": token}
		local.request = Request(EnvironBuilder(method="POST", headers=headers).get_environ())
		local.request_ip, local.form_dict = self.address, self.frappe._dict(arguments, cmd=self.address)
		try:
			return method(**arguments)
		finally:
			del local.request
			local.form_dict = self.frappe._dict()

	def pull(self, token: str | None = "", **arguments) -> dict:
		given = self.token if token == "" else token
		return self.call(self.api.pull, given, **{"tenant": self.tenant, **arguments})

	def number(self) -> str:
		return self.frappe.db.get_value("Tenant", self.tenant, "entitlement_sequence")

	def end(self) -> None:
		self.frappe.db.rollback()
		self.frappe.local.conf.clear()
		self.frappe.local.conf.update(self.conf)
		self.frappe.db.delete("__Auth", {"doctype": "Tenant", "name": ("like", f"{self.drifting.token}%")})
		self.frappe.db.commit()


def test_the_newest_statement_and_then_nothing_new(admin):
	from buildpro_saas.entitlements import catalogue, statement

	answer = admin.pull()
	found = statement.verify(
		answer["token"], admin.frappe.conf.buildpro_public_keys, f"{admin.tenant}.localhost"
	)
	assert str(found.sequence) == admin.number()
	assert found.catalogue_digest == catalogue.digest(answer["catalogue"])
	keys = list(admin.frappe.conf.buildpro_public_keys)
	again = admin.pull(sequence=found.sequence, keys=keys)
	assert abs(again.pop("now") - time.time()) < 5
	assert again == {"unchanged": True, "next_pull": 6 * 3600}
	assert admin.pull(sequence=found.sequence - 1, keys=keys)["token"] != answer["token"]


def test_nothing_new_costs_few_queries(admin, monkeypatch):
	admin.pull()
	number, keys = admin.number(), list(admin.frappe.conf.buildpro_public_keys)
	admin.pull(sequence=number, keys=keys)
	seen = []
	sql = admin.frappe.db.sql
	monkeypatch.setattr(
		admin.frappe.db, "sql", lambda *query, **more: seen.append(query) or sql(*query, **more)
	)
	assert admin.pull(sequence=number, keys=keys)["unchanged"]
	assert len(seen) <= 30, [str(query[0])[:100] for query in seen]


def test_a_change_is_something_new(admin):
	admin.pull()
	number = admin.number()
	admin.frappe.db.set_value("Tenant", admin.tenant, "plan", "Growth")
	assert "token" in admin.pull(sequence=number)


def test_half_of_the_time_over_is_something_new(admin):
	admin.pull()
	number = admin.number()
	admin.frappe.db.set_value(
		"Tenant", admin.tenant, "entitlement_renew_at", admin.frappe.utils.add_to_date(None, seconds=-1)
	)
	assert "token" in admin.pull(sequence=number)
	# shortly before, the site is told to ask again in time
	soon = admin.frappe.utils.add_to_date(None, seconds=600)
	admin.frappe.db.set_value("Tenant", admin.tenant, "entitlement_renew_at", soon)
	assert 500 < admin.pull(sequence=admin.number())["next_pull"] <= 600


DEEP = "[" * 100_000


@pytest.mark.parametrize("keys", [DEEP, "{", "no json", '"x"', '{"a": 1}', "5"])
def test_keys_that_are_no_list_are_refused_with_a_sentence(admin, keys):
	with pytest.raises(admin.frappe.ValidationError):
		admin.pull(keys=keys)


@pytest.mark.parametrize("batch", [DEEP, "{", "[1]", "5", {"id": "x", "rows": [], "levels": DEEP}])
def test_a_batch_that_is_none_does_not_keep_the_statement(admin, batch):
	assert admin.pull(usage_batch=batch)["token"]


@pytest.mark.parametrize("tenant", ["\ud800", [[[]]], {}, 10**40, True, "a\0b"])
def test_a_tenant_that_is_no_name_is_refused_as_a_stranger_is(admin, tenant):
	# half of a character is told before anybody is asked for
	refused = pytest.raises((admin.frappe.AuthenticationError, admin.frappe.ValidationError, TypeError))
	with refused:
		admin.pull(tenant=tenant)
	with refused:
		admin.call(admin.checking.check_feature_access, "x", feature="rfi", tenant=tenant or "x")


def test_a_statement_that_a_clock_ahead_has_signed_is_followed_by_another(admin):
	admin.pull()
	number = admin.number()
	later = admin.frappe.utils.add_to_date(None, days=75)
	admin.frappe.db.set_value("Tenant", admin.tenant, "entitlement_renew_at", later)
	assert "token" in admin.pull(sequence=number)


@pytest.mark.parametrize("token", ["wrong", None, "ä" * 20])
def test_a_wrong_token_is_refused(admin, token):
	with pytest.raises(admin.frappe.AuthenticationError):
		admin.pull(token)


@pytest.mark.parametrize("status", ["Draft", "Provisioning", "Archived", "Removed", "Failed"])
def test_a_tenant_without_a_site_is_refused_as_a_stranger_is(admin, status):
	other = admin.new(status)
	token = admin.tokens.ensure(other)
	said = []
	for tenant, given in ((other, token), (other, "wrong"), (f"{other[:-1]}0", "wrong")):
		with pytest.raises(admin.frappe.AuthenticationError) as refused:
			admin.pull(given, tenant=tenant)
		said.append(str(refused.value).replace(tenant, "X"))
	assert len(set(said)) == 1


def test_each_encryption_key_refuses_alike(admin):
	"""That of another admin site, which the same process serves, or of one that was restored: nobody learns of it, nor is let in."""
	from cryptography.fernet import Fernet

	for key in (
		admin.frappe.conf.encryption_key,
		Fernet.generate_key().decode(),
		Fernet.generate_key().decode(),
	):
		admin.frappe.local.conf.encryption_key = key
		for tenant, token in (("nobody", "x"), (admin.tenant, "x")):
			with pytest.raises(admin.frappe.AuthenticationError):
				admin.pull(token, tenant=tenant)
	with pytest.raises(admin.frappe.AuthenticationError):
		admin.pull()  # what was encrypted with a key that is gone


def test_another_tenants_token_is_refused(admin):
	other = admin.new()
	with pytest.raises(admin.frappe.AuthenticationError):
		admin.pull(admin.tokens.ensure(other))
	# and a name that is no name finds nothing
	for odd in ({"like": "%"}, ["like", "%"], None, 5, f"{admin.tenant}%"):
		with pytest.raises((admin.frappe.AuthenticationError, TypeError)):
			admin.pull(tenant=odd)


def test_the_name_is_as_the_record_has_it(admin):
	assert admin.pull(tenant=admin.tenant.upper())["token"]  # MariaDB compares names so
	assert admin.number()


@pytest.mark.parametrize("keys", ["nonsense", {"a": 1}, ["k"] * 9, ["x" * 65], [5], [" "]])
def test_keys_that_are_none_are_refused(admin, keys):
	with pytest.raises((admin.frappe.ValidationError, ValueError, TypeError)):
		admin.pull(keys=keys)


def test_too_many_requests_of_one_address_are_refused(admin):
	admin.frappe.local.conf["buildpro_requests_per_hour"] = 3
	for _ in range(3):
		admin.pull()
	with pytest.raises(admin.frappe.ValidationError, match="rate limit"):
		admin.pull()


def test_the_token_is_kept_encrypted(admin):
	kept = admin.frappe.db.sql(
		"select password, encrypted from __Auth where doctype = 'Tenant' and name = %s", (admin.tenant,)
	)
	assert [row[1] for row in kept] == [1]
	assert admin.token not in kept[0][0]


def test_an_old_token_gets_a_successor_and_ends_once_that_is_used(admin):
	admin.frappe.db.set_value("Tenant", admin.tenant, "token_since", admin.frappe.utils.add_days(None, -31))
	new = admin.pull()["sync_token"]
	assert admin.pull()["sync_token"] == new  # the answer was lost
	assert "sync_token" not in admin.pull(new)
	with pytest.raises(admin.frappe.AuthenticationError):
		admin.pull()


def test_usage_goes_to_where_it_is_kept_and_a_bad_one_does_no_harm(admin, monkeypatch):
	told = []
	monkeypatch.setattr(
		admin.api.usage_reports, "receive", lambda tenant, batch: told.append((tenant, batch))
	)
	admin.pull(usage_batch='{"id": "a", "rows": []}')
	assert told == [(admin.tenant, {"id": "a", "rows": []})]

	def refuse(tenant, batch):
		admin.frappe.db.set_value("Tenant", tenant, "company", "Half written")
		admin.frappe.throw("no rows")

	monkeypatch.setattr(admin.api.usage_reports, "receive", refuse)
	assert admin.pull(usage_batch={"id": "b"})["token"]
	assert admin.frappe.db.get_value("Tenant", admin.tenant, "company") == "Acme"


# -- the key's rotation ------------------------------------------------------------------------------------------------


@pytest.fixture
def rotating(admin):
	"""A rotation, which is undone at the end."""
	from buildpro_saas.agent import site_config
	from buildpro_saas.licensing import signing_keys

	keys = (signing_keys.CURRENT, signing_keys.NEXT, signing_keys.PUBLIC)
	before = {key: admin.frappe.conf.get(key) for key in keys}
	admin.old = admin.frappe.conf.buildpro_signing_key["kid"]
	admin.new_key = signing_keys.begin()
	admin.signing_keys = signing_keys
	yield admin
	site_config.update_own(before)


def signed_with(admin, answer: dict):
	from buildpro_saas.entitlements import statement

	return statement.verify(answer["token"], admin.signing_keys.public_keys(), f"{admin.tenant}.localhost")


def test_a_site_is_brought_the_next_key_by_the_old_one_and_then_signed_to_by_it(rotating):
	first = signed_with(rotating, rotating.pull(keys=[rotating.old]))
	assert first.kid == rotating.old and set(first.next_keys) == {rotating.new_key}
	assert set(first.keys) == {rotating.old, rotating.new_key}
	second = signed_with(
		rotating, rotating.pull(sequence=first.sequence, keys=[rotating.old, rotating.new_key])
	)
	assert second.kid == rotating.new_key and not second.next_keys


def test_a_site_that_says_what_is_not_so_harms_itself_alone(rotating):
	lied = signed_with(rotating, rotating.pull(keys=[rotating.old, rotating.new_key]))
	assert lied.kid == rotating.new_key  # which it cannot check
	mended = signed_with(rotating, rotating.pull(keys=[rotating.old]))
	assert mended.kid == rotating.old
	unknown = signed_with(rotating, rotating.pull(keys=["no-such-key"]))
	assert unknown.kid == rotating.old


def test_the_old_key_is_withdrawn_when_all_trust_the_new_one(rotating):
	assert rotating.tenant in rotating.signing_keys.unconfirmed(["Active"])
	rotating.pull(keys=[rotating.old, rotating.new_key])
	assert rotating.tenant not in rotating.signing_keys.unconfirmed(["Active"])
	assert rotating.signing_keys.finish() == rotating.old
	assert set(rotating.signing_keys.public_keys()) == {rotating.new_key}
	last = signed_with(
		rotating, rotating.pull(sequence=rotating.number(), keys=[rotating.old, rotating.new_key])
	)
	assert last.kid == rotating.new_key and last.keys == (rotating.new_key,)


def test_a_rotation_has_one_beginning_and_one_end(rotating):
	with pytest.raises(rotating.frappe.ValidationError, match="under way"):
		rotating.signing_keys.begin()
	rotating.signing_keys.finish()
	for ended in (rotating.signing_keys.finish, lambda: rotating.signing_keys.unconfirmed(["Active"])):
		with pytest.raises(rotating.frappe.ValidationError, match="No rotation"):
			ended()


def test_a_job_that_began_before_a_rotation_signs_with_the_key_of_after_it(rotating):
	from buildpro_saas.licensing import signing

	frappe, keys = rotating.frappe, rotating.signing_keys
	began_with = dict(rotating.conf)
	keys.finish()
	for key in (keys.CURRENT, keys.NEXT, keys.PUBLIC):  # as the worker knows them
		frappe.local.conf[key] = began_with.get(key)
	tenant = frappe.get_doc("Tenant", rotating.tenant)
	signing.trust(tenant, [rotating.old])
	statement = signed_with(rotating, tenant.sign_entitlement())
	assert statement.kid == rotating.new_key and statement.keys == (rotating.new_key,)
	assert frappe.get_doc("Tenant", rotating.tenant).is_entitlement_current()
	with pytest.raises(frappe.ValidationError, match="No rotation"):
		keys.finish()


def test_a_private_key_is_not_in_what_a_traceback_shows(rotating):
	found = rotating.signing_keys.read()
	shown = repr(found)
	assert rotating.new_key in shown
	assert not [key for key in (found.current, found.following) if key["private"] in shown]


def test_an_admin_site_without_a_key_says_what_to_do(rotating):
	from buildpro_saas.agent import site_config

	keys = rotating.signing_keys
	before = keys.read().current
	site_config.update_own({keys.CURRENT: None})
	try:
		with pytest.raises(rotating.frappe.ValidationError, match="put back the one of a backup"):
			keys.read()
	finally:
		site_config.update_own({keys.CURRENT: before})


# -- a decision for a tenant --------------------------------------------------------------------------------------------


def test_a_decision_for_a_tenant(admin):
	def ask(feature: str, **more) -> dict:
		arguments = {"tenant": admin.tenant, "feature": feature, **more}
		return admin.call(admin.checking.check_feature_access, admin.token, **arguments)

	assert (ask("rfi")["allowed"], ask("bim")["reason"]) == ("rfi" in admin_features(admin), "NOT_IN_PLAN")
	admin.frappe.db.set_value("Tenant", admin.tenant, "status", "Suspended")
	assert ask("daily_log")["reason"] == "SUSPENDED"
	with pytest.raises(admin.frappe.ValidationError, match="no feature"):
		ask("no_such")
	with pytest.raises(admin.frappe.AuthenticationError):
		ask("rfi", tenant=admin.new())


def admin_features(admin) -> list[str]:
	return admin.frappe.get_doc("Plan", "Core").resolved()["features"]
