"""Bad input to a Tenant: one sentence that says what to change, and nothing of it remains."""

import threading

import pytest

GOOD = {
	"doctype": "Tenant",
	"subdomain": "sv-acme",
	"company": "SV Acme Construction",
	"owner_name": "Olga Owner",
	"owner_email": "olga@sv-acme.example",
	"plan": "SV Plan",
	"country": "Germany",
}


LOOKED_UP = (
	"wpad",
	"WPAD",
	"isatap",
	"autodiscover",
	"autoconfig",
	"mta-sts",
	"openpgpkey",
	"localhost",
	"local",
)


@pytest.fixture
def frappe(admin_site):
	"""A plan without apps, so that any bench can have it."""
	admin_site.get_doc({"doctype": "Plan", "plan_name": "SV Plan"}).insert()
	return admin_site


@pytest.fixture
def bench(frappe):
	return frappe.get_doc("Bench", frappe.db.get_single_value("SaaS Settings", "default_bench"))


@pytest.fixture
def refused(frappe):
	"""Insert the good tenant with some fields changed; return the sentence, and see that nothing remains."""

	def insert(error=None, **changes) -> str:
		with pytest.raises(error or frappe.ValidationError) as caught:
			frappe.get_doc({**GOOD, **changes}).insert()
		for name in (GOOD["subdomain"], changes.get("subdomain") or ""):
			assert not frappe.db.exists("Tenant", {"subdomain": name, "company": GOOD["company"]})
			assert not frappe.db.exists("Provisioning Job", {"tenant": name})
		return str(caught.value)

	return insert


def insert(frappe, **changes):
	return frappe.get_doc({**GOOD, **changes}).insert()


# -- subdomain ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("subdomain", "sentence"),
	[
		(None, "Enter a subdomain"),
		("", "Enter a subdomain"),
		("acme.example", "has a dot"),
		("a" * 64, "has 64 characters: use at most 63"),
		("-acme", "starts or ends with a hyphen"),
		("acme-", "starts or ends with a hyphen"),
		("xn--mnchen-3ya", "hyphens in third and fourth place"),
		("ab--cd", "hyphens in third and fourth place"),
		("ac me", "characters that a host name cannot have"),
		("acme ", "characters that a host name cannot have"),
		("acme\n", "characters that a host name cannot have"),
		("acme;id", "characters that a host name cannot have"),
		("$(id)", "characters that a host name cannot have"),
		("`id`", "characters that a host name cannot have"),
		("a'or'1", "characters that a host name cannot have"),
		('a"b', "characters that a host name cannot have"),
		("a/b", "characters that a host name cannot have"),
		("a\\b", "characters that a host name cannot have"),
		("a_b", "characters that a host name cannot have"),
		("a%b", "characters that a host name cannot have"),
		("a\0b", "characters that a host name cannot have"),
		("münchen", "characters that a host name cannot have"),
		("ａｃｍｅ", "characters that a host name cannot have"),
		("www", "www is reserved"),
		("ADMIN", "admin is reserved"),
		*((name, f"{name.lower()} is a name that programs look up") for name in LOOKED_UP),
	],
)
def test_subdomain(refused, subdomain, sentence):
	assert sentence in refused(subdomain=subdomain)


def test_upper_case_is_lowered(frappe):
	assert insert(frappe, subdomain="SV-Upper").name == "sv-upper"


def test_longest_subdomain(frappe):
	assert len(insert(frappe, subdomain="a" * 63).name) == 63


def test_reserved_by_staff(frappe, refused):
	settings = frappe.get_doc("SaaS Settings")
	settings.reserved_subdomains = "Partner\n\nshop  news"
	settings.save()
	assert settings.reserved() == ["partner", "shop", "news"]
	assert "shop is reserved" in refused(subdomain="shop")
	assert insert(frappe, subdomain="www").name == "www"


def test_taken_by_a_tenant(frappe):
	insert(frappe)
	with pytest.raises(frappe.DuplicateEntryError, match="taken by another tenant"):
		insert(frappe, company="Another")
	assert frappe.db.count("Provisioning Job", {"tenant": "sv-acme"}) == 1


