"""Onboarding on a real site: the owner, the invitation, and what the set-up wizard is given and says."""

import pytest

OWNER = "olga.owner@acme.example"
COMPANY = {
	"company": "Acme",
	"country": "Germany",
	"currency": "EUR",
	"time_zone": "Europe/Berlin",
	"language": "en",
	"owner_email": OWNER,
	"owner_name": "Olga van der Owner",
}


@pytest.fixture
def owner(site):
	made = site.onboarding.make_owner(OWNER.title(), "Olga van der Owner", "en", "Europe/Berlin")
	assert made == {"user": OWNER, "created": True}
	return site.frappe.get_doc("User", OWNER)


def test_the_owner_is_system_manager_without_a_password(site, owner):
	roles = {row.role for row in owner.roles}
	assert "System Manager" in roles
	assert not roles & {"SaaS Manager", "SaaS Support", "Administrator", "Guest", "All"}
	assert (owner.first_name, owner.last_name) == ("Olga", "van der Owner")
	assert (owner.user_type, owner.time_zone, owner.enabled) == ("System User", "Europe/Berlin", 1)
	auth = site.frappe.qb.DocType("__Auth", alias=None)
	assert not site.frappe.qb.from_(auth).select(auth.name).where(auth.name == OWNER).run()
	assert not site.frappe.get_all("Email Queue Recipient", {"recipient": OWNER})


def test_making_the_owner_again_makes_no_second_one(site, owner):
	made = site.onboarding.make_owner(OWNER, "Olga van der Owner", "en", "Europe/Berlin")
	assert made == {"user": OWNER, "created": False}
	assert len(owner.roles) == len(site.frappe.get_doc("User", OWNER).roles)


def test_an_owner_with_administrators_address_or_none_is_refused(site):
	address = site.frappe.db.get_value("User", "Administrator", "email")
	with pytest.raises(site.frappe.ValidationError, match="Administrator"):
		site.onboarding.make_owner(address, "Olga", "en", "Europe/Berlin")
	with pytest.raises(site.frappe.ValidationError):
		site.onboarding.make_owner("nonsense", "Olga", "en", "Europe/Berlin")


def user_of(frappe, link: str) -> str | None:
	from frappe.core.doctype.user.user import _get_user_for_update_password

	return _get_user_for_update_password(link.split("key=")[1], None).user


def test_a_link_opens_the_owners_account_until_the_next_link_is_made(site, owner):
	first = site.onboarding.password_link(OWNER)["link"]
	assert user_of(site.frappe, first) == OWNER
	second = site.onboarding.password_link(OWNER)["link"]
	assert user_of(site.frappe, first) is None
	assert user_of(site.frappe, second) == OWNER
	assert (
		int(site.frappe.db.get_single_value("System Settings", site.onboarding.LINK_EXPIRY)) == 24 * 60 * 60
	)


@pytest.mark.parametrize("user", ["Administrator", "Guest", "nobody@acme.example", ""])
def test_no_link_for_anybody_but_an_ordinary_user(site, user):
	with pytest.raises(site.frappe.DoesNotExistError):
		site.onboarding.password_link(user)
	address = site.frappe.db.get_value("User", user, "email")
	if address:
		with pytest.raises(site.frappe.DoesNotExistError):
			site.onboarding.password_link(address)


def test_without_a_mail_account_no_link_is_made_and_earlier_ones_stand(site, owner, monkeypatch):
	link = site.onboarding.password_link(OWNER)["link"]
	monkeypatch.setattr(site.onboarding, "can_send_mail", lambda: False)
	assert site.onboarding.invite_owner(OWNER) == {"sent": False}
	assert user_of(site.frappe, link) == OWNER


def test_with_a_mail_account_one_mail_is_queued_however_often_it_is_asked_for(site, owner):
	for key, value in {
		"mail_server": "smtp.invalid",
		"mail_login": "x@example.com",
		"mute_emails": 0,
	}.items():
		site.frappe.conf[key] = value
	site.frappe.flags.mute_emails = False
	for _time in range(2):
		assert site.onboarding.invite_owner(OWNER) == {"sent": True}
	mails = site.frappe.get_all("Email Queue Recipient", {"recipient": OWNER}, pluck="parent")
	assert len(mails) == 1
	assert site.frappe.db.get_value("Email Queue", mails[0], "status") == "Not Sent"
	owner.reload()
	owner.db_set("reset_password_key", "")  # as when the link has been used
	site.onboarding.invite_owner(OWNER)
	assert site.frappe.db.count("Email Queue Recipient", {"recipient": OWNER}) == 2


