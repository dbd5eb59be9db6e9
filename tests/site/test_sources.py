"""What statements are made of is read once for many tenants, and never older than the statement's number says."""

import pytest
from conftest_data import second_connection

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.entitlements import acceptance, statement


@pytest.fixture
def sources(admin_site):
	from buildpro_saas.licensing.sources import Sources

	admin_site.db.commit()
	yield Sources()
	admin_site.db.rollback()


def written(frappe, doctype: str, name: str, **values) -> None:
	frappe.db.set_value(doctype, name, values)


CHANGES = {
	"a plan": lambda frappe: written(frappe, "Plan", "Core", description="Another"),
	"a feature": lambda frappe: written(frappe, "Feature", "rfi", label="Another"),
	"a new kill switch": lambda frappe: frappe.get_doc(
		{"doctype": "Kill Switch", "feature": "rfi", "reason": "test"}
	).db_insert(),
	"a new add-on": lambda frappe: frappe.get_doc(
		{"doctype": "Add-on", "name": "another", "addon_name": "another"}
	).db_insert(),
	"the settings": lambda frappe: frappe.db.set_single_value(
		"SaaS Settings", "support_contact", "x@y.example"
	),
	"the settings, without their time": lambda frappe: frappe.db.set_single_value(
		"SaaS Settings", "support_contact", "z@y.example", update_modified=False
	),
}


def test_they_are_read_once_while_nothing_changes(admin_site, sources):
	before = sources.offer
	for _ in range(3):
		admin_site.db.commit()
		sources.follow()
	assert sources.offer is before


@pytest.mark.parametrize("change", CHANGES)
def test_they_are_read_anew_once_something_has_changed(admin_site, sources, change):
	before = sources.offer
	CHANGES[change](admin_site)
	sources.follow()
	assert sources.offer is not before


def test_what_was_read_by_half_is_read_again(admin_site, sources, monkeypatch):
	from buildpro_saas.licensing import sources as module

	CHANGES["a plan"](admin_site)
	with monkeypatch.context() as patch:
		patch.setattr(module, "catalogue_for_tenants", lambda: 1 / 0)
		with pytest.raises(ZeroDivisionError):
			sources.follow()
	before = sources.catalogue
	sources.follow()
	assert sources.catalogue is not before


def test_they_are_read_anew_where_the_clock_was_set_back(sources):
	before = sources.offer
	before.now += 3600
	sources.follow()
	assert sources.offer is not before


def test_they_are_read_anew_after_a_while_for_what_has_ended_since(sources):
	before = sources.offer
	before.now -= 61
	sources.follow()
	assert sources.offer is not before


def test_a_change_that_was_made_earlier_and_committed_later_is_seen(admin_site, sources):
	"""The latest time of a change alone would say that nothing has happened."""
	before = {plan: admin_site.db.get_value("Plan", plan, "modified") for plan in ("Core", "Growth")}
	other = second_connection(admin_site)
	try:
		with other.cursor() as cursor:
			cursor.execute("start transaction")
			cursor.execute(
				"update tabPlan set modified = date_add(now(6), interval 1 hour) where name = 'Core'"
			)
			admin_site.db.sql(
				"update tabPlan set modified = date_add(now(6), interval 2 hour) where name = 'Growth'"
			)
			admin_site.db.commit()
			sources.follow()
			seen = sources.offer
			other.commit()
			admin_site.db.commit()
			sources.follow()
			assert sources.offer is not seen
	finally:
		other.close()
		for plan, modified in before.items():
			written(admin_site, "Plan", plan, modified=modified)
		admin_site.db.commit()


# -- bringing it to a site -----------------------------------------------------------------------------------------


@pytest.fixture
def light(drifting):
	"""A tenant whose site is a folder, which is all that putting a statement into force needs."""
	frappe = drifting.frappe
	place = drifting.site(drifting.mark(), buildpro_role="tenant", db_name=f"_{drifting.token}")
	name = drifting.tenant("Active", place, f"_{drifting.token}")
	frappe.db.commit()
	return name