def test_taken_by_a_site_that_is_not_ours(frappe, refused, bench):
	from pathlib import Path

	folder = Path(frappe.local.sites_path, f"sv-foreign.{bench.domain}")
	folder.mkdir()
	try:
		assert "is no tenant's" in refused(frappe.DuplicateEntryError, subdomain="sv-foreign")
	finally:
		folder.rmdir()


def test_the_admin_sites_own_name_is_taken(frappe, refused):
	name, _, domain = frappe.local.site.partition(".")
	frappe.db.set_single_value("SaaS Settings", "reserved_subdomains", "")
	frappe.db.set_value(
		"Bench", frappe.db.get_single_value("SaaS Settings", "default_bench"), "base_domain", domain
	)
	assert "exists on the bench already" in refused(frappe.DuplicateEntryError, subdomain=name)


def test_two_requests_of_the_same_second(frappe, bench):
	"""Two connections insert the same subdomain at once: one wins, the other gets the sentence and leaves nothing."""
	site, outcomes, start = frappe.local.site, [], threading.Barrier(2)
	name = f"sv-{frappe.generate_hash(length=8)}"
	frappe.db.commit()  # the other connections must see the plan

	def request(company):
		frappe.init(site=site, sites_path=".")
		frappe.connect()
		try:
			start.wait(timeout=30)
			tenant = insert(frappe, subdomain=name, company=company)
			frappe.db.after_commit.reset()  # no worker: this test is about the insertion
			frappe.db.set_value("Provisioning Job", {"tenant": tenant.name}, "status", "Cancelled")
			frappe.db.commit()
			outcomes.append(("won", company))
		except frappe.DuplicateEntryError as error:
			frappe.db.rollback()
			outcomes.append(("lost", str(error)))
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=request, args=(company,)) for company in ("SV One", "SV Two")]
	try:
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join(timeout=60)
		frappe.db.commit()
		assert sorted(outcome for outcome, _ in outcomes) == ["lost", "won"]
		answers = dict(outcomes)
		assert "taken by another tenant" in answers["lost"]
		assert frappe.get_all("Tenant", {"name": name}, pluck="company") == [answers["won"]]
		assert frappe.db.count("Provisioning Job", {"tenant": name}) == 1
	finally:
		frappe.db.rollback()
		for job in frappe.get_all("Provisioning Job", {"tenant": name}, pluck="name"):
			frappe.db.delete("Provisioning Job Step", {"parent": job})
			frappe.db.delete("Provisioning Job", {"name": job})
		frappe.db.delete("Tenant", {"name": name})
		frappe.db.delete("Plan", {"name": "SV Plan"})
		frappe.db.commit()


# -- owner, company, region --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"email",
	[
		"olga",
		"olga@",
		"@example.com",
		"olga@example",
		"a b@example.com",
		"a@example.com, b@example.com",
		"<a@b.de>",
		"a@b.de\nBcc: c@d.de",
		"a@b..de",
		"Olga <olga@example.com>",
	],
)
def test_what_is_no_email(refused, email):
	assert "is not an e-mail address" in refused(owner_email=email)


@pytest.mark.parametrize(
	("email", "sentence"),
	[
		(f"{'o' * 65}@example.com", "before the @ has 65 characters: it can have at most 64"),
		(f"o@{'e' * 64}.com", "domain of the e-mail address is too long"),
		("admin@example.com", "a user's of every new site already"),
		("Guest@Example.com", "a user's of every new site already"),
	],
)
def test_an_email_that_no_site_can_have(refused, email, sentence):
	assert sentence in refused(owner_email=email)


def test_the_longest_local_part(frappe):
	assert insert(frappe, owner_email=f"{'o' * 64}@example.com")


# -- values of another kind, fields that there are not ---------------------------------------------------------------

NO_TEXT = [True, ["x"], {"x": 1}, "half \ud800", [[]], {}]


