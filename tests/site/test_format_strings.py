"""A text of a tenant's that Frappe fills in with str.format, which reads attributes: it gives values, and nothing of the process."""

from pathlib import Path

import pytest
from formatted import formatted

MAIL = "Error connecting via IMAP/POP3: {e}"
SECRET = "f_globals[frappe].local.conf[format_test]"
LEAK = f"LEAK: {{e.__traceback__.tb_frame.{SECRET}}}"
TITLE = "{seen_by[0].copy.__globals__[os].sys.modules[frappe].local.conf[format_test]!r:\n<1}"
VALUE = "known-to-the-process-alone"

# What the framework fills in that is no text of its code as far as a reader of its code can tell: who may have written it.
OF_THE_CODE = {
	("__init__.py", "local.form_dict"),  # a request's argument `format`
	("www/printview.py", "frappe.form_dict"),
	("email/doctype/auto_email_report/auto_email_report.py", "self"),  # a field `format`
	("commands/scheduler.py", "output[format]"),
	("commands/site.py", "template"),
	("core/doctype/doctype/doctype.py", "fname"),  # names of files
	("database/db_manager.py", "command"),
	("modules/utils.py", "cstr(template)"),  # of an app's boilerplate
	("utils/backups.py", "file_pattern"),
	("utils/backups.py", "template"),
	("utils/change_log.py", "security_msg"),
}
TRANSLATIONS = {
	("email/doctype/email_domain/email_domain.py", "err_message"),
	("social/doctype/energy_point_log/energy_point_log.py", "get_footer_message(timespan)"),
	("social/doctype/energy_point_log/energy_point_log.py", "message"),
	("utils/data.py", "pattern"),
}
JUDGED = {
	("integrations/doctype/ldap_settings/ldap_settings.py", "ldap_custom_group_search"),
	("integrations/doctype/ldap_settings/ldap_settings.py", "self.ldap_search_string"),
	("model/document.py", "df.default"),
	("model/document.py", "df.options"),
}


@pytest.fixture
def tenants(request_of_a_tenant, monkeypatch):
	"""frappe in a tenant's request, with something in the process that nobody may read, and no translation cached."""
	frappe = request_of_a_tenant
	monkeypatch.setitem(frappe.local.conf, "format_test", VALUE)
	monkeypatch.setattr(frappe.local, "lang", "en")
	_forget(frappe)
	yield frappe
	frappe.db.rollback()
	_forget(frappe)


def _forget(frappe) -> None:
	from frappe.translate import USER_TRANSLATION_KEY

	from buildpro_saas.tenant_site.sandbox import format_strings

	for key in (USER_TRANSLATION_KEY, format_strings.MERGED_BEFORE, format_strings.MERGED):
		frappe.cache.hdel(key, "en")


def translate(frappe, text: str, source: str = MAIL, context: str | None = None) -> None:
	"""A translation's row as one that was written without being validated."""
	row = {"doctype": "Translation", "language": "en", "source_text": source, "translated_text": text}
	doc = frappe.get_doc({**row, "context": context, "name": frappe.generate_hash(length=10)})
	doc.db_insert()
	_forget(frappe)


def refused_mail_server(frappe) -> str:
	"""What somebody is told whose mail server is an address that is refused."""
	domain = frappe.get_doc(
		{
			"doctype": "Email Domain",
			"domain_name": "example.com",
			"email_server": "127.0.0.1",
			"smtp_server": "127.0.0.1",
		}
	)
	with pytest.raises(frappe.ValidationError) as told:
		domain.insert()
	return str(told.value)


# -- translations ----------------------------------------------------------------------------------------------------


def test_a_translation_does_not_read_what_an_error_leads_to(tenants):
	translate(tenants, LEAK)
	told = refused_mail_server(tenants)
	assert VALUE not in told and "LEAK" not in told
	assert told.startswith("Error connecting via IMAP/POP3: ")


def test_it_would_without_the_wrapper(tenants, monkeypatch):
	"""Else the test above would hold whatever the wrapper does."""
	import frappe.translate

	monkeypatch.setattr(
		frappe.translate, "get_user_translations", frappe.translate.get_user_translations.__wrapped__
	)
	translate(tenants, LEAK)
	assert refused_mail_server(tenants) == f"LEAK: {VALUE}"


def test_one_that_names_what_its_source_names_is_taken(tenants):
	translate(tenants, "No mailbox there: {e}")
	assert refused_mail_server(tenants).startswith("No mailbox there: ")