class Bringing:
	def __init__(self, drifting, name: str, monkeypatch):
		from buildpro_saas.agent import door
		from buildpro_saas.licensing import delivery, site_files
		from buildpro_saas.licensing.sources import Sources

		self.frappe, self.name, self.delivery, self.site_files = drifting.frappe, name, delivery, site_files
		self.Sources = Sources
		self.site = door.here().site(self.frappe.db.get_value("Tenant", name, "site"))
		self.bench, self.shown = drifting.bench, []
		# what it does in the site's database is tests/bench/test_deliveries.py's
		monkeypatch.setattr(site_files, "show", lambda *arguments: self.shown.append(arguments))

	def bring(self, sources=None) -> dict:
		brought = self.delivery.put_into_force(self.delivery.locked(self.name), self.site, sources)
		self.frappe.db.commit()
		return brought

	def stored(self) -> dict:
		return self.site.json_file(acceptance.FILE)

	def statement(self):
		keys = self.site.config[acceptance.KEYS_KEY]
		return statement.verify(self.stored()["token"], keys, self.site.name)


@pytest.fixture
def bringing(drifting, light, monkeypatch):
	return Bringing(drifting, light, monkeypatch)


@pytest.mark.parametrize("value", [[], "none", 7, ["kid"]], ids=str)
@pytest.mark.parametrize(
	"key", [acceptance.KEYS_KEY, acceptance.SEQUENCE_KEY, acceptance.CLOCK_KEY, "buildpro_sync_token"]
)
def test_what_is_damaged_in_its_configuration_is_mended(bringing, key, value):
	from buildpro_saas.licensing import sync_tokens

	bringing.bring()
	bringing.site.update_config({key: value})
	tenant = bringing.delivery.locked(bringing.name)
	is_number = key in (acceptance.SEQUENCE_KEY, acceptance.CLOCK_KEY) and value == 7
	if key != "buildpro_sync_token" and not is_number:
		in_force = bringing.site_files.is_in_force
		# a damaged clock alone does not keep the statement from counting
		assert in_force(bringing.bench, bringing.site.name, tenant.entitlement_sequence) == (
			key == acceptance.CLOCK_KEY
		)
	bringing.bring()
	config = bringing.site.config
	assert config[acceptance.SEQUENCE_KEY] == bringing.statement().sequence
	assert config[acceptance.CLOCK_KEY] >= bringing.statement().issued_at
	token = config["buildpro_sync_token"]
	assert sync_tokens.for_site(tenant.name, known=token) == token


def test_a_statement_is_put_into_force_by_two_files(bringing):
	assert bringing.bring() == {"plan": "Core", "status": "Active"}
	config, stored = bringing.site.config, bringing.statement()
	assert config[acceptance.SEQUENCE_KEY] == stored.sequence
	assert config[acceptance.LAST_KEY]["token"] == bringing.stored()["token"]
	assert config["buildpro_sync_token"]
	assert len(bringing.shown) == 1
	row = bringing.frappe.db.get_value("Tenant", bringing.name, ["entitlement_sequence", "trusted_keys"])
	assert row == (str(stored.sequence), "\n".join(config[acceptance.KEYS_KEY]))
	assert bringing.site_files.is_in_force(bringing.bench, bringing.site.name, row[0])


def test_what_the_admin_site_writes_is_what_the_site_itself_would(bringing, site):
	from buildpro_saas.entitlements import catalogue as catalogues

	bringing.bring()
	catalogue = bringing.stored()["catalogue"]
	accepted = acceptance.accept(
		bringing.stored()["token"],
		bringing.site.config,
		bringing.site.name,
		catalogue_digest=catalogues.digest(catalogue),
		packed_gates=acceptance.pack_gates(catalogue),
	)
	assert accepted.config.items() <= bringing.site.config.items()


def test_of_two_deliveries_the_later_number_has_the_newer_content(bringing):
	"""One has read its sources, then the plan changes and another delivery is faster; the slow one's turn comes last."""
	frappe, slow = bringing.frappe, bringing.Sources()
	frappe.get_doc({"doctype": "Kill Switch", "feature": "rfi", "reason": "test"}).db_insert()
	frappe.db.commit()
	try:
		bringing.bring(bringing.Sources())
		first = bringing.statement()
		bringing.bring(slow)
		second = bringing.statement()
		assert second.sequence > first.sequence
		assert (
			[each["feature"] for each in second.layers["killed"]]
			== ["rfi"]
			== [each["feature"] for each in first.layers["killed"]]
		)
	finally:
		frappe.db.delete("Kill Switch", {"feature": "rfi"})
		frappe.db.commit()