@pytest.mark.parametrize(
	"field",
	[
		*(
			"subdomain",
			"company",
			"owner_name",
			"owner_email",
			"plan",
			"bench",
			"country",
			"currency",
			"language",
		),
		*(
			"time_zone",
			"database_name",
			"customisations",
			"plan_after_trial",
			"next_plan",
			"plan_version",
			"status",
			"name",
		),
	],
)
def test_what_is_no_text(frappe, field):
	label = frappe.utils.escape_html(
		frappe.get_meta("Tenant").get_label(field) if field != "name" else "name"
	)
	for value in NO_TEXT:
		with pytest.raises(frappe.ValidationError) as caught:
			frappe.get_doc({**GOOD, field: value})
		assert str(caught.value).startswith((f"{label} must be text", f"{label} has half")), value


def test_a_number_is_the_text_that_it_is_written_as(frappe):
	assert insert(frappe, company=360, subdomain=360).name == "360"


@pytest.mark.parametrize("field", ["trial_ends_on", "next_plan_on", "creation"])
@pytest.mark.parametrize(
	"value", [5, True, [], {"x": 1}, "0001-01-01", "9999-12-31", "soon", "2026-12-31T00:00:00+02:00"]
)
def test_what_is_no_date(refused, field, value):
	if value == []:
		value = [1]
	sentence = refused(**{field: value})
	assert "must be a date" in sentence or "is no date" in sentence or "too far away" in sentence, sentence


@pytest.mark.parametrize("table", ["addons", "overrides", "apps"])
@pytest.mark.parametrize("value", ["x", 1, True, {"x": 1}, [1], ["x"], [[]], [None]])
def test_what_are_no_rows(refused, table, value):
	assert "must be a list of rows" in refused(**{table: value}) or "must be an object" in refused(
		**{table: value}
	)


@pytest.mark.parametrize(
	("row", "sentence"),
	[
		({"kind": "Limit", "limit_key": "max_users", "value": 10**30, "reason": "x"}, "a number of at most"),
		(
			{"kind": "Limit", "limit_key": "max_users", "value": float("nan"), "reason": "x"},
			"a number of at most",
		),
		({"kind": "Limit", "limit_key": "max_users", "value": "many", "reason": "x"}, "must be a number"),
		({"kind": "Limit", "limit_key": ["max_users"], "value": 1, "reason": "x"}, "must be text"),
		({"kind": "Limit", "limit_key": "max_users", "valeu": 1, "reason": "x"}, "did you mean value?"),
	],
)
def test_a_row_with_a_value_of_another_kind(refused, row, sentence):
	told = refused(overrides=[row])
	assert sentence in told and "Row 1 of Overrides" in told


def test_a_field_that_there_is_not(refused):
	assert "There is no field compny in Tenant: did you mean company?" in refused(compny="x")
	assert "There is no field x in Tenant" in refused(x=1)
	assert "There is no field" in refused(**{"_save_facts": 1})


def test_a_change_with_a_field_that_there_is_not_changes_nothing(frappe):
	tenant = insert(frappe)
	with pytest.raises(frappe.ValidationError, match="There is no field nmae in Tenant"):
		tenant.update({"company": "Other", "nmae": "x"})
	assert frappe.db.get_value("Tenant", tenant.name, "company") == GOOD["company"]


def test_what_an_older_version_left_in_the_table_is_read(frappe):
	tenant = insert(frappe)
	frappe.db.sql_ddl("alter table `tabTenant` add column `left_behind` varchar(10) default 'x'")
	try:
		assert frappe.get_doc("Tenant", tenant.name).left_behind == "x"
	finally:
		frappe.db.sql_ddl("alter table `tabTenant` drop column `left_behind`")
		frappe.db.delete("Provisioning Job", {"tenant": tenant.name})
		frappe.db.delete("Tenant", {"name": tenant.name})
		frappe.db.delete("Plan", {"name": "SV Plan"})
		frappe.db.commit()