@pytest.mark.parametrize(
	("changes", "sentence"),
	[
		({"country": "Atlantis"}, "no Country Atlantis"),
		({"currency": "XXX"}, "no Currency XXX"),
		({"language": "tlh"}, "no Language tlh"),
		({"time_zone": "Mars/Base"}, "no time zone Mars/Base"),
	],
)
def test_set_up_names_what_the_site_does_not_know(site, monkeypatch, changes, sentence):
	monkeypatch.setattr("buildpro_saas.framework.is_set_up", lambda: False)
	monkeypatch.setattr(site.onboarding, "setup_complete", lambda *args: pytest.fail("went ahead"))
	with pytest.raises(site.frappe.ValidationError, match=sentence):
		site.onboarding.set_up_company(**COMPANY | changes)


def test_a_wizard_that_fails_is_an_error_with_its_reason(site, monkeypatch):
	"""Frappe of 2023 hands failures back as a status; the traceback goes to its hook."""

	def failing_wizard(arguments):
		assert arguments["language"] == "English" and arguments["email"] == OWNER
		assert "password" not in arguments
		site.onboarding.remember_wizard_failure("Traceback …\nValueError: no such chart\n", arguments)
		return {"status": "fail", "fail": "Failed to setup company"}

	monkeypatch.setattr(
		site.frappe, "get_installed_apps", lambda *args, **kwargs: ["frappe", "buildpro_saas"]
	)
	monkeypatch.setattr("buildpro_saas.framework.is_set_up", lambda: False)
	monkeypatch.setattr(site.onboarding, "setup_complete", failing_wizard)
	with pytest.raises(
		site.frappe.ValidationError, match="Failed to setup company: ValueError: no such chart"
	):
		site.onboarding.set_up_company(**COMPANY)


def test_a_wizard_put_into_the_background_is_brought_to_the_front(site, monkeypatch):
	key = "trigger_site_setup_in_background"
	site.frappe.conf[key] = 1
	seen = []
	monkeypatch.setattr("buildpro_saas.framework.is_set_up", lambda: bool(seen))
	monkeypatch.setattr(
		site.onboarding,
		"setup_complete",
		lambda arguments: seen.append(site.frappe.conf.get(key)) or {"status": "ok"},
	)
	site.onboarding._run_wizard({})
	assert seen == [None] and site.frappe.conf[key] == 1


def test_erpnexts_silence_about_a_company_that_it_did_not_make_is_broken(site, monkeypatch):
	from buildpro_saas.tenant_site import company_setup

	monkeypatch.setattr(site.frappe.db, "exists", lambda doctype, *args: None)
	with pytest.raises(site.frappe.ValidationError, match="without making the company Acme"):
		company_setup.check_company("Acme")


def test_half_a_company_is_not_taken_for_a_whole_one(site):
	if "erpnext" not in site.frappe.get_installed_apps() or not site.frappe.db.count("Company"):
		pytest.skip("this site has no company of ERPNext's")
	from buildpro_saas.tenant_site import company_setup

	with pytest.raises(site.frappe.ValidationError, match="Make this site anew"):
		company_setup.erpnext_arguments("Acme", "Germany", "Europe/Berlin")


def test_the_database_decides_which_names_are_alike(site):
	from buildpro_saas.tenant_site.record_names import as_database

	for one, other, is_alike in (
		("Débiteurs", "debiteurs ", True),
		("バンク", "ばんく", True),
		("Bank", "Banks", False),
		("", "Bank", False),
	):
		assert (as_database(one) == as_database(other)) is is_alike, (one, other)


def test_while_the_wizard_runs_no_two_records_get_one_name(site, monkeypatch):
	"""Japanese has one word for both, and ERPNext makes one of them the other's parent."""
	frappe = site.frappe
	word = frappe.generate_hash(length=8)
	for text in ("Bank Accounts", "Bank Account"):
		translation = {
			"doctype": "Translation",
			"language": "ja",
			"source_text": text,
			"translated_text": word,
		}
		frappe.get_doc(translation).insert()
	frappe.cache.hdel("lang_user_translations", "ja")
	monkeypatch.setattr(frappe.local, "lang", "ja")
	asked = {}

	def wizard(arguments):
		asked.update({text: frappe._(text) for text in ("Bank Accounts", "Bank Account")})
		return {"status": "ok"}

	monkeypatch.setattr("buildpro_saas.framework.is_set_up", lambda: bool(asked))
	monkeypatch.setattr(site.onboarding, "setup_complete", wizard)
	site.onboarding._run_wizard({})
	assert asked == {"Bank Accounts": word, "Bank Account": "Bank Account"}
	assert frappe._("Bank Account") == word  # afterwards as before


def test_what_is_searched_is_found_as_the_framework_finds_it(site):
	from frappe.utils.global_search import get_doctypes_with_global_search

	site.frappe.cache.delete_value("doctypes_with_global_search")
	wanted = get_doctypes_with_global_search(with_child_tables=False)
	site.frappe.cache.delete_value("doctypes_with_global_search")
	assert len(wanted) > 10
	assert sorted(site.onboarding._searched_doctypes()) == sorted(wanted)