def test_what_was_cached_before_does_not_count(tenants):
	from frappe.translate import USER_TRANSLATION_KEY

	tenants.cache.hset("merged_translations", "en", {MAIL: LEAK})
	tenants.cache.hset(USER_TRANSLATION_KEY, "en", {MAIL: LEAK, "Yes": "Aye"})
	assert tenants._(MAIL) == MAIL
	assert tenants._("Yes") == "Aye"


def test_what_was_cached_before_goes_with_the_cache(tenants):
	tenants.cache.hset("merged_translations", "en", {MAIL: LEAK})
	tenants.clear_cache()
	assert tenants.cache.hget("merged_translations", "en") is None


def test_a_translation_that_is_changed_counts_at_once(tenants):
	row = {"doctype": "Translation", "language": "en", "source_text": "Yes", "translated_text": "Aye"}
	doc = tenants.get_doc(row).insert()
	assert tenants._("Yes") == "Aye"
	doc.translated_text = "Yea"
	doc.save()
	assert tenants._("Yes") == "Yea"


FOREIGN = {
	"an attribute": ("{0}", "{0.args}"),
	"an index": ("{0}", "{0[1]}"),
	"an attribute that the source has": ("{0.args}", "{0.args}"),
	"a nested format": ("{0}", "{0:{1.args}}"),
	"a nested format that the source has": ("{0:{1}}", "{0:{1}}"),
	"a field of another name": ("{e}", "{self}"),
	"a field that is not there": ("Yes", "{0}"),
	"a second field": ("{}", "{} {}"),
	"a conversion": ("{e}", "{e!r}"),
	"a format": ("{0}", "{0:>9}"),
	"an attribute in what cannot be formatted": ("{0}", "{0.args} {"),
	"an attribute behind a newline": ("{0}", "{0.args!r:\n<1}"),
}
TAKEN = {
	"no field": ("{0} of {1}", "all"),
	"another order": ("{0} of {1}", "{1}: {0}"),
	"numbers for none": ("{} of {}", "{1}: {0}"),
	"a conversion left out": ("{0!r}", "{0}"),
	"a format of the source": ("{0:.2f}", "{0:.2f}"),
	"escaped braces": ("{0}", "{{x.y}} {0}"),
	"a brace that closes nothing": ("100", "}"),
	"nothing": ("{0}", None),
}