@pytest.mark.parametrize("field", ["company", "owner_name"])
@pytest.mark.parametrize(
	"character", ["\u200b", "\u202e", "\u2066", "\ufeff", "\0", "\x1b", "\u00ad", "\u200d", "\ue000"]
)
def test_a_character_that_nobody_sees(refused, frappe, field, character):
	assert f"(U+{ord(character):04X}, place 3)" in refused(**{field: f"Ac{character}me"})


@pytest.mark.parametrize(
	"company", ["شرکت می\u200cنویسم", "क्\u200dष Builders", "Müller & Söhne", "建設\u3000株式会社", "A\tB\n"]
)
def test_a_name_as_it_is_written_somewhere(frappe, company):
	assert insert(frappe, company=company).company == " ".join(company.split())


def test_a_subdomain_is_not_changed(frappe):
	tenant = insert(frappe)
	tenant.subdomain = "sv-other"
	with pytest.raises(frappe.ValidationError, match="The Subdomain of sv-acme is fixed"):
		tenant.save()


@pytest.mark.parametrize("field", ["company", "owner_name", "owner_email", "plan"])
@pytest.mark.parametrize("empty", [None, "", "  "])
def test_what_must_be_given(refused, field, empty):
	assert refused(**{field: empty}).startswith(("Enter the", "Choose a", "There is no Plan"))


def test_markup_is_refused(refused):
	assert "has a < or >" in refused(company="<img src=x onerror=alert(1)>")


def test_a_refusal_never_carries_markup(refused):
	assert "<b>" not in refused(owner_email="<b>bold</b>")


def test_same_company_twice_is_allowed_with_a_warning(frappe):
	insert(frappe)
	frappe.flags.mute_messages = False
	frappe.clear_messages()
	insert(frappe, subdomain="sv-second")
	assert "is already the company of sv-acme" in str(frappe.get_message_log())


def test_company_names_that_no_record_can_have(frappe, refused):
	word = "Builders"
	longest = f"{'x' * (134 - len(word))} {word}"  # 135, and 140 with " - XB"
	for name, sentence in {
		"Company": "keeps for itself",
		"New Company of Acme": "keeps for itself",
		"New Cost Center": "keeps for itself",
		"x" + longest: "has 136 characters: use at most 135",
		"& - A": "ends in its own abbreviation A",
	}.items():
		assert sentence in refused(company=name), name
	assert insert(frappe, company=longest).company == longest
	assert insert(frappe, subdomain="sv-second", company="Newark Company").company == "Newark Company"


@pytest.mark.parametrize(
	("field", "sentence"),
	[
		("country", "There is no Country Nowhere"),
		("currency", "There is no Currency Nowhere"),
		("language", "There is no Language Nowhere"),
		("time_zone", "There is no time zone Nowhere"),
	],
)
def test_region(refused, field, sentence):
	assert sentence in refused(**{field: "Nowhere"})


# -- plan, bench, database ---------------------------------------------------------------------------------------------


def test_plan_that_does_not_exist(refused):
	sentence = refused(plan="Platinum")
	assert "There is no Plan Platinum" in sentence


def test_inactive_plan(frappe, refused):
	frappe.db.set_value("Plan", "SV Plan", "is_active", 0)
	assert "The plan SV Plan is not active" in refused()


def test_plan_that_names_apps_which_the_bench_lacks(frappe, refused):
	frappe.get_doc(
		{
			"doctype": "Plan",
			"plan_name": "SV More",
			"includes": "SV Plan",
			"apps": [{"app": "no_such_app"}, {"app": "frappe"}],
		}
	).insert()
	assert "lacks no_such_app, which the plan SV More installs" in refused(plan="SV More")


def test_bench_that_does_not_exist(refused):
	assert "There is no Bench nowhere" in refused(bench="nowhere")


def test_no_bench(frappe, refused):
	frappe.db.set_single_value("SaaS Settings", "default_bench", None)
	assert "Choose a bench" in refused()


@pytest.mark.parametrize(
	("values", "sentence"),
	[
		({"status": "Inactive"}, "is not active"),
		({"max_sites": 1}, "is full with"),
		({"min_free_disk_gb": 10**6}, "less than the 1e+06 GB it must keep"),
		({"is_reachable": 0}, "cannot be reached from this site"),
	],
)
def test_bench_that_cannot_take_it(frappe, refused, bench, values, sentence):
	frappe.db.set_value("Bench", bench.name, values)
	assert sentence in refused()