def test_add_ons_and_overrides_of_the_tenant_are_in_it(bringing, drifting):
	drifting.record(
		"Tenant Override",
		parent=bringing.name,
		parenttype="Tenant",
		parentfield="overrides",
		idx=1,
		kind="Feature",
		feature="bim",
		access="Grant",
	)
	bringing.bring()
	assert [each["feature"] for each in bringing.statement().layers["overrides"]] == ["bim"]


def test_a_site_that_has_had_a_newer_one_refuses(bringing):
	bringing.bring()
	before, sources = bringing.stored(), bringing.Sources()
	older = bringing.delivery.locked(bringing.name).sign_entitlement(sources=sources)["token"]
	bringing.site.update_config({acceptance.SEQUENCE_KEY: bringing.statement().sequence + 100})
	with pytest.raises(AgentError, match="older than one that this site has had"):
		bringing.site_files.put(bringing.site, bringing.site.config, older, sources, {})
	assert bringing.stored() == before


def test_a_site_that_got_another_one_meanwhile_is_tried_again(bringing):
	"""It pulled one between the look at its configuration and the writing of the files."""
	bringing.bring()
	before, sources, config = bringing.stored(), bringing.Sources(), bringing.site.config
	tenant = bringing.delivery.locked(bringing.name)
	token = tenant.sign_entitlement(above=config[acceptance.SEQUENCE_KEY], sources=sources)["token"]
	bringing.site.update_config({acceptance.SEQUENCE_KEY: bringing.statement().sequence + 1})
	with pytest.raises(TransientError, match="changed meanwhile"):
		bringing.site_files.put(bringing.site, config, token, sources, {})
	assert bringing.stored() == before


def test_the_key_of_another_sites_cache_is_the_frameworks_own(admin_site):
	from buildpro_saas import framework

	assert framework.cache_key_of(admin_site.conf.db_name, "a_name") == admin_site.cache.make_key("a_name")


def test_the_frameworks_limits_come_with_it(bringing, drifting):
	for key, value in (("max_file_size_mb", 7), ("request_seconds_per_hour", 1234)):
		drifting.record(
			"Tenant Override",
			parent=bringing.name,
			parenttype="Tenant",
			parentfield="overrides",
			kind="Limit",
			limit_key=key,
			value=value,
			is_hard=1,
		)
	bringing.bring()
	config = bringing.site.config
	assert (config["max_file_size"], config["rate_limit"]["limit"]) == (7 * 1024 * 1024, 1234)


def test_the_sites_own_records_follow_only_what_they_show(bringing):
	from buildpro_saas.licensing import site_files

	bringing.bring()
	(_site, _config, accepted, company) = bringing.shown[0]
	now = accepted.statement.issued_at
	shown = acceptance.shown(accepted.statement, company, now)
	bringing.bring()
	again = bringing.shown[1][2].statement
	assert acceptance.shown(again, company, now) == shown  # a renewal shows nothing new
	assert acceptance.shown(again, "Another", now) != shown
	bringing.frappe.db.set_value("Tenant", bringing.name, "plan", "Growth")
	bringing.bring()
	assert acceptance.shown(bringing.shown[2][2].statement, company, now) != shown
	assert site_files.SHOWN_KEY == "buildpro_shown"


def test_what_frappe_keeps_of_the_site_is_dropped(bringing):
	frappe = bringing.frappe
	database = bringing.site.config["db_name"]
	key = f"{database}|website_page"
	frappe.cache.set(key, "old")
	frappe.cache.set(f"{frappe.conf.db_name}|website_page_of_ours", "stays")
	bringing.bring()
	assert frappe.cache.get(key) is None
	assert frappe.cache.get(f"{frappe.conf.db_name}|website_page_of_ours") == b"stays"
	frappe.cache.delete(f"{frappe.conf.db_name}|website_page_of_ours")