@pytest.mark.parametrize(("source", "text"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_left_out_and_refused(tenants, source, text):
	from frappe.translate import get_user_translations

	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	row = {"doctype": "Translation", "language": "en", "source_text": source, "translated_text": text}
	with pytest.raises(SandboxError, match="Use the source's placeholders"):
		tenants.get_doc(row).insert()
	translate(tenants, text, source)
	assert source not in get_user_translations("en")


@pytest.mark.parametrize(("source", "text"), TAKEN.values(), ids=TAKEN)
def test_what_is_taken(tenants, source, text):
	from buildpro_saas.tenant_site.sandbox.format_strings import foreign_field

	assert foreign_field(source, text) is None


def test_a_context_is_of_what_the_text_is_looked_up_by(tenants):
	translate(tenants, LEAK, "Error connecting via IMAP/POP3", context=" {e}")
	assert tenants._(MAIL) == MAIL


def test_a_languages_name_leads_to_no_file_of_a_users(tenants, tmp_path):
	from frappe.translate import get_translations_from_apps

	(tmp_path / "evil.csv").write_text(f'"{MAIL}","{LEAK}"\n')
	language = f"{'../' * 30}{str(tmp_path)[1:]}/evil"
	assert get_translations_from_apps.__wrapped__(language).get(MAIL) == LEAK
	assert get_translations_from_apps(language) == {}
	assert get_translations_from_apps("de")["Yes"] == "Ja"


def test_elsewhere_translations_are_as_ever(frappe):
	from frappe.translate import get_user_translations

	translate(frappe, LEAK)
	try:
		assert get_user_translations("en")[MAIL] == LEAK
	finally:
		frappe.db.rollback()
		_forget(frappe)


# -- documents -------------------------------------------------------------------------------------------------------


@pytest.fixture
def titled(tenants, monkeypatch):
	"""A function that gives a note's title by a template: of the options, or as a default."""

	def titled(template: str, place: str = "options") -> str:
		note = tenants.new_doc("Note")
		note.append("seen_by", {"user": "Guest"})
		assert note.meta.title_field == "title"
		monkeypatch.setattr(note.meta.get_field("title"), place, template)
		note.set_title_field()
		return note.title

	return titled


@pytest.mark.parametrize("place", ["options", "default"])
def test_a_titles_template_does_not_read_what_a_row_leads_to(tenants, titled, place):
	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	with pytest.raises(SandboxError, match="without dots or brackets") as told:
		titled(TITLE, place)
	assert VALUE not in str(told.value)


@pytest.mark.parametrize("place", ["options", "default"])
def test_it_would_without_the_wrapper_of_titles(titled, monkeypatch, place):
	from frappe.model.document import Document

	monkeypatch.setattr(Document, "set_title_field", Document.set_title_field.__wrapped__)
	assert VALUE in titled(TITLE, place)


@pytest.mark.parametrize("template", ["{a:{b.c}}", "{a:>99999999}", "{a.b", "{seen_by[0]}"])
def test_nor_does_it_by_a_format(titled, template):
	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	with pytest.raises(SandboxError):
		titled(template)


def test_a_titles_template_names_fields(titled):
	assert titled("{doctype}: {public}") == "Note: 0"


def test_parts_of_dates_may_be_named(tenants):
	from buildpro_saas.tenant_site.sandbox.format_strings import require_plain

	require_plain("SAL-{first_name}-{date_of_birth.year}-{date_of_joining:%d%m}", "Password Policy")


@pytest.mark.parametrize("field", ["ldap_search_string", "ldap_custom_group_search"])
def test_an_ldap_search_names_the_user_alone(tenants, field):
	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	settings = tenants.get_doc("LDAP Settings")
	settings.update({"enabled": 1, "ldap_search_string": "(uid={0})", field: "(uid={0.__class__})"})
	for use in (settings.validate, lambda: settings.authenticate("a", "b")):
		with pytest.raises(SandboxError, match=r"0\.__class__"):
			use()
	with pytest.raises(SandboxError):
		settings.fetch_ldap_groups(None, None)
	settings.set(field, "(uid={0})")
	with pytest.raises(TypeError):  # no entry of a directory
		settings.fetch_ldap_groups(None, None)


def test_a_policy_of_passwords_names_fields_alone(tenants):
	from buildpro_saas.tenant_site.sandbox import format_strings
	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	policy = tenants._dict(password_policy="{education[0].copy.__globals__}")
	with pytest.raises(SandboxError, match="Password Policy"):
		format_strings.check_payroll_settings(policy, "validate")


def test_a_policy_is_judged_again_as_it_is_used(tenants, monkeypatch):
	import sys
	import types

	from buildpro_saas.tenant_site.sandbox import format_strings
	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	module = types.ModuleType(format_strings.SALARY_SLIP)
	exec("def generate_password_for_pdf(policy, employee): return policy.format(**employee)", vars(module))
	parts = format_strings.SALARY_SLIP.split(".")
	for length in range(1, len(parts)):
		monkeypatch.setitem(sys.modules, ".".join(parts[:length]), types.ModuleType(parts[length - 1]))
	monkeypatch.setitem(sys.modules, format_strings.SALARY_SLIP, module)
	generate = tenants.get_module(format_strings.SALARY_SLIP).generate_password_for_pdf
	assert generate("SAL-{name}", {"name": "Jane"}) == "SAL-Jane"
	with pytest.raises(SandboxError):
		generate("{rows[0].copy.__globals__}", {"rows": [tenants._dict()]})


# -- the framework ---------------------------------------------------------------------------------------------------


def test_each_text_that_the_framework_fills_in_is_known(admin_site):
	"""A newer one's additions are read, and judged where a user can write the text (sandbox/format_strings.py)."""
	found = formatted(Path(admin_site.__file__).parent)
	assert found >= {each for each in JUDGED if "ldap" not in each[0]}
	assert not found - OF_THE_CODE - TRANSLATIONS - JUDGED


def test_a_text_that_is_none_of_the_code_is_found(tmp_path):
	(tmp_path / "module.py").write_text(
		"KNOWN = 'a {}'\n"
		"def f(doc, given):\n"
		"\ttext = _('b {0}')\n"
		"\tother = doc.text\n"
		"\tKNOWN.format(1), text.format(1), 'c {}'.format(1), _('d').format(1)\n"
		"\tother.format(1), given.format(1), _(doc.label).format(1), ('e' + given).format_map({}), map(doc.x.format, [])\n"
	)
	assert {text for _file, text in formatted(tmp_path)} == {
		"other",
		"given",
		"_(doc.label)",
		"'e' + given",
		"doc.x",
	}