def test_the_last_place_is_given_once(frappe, bench):
	from buildpro_saas.fleet import benches

	frappe.db.delete("Tenant")  # rolled back; of the sites on the disk none is to come
	frappe.db.set_value("Bench", bench.name, "max_sites", benches.room(bench.name, [])["sites"] + 1)
	insert(frappe)
	with pytest.raises(frappe.ValidationError, match="is full with"):
		insert(frappe, subdomain="sv-late")


def test_no_base_domain(frappe, refused, bench):
	frappe.db.set_value("Bench", bench.name, "base_domain", None)
	frappe.db.set_single_value("SaaS Settings", "base_domain", "")
	assert "Set the base domain" in refused()


def test_no_database_account(frappe, refused, bench_path):
	from buildpro_saas.agent import account

	kept = bench_path / account.FILE
	aside = kept.rename(kept.with_suffix(".aside"))
	try:
		assert f"run `bench --site {frappe.local.site} saas setup`" in refused()
	finally:
		aside.rename(kept)


@pytest.mark.parametrize(
	"name",
	[
		"acme",
		"1acme_db",
		"Acme_db",
		"acme-db",
		"acme db",
		"`x`_db",
		"a" * 59 + "_db",
		"_x_db",
		"mysql",
		"a_db;",
	],
)
def test_database_name_that_cannot_be(refused, name):
	assert "cannot be a tenant's database name" in refused(database_name=name)


def test_database_name_that_is_taken(frappe, refused, drifting):
	name, mark = f"sv_{frappe.generate_hash(length=8)}_db", "sv"
	with drifting.server() as mariadb:
		mariadb.create(name, "sv-secret", mark)
		try:
			assert f"The database name {name} is taken" in refused(
				frappe.DuplicateEntryError, database_name=name
			)
		finally:
			mariadb.drop(name, mark)


def test_the_database_that_the_site_would_get_is_there_already(frappe, bench, refused, drifting):
	"""Left by a site that was removed by hand, say."""
	from buildpro_saas.fleet import benches

	name, mark = benches.default_database_name(bench.name, f"{GOOD['subdomain']}.{bench.domain}"), "sv"
	with drifting.server() as mariadb:
		mariadb.create(name, "sv-secret", mark)
		try:
			assert f"would get the database {name}, which exists" in refused(frappe.DuplicateEntryError)
		finally:
			mariadb.drop(name, mark)


def test_database_name_that_another_tenant_was_promised(frappe):
	insert(frappe, database_name="sv_promised_db")
	with pytest.raises(frappe.DuplicateEntryError, match="sv_promised_db is taken"):
		insert(frappe, subdomain="sv-second", database_name="sv_promised_db")


# -- good input ----------------------------------------------------------------------------------------------------------


def test_a_good_tenant_gets_its_job(frappe, bench):
	tenant = insert(frappe, database_name="sv_good_db", status="Active", database="mysql", created_in=1)
	tenant.reload()
	assert tenant.status == "Provisioning"
	assert (tenant.bench, tenant.currency) == (bench.name, "EUR")
	assert tenant.site == tenant.site_name == f"sv-acme.{bench.domain}"
	assert not tenant.database and not tenant.created_in
	job = tenant.latest_job()
	assert frappe.db.get_value("Provisioning Job", job.name, ["playbook", "bench", "status"]) == (
		"create_tenant",
		bench.name,
		"Waiting",
	)


def test_create_over_the_api(frappe):
	from buildpro_saas.api import tenants

	fields = {key: value for key, value in GOOD.items() if key != "doctype"}
	answer = tenants.create(**fields)
	assert answer == tenants.status("sv-acme")
	assert (answer["tenant"], answer["status"]) == ("sv-acme", "Provisioning")
	assert frappe.db.get_value("Provisioning Job", answer["job"], "tenant") == "sv-acme"
