"""Limits in one process: what counts, what is refused and how, what is never refused. Two processes at the edge: tests/bench."""

import json
import os
import time

import pytest
import redis
from conftest_data import second_connection

HARD_USERS = {"max_users": {"value": 3, "is_hard": True}}


@pytest.fixture
def frappe(site):
	"""The site in the role of a tenant's, with one enabled system user."""
	frappe = site.frappe
	frappe.conf.buildpro_role = "tenant"
	frappe.db.set_value(
		"User", {"user_type": "System User", "name": ("not in", ("Administrator", "Guest"))}, "enabled", 0
	)
	new_user(frappe).insert()  # Frappe gives the first one all rights
	forget_meters(frappe)
	yield frappe
	frappe.conf.buildpro_role = "admin"
	frappe.db.rollback()
	forget_meters(frappe)
	frappe.local.cache.pop("buildpro_limits", None)
	for name in frappe.local.flags.copy():
		if name.startswith("in_"):
			frappe.local.flags.pop(name)


def forget_meters(frappe) -> None:
	"""As Redis does when it restarts."""
	for name in redis.Redis.scan_iter(frappe.cache, f"buildpro_limit|{frappe.conf.db_name}|*"):
		redis.Redis.delete(frappe.cache, name)


def measured(key: str, used: float) -> None:
	"""As if the hourly job had found so much in use."""
	from buildpro_saas.tenant_site import declared_limits, limit_usage

	limit_usage.keep(declared_limits.declared()[key], lambda: used)


@pytest.fixture
def declare(site, frappe):
	"""Declare limits as another app's hooks.py would: declare(max_notes={"doctype": "Note"})."""
	with pytest.MonkeyPatch.context() as patch:

		def declare(**limits):
			patch.setattr("frappe.hooks.buildpro_limits", limits, raising=False)
			site.collect_hooks()

		yield declare
	site.collect_hooks()


def new_user(frappe, is_system: bool = True, **fields):
	email = f"{frappe.generate_hash(length=10)}@limits.example"
	user = frappe.get_doc(
		{"doctype": "User", "email": email, "first_name": "L", "send_welcome_email": 0, **fields}
	)
	user.flags.no_welcome_mail = True
	if is_system:
		user.append("roles", {"role": "System Manager"})
	return user


def note(frappe, **fields):
	return frappe.get_doc({"doctype": "Note", "title": frappe.generate_hash(length=10), **fields})


# -- users -----------------------------------------------------------------------------------------------------------


def test_the_last_user_is_admitted_and_the_next_refused(site, frappe):
	site.apply(limits=HARD_USERS)
	new_user(frappe).insert()
	new_user(frappe).insert()
	with pytest.raises(site.gating.LimitReachedError) as refusal:
		new_user(frappe).insert()
	error = refusal.value
	assert error.http_status_code == 403
	assert (error.decision.reason.value, error.decision.used, error.decision.limit) == ("LIMIT_REACHED", 3, 3)
	assert "Users: 3 of the 3 of your plan Growth are in use" in str(error) and "support@example.com" in str(
		error
	)


def test_only_users_who_work_in_desk_count(site, frappe):
	site.apply(limits=HARD_USERS)
	for _ in range(3):
		new_user(frappe, is_system=False).insert()
		new_user(frappe, enabled=0).insert()
	new_user(frappe).insert()
	assert site.gating.get_limit_access("max_users").used == 2


def test_becoming_one_who_counts_is_growth(site, frappe):
	website, disabled = new_user(frappe, is_system=False).insert(), new_user(frappe, enabled=0).insert()
	site.apply(limits={"max_users": {"value": 0, "is_hard": True}})
	website.reload()
	website.append("roles", {"role": "System Manager"})
	with pytest.raises(site.gating.LimitReachedError):
		website.save()
	disabled.reload()
	disabled.enabled = "1"  # as a form would post it
	with pytest.raises(site.gating.LimitReachedError):
		disabled.save()


def test_after_a_downgrade_what_is_there_stays_and_can_be_saved(site, frappe):
	site.apply(limits={"max_users": {"value": 12, "is_hard": True}})
	users = [new_user(frappe).insert() for _ in range(3)]
	site.apply(limits=HARD_USERS)
	answer = site.gating.get_limit_access("max_users", requested=0)
	assert (answer.allowed, answer.used, answer.limit) == (True, 4, 3)
	users[0].reload()
	users[0].first_name = "Still here"
	users[0].save()
	users[1].reload()
	users[1].enabled = 0
	users[1].save()
	with pytest.raises(site.gating.LimitReachedError):
		new_user(frappe).insert()


def test_a_soft_limit_admits_and_counts(site, frappe):
	from buildpro_saas.tenant_site import usage

	site.apply(limits={"max_users": {"value": 0, "is_hard": False}})
	usage._waiting.clear()
	new_user(frappe).insert()
	assert {key[2:]: number for key, number in usage._waiting.items()} == {("max_users", "SHADOW"): 1}
	assert site.gating.get_limit_access("max_users").reason.value == "OVER_SOFT_LIMIT"
	usage._waiting.clear()


def test_making_the_owner_fits_into_the_smallest_plan(site, frappe):
	frappe.db.delete("User", {"name": ("like", "%@limits.example")})
	site.apply(limits={"max_users": {"value": 1, "is_hard": True}})
	assert site.onboarding.make_owner("olga@limits.example", "Olga Owner", "en", "Etc/UTC")["created"]
	assert not site.onboarding.make_owner("olga@limits.example", "Olga Owner", "en", "Etc/UTC")["created"]


@pytest.mark.parametrize("flag", ["in_install", "in_migrate", "in_patch", "in_fixtures"])
def test_installing_and_migrating_is_never_limited(site, frappe, flag):
	site.apply(limits={"max_users": {"value": 0, "is_hard": True}})
	frappe.flags[flag] = "some_app"
	try:
		new_user(frappe).insert()
	finally:
		frappe.flags[flag] = None


@pytest.mark.parametrize("role", ["admin", None])
def test_only_tenants_sites_are_limited(site, frappe, role):
	site.apply(limits={"max_users": {"value": 0, "is_hard": True}})
	frappe.conf.buildpro_role = role
	new_user(frappe).insert()


def test_data_import_is_limited(site, frappe):
	site.apply(limits={"max_users": {"value": 0, "is_hard": True}})
	frappe.flags.in_import = True
	try:
		with pytest.raises(site.gating.LimitReachedError):
			new_user(frappe, enabled=1).insert()  # an import sets no defaults
	finally:
		frappe.flags.in_import = False


def test_the_setup_wizard_run_again_in_a_request_admits_nobody(site, frappe, monkeypatch):
	site.apply(limits={"max_users": {"value": 1, "is_hard": True}})
	monkeypatch.setitem(frappe.flags, "in_setup_wizard", True)
	monkeypatch.setattr(frappe.local, "request", frappe._dict(method="POST"), raising=False)
	with pytest.raises(site.gating.LimitReachedError):
		new_user(frappe).insert()


def test_a_document_that_is_not_validated_is_limited(site, frappe):
	site.apply(limits={"max_users": {"value": 1, "is_hard": True}})
	user = new_user(frappe, enabled=1, user_type="System User")
	user.flags.ignore_validate = True
	with pytest.raises(site.gating.LimitReachedError):
		user.insert()


# -- limits of other apps --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filters", [{"public": 1}, [["public", "=", 1]]])
def test_an_app_declares_a_limit_of_its_own(site, frappe, declare, filters):
	declare(max_notes={"label": "Public <b>notes</b>", "doctype": "Note", "filters": filters})
	site.apply(limits={"max_notes": {"value": frappe.db.count("Note", {"public": 1}) + 1, "is_hard": True}})
	note(frappe).insert()
	note(frappe, public="1").insert()
	with pytest.raises(site.gating.LimitReachedError, match="Public &lt;b&gt;notes"):
		note(frappe, public="1").insert()
	private = note(frappe).insert()
	private.public = 1
	with pytest.raises(site.gating.LimitReachedError):
		private.save()


def test_two_apps_declare_one_limit_and_the_later_one_counts_in_what_it_says(site, frappe, declare):
	declare(max_users={"label": "Heads", "unit": "seats"})  # Frappe comes before our app
	from buildpro_saas.tenant_site import declared_limits

	assert (declared_limits.declared()["max_users"].label, declared_limits.declared()["max_users"].unit) == (
		"Users",
		"seats",
	)


def test_only_documents_of_what_can_be_limited_are_looked_at(site, frappe, declare, monkeypatch):
	from buildpro_saas.tenant_site import limit_usage
	from buildpro_saas.tenant_site.declared_limits import Declared

	site.apply(limits=HARD_USERS | {"max_notes": {"value": 10**6, "is_hard": True}})
	looked_at = []
	monkeypatch.setattr(Declared, "counts", lambda limit, doc: looked_at.append(doc) or False)
	monkeypatch.setattr(limit_usage, "hold", lambda key: looked_at.append(key))
	note(frappe).insert()
	assert not looked_at
	declare(max_notes={"doctype": "Note"})
	note(frappe).insert()
	assert "max_notes" in looked_at


def test_an_app_that_is_gone_from_the_bench_does_no_harm(site, frappe):
	from buildpro_saas.tenant_site import declared_limits

	frappe.db.set_global("installed_apps", json.dumps([*frappe.get_installed_apps(), "no_such_app"]))
	try:
		site.collect_hooks()
		assert "no_such_app" in frappe.get_installed_apps()
		assert "max_users" in declared_limits.declared()
		assert "buildpro_saas.tenant_site.gates.on_event" in frappe.get_doc_hooks()["*"]["before_validate"]
	finally:
		frappe.db.rollback()
		frappe.clear_cache()
		site.collect_hooks()


def test_an_app_counts_by_itself(site, frappe, declare, monkeypatch):
	from buildpro_saas.tenant_site import limit_measures

	monkeypatch.setattr(limit_measures, "count_models", lambda: 7, raising=False)
	declare(max_models={"count": "buildpro_saas.tenant_site.limit_measures.count_models"})
	site.apply(limits={"max_models": {"value": 9, "is_hard": True}})
	site.gating.require_limit("max_models", 2)
	with pytest.raises(site.gating.LimitReachedError, match="Max models: 7 of the 9"):
		site.gating.require_limit("max_models", 3)


def sized_notes(frappe, declare, monkeypatch, room: int, **declared) -> int:
	"""Declare a limit on the length of public notes; returns its value with so much room."""
	from buildpro_saas.tenant_site import declared_limits, limit_measures

	monkeypatch.setattr(limit_measures, "note_length", lambda doc: len(doc.content or ""), raising=False)
	size = "buildpro_saas.tenant_site.limit_measures.note_length"
	declare(max_text={"doctype": "Note", "filters": {"public": 1}, "size": size, **declared})
	return declared_limits.declared()["max_text"].measure() + room


def test_what_sizes_admit_is_what_is_measured(site, frappe, declare, monkeypatch):
	used = sized_notes(frappe, declare, monkeypatch, 0)
	site.apply(limits={"max_text": {"value": used + 10, "is_hard": True}})
	note(frappe, public=1, content="12345678").insert()
	note(frappe, public=0, content="not one of those that count").insert()
	assert site.gating.get_limit_access("max_text").used == used + 8
	with pytest.raises(site.gating.LimitReachedError):
		note(frappe, public=1, content="123").insert()
	note(frappe, public=1, content="12").insert()


@pytest.mark.parametrize("declared", [{}, {"measured": 1}, {"period": "day"}])
def test_what_counts_already_grows_only_while_there_is_room(site, frappe, declare, monkeypatch, declared):
	value = sized_notes(frappe, declare, monkeypatch, 10, **declared)
	site.apply(limits={"max_text": {"value": value, "is_hard": True}})
	doc = note(frappe, public=1, content="12345").insert()
	doc.content = "1234567"
	doc.save()
	assert site.gating.get_limit_access("max_text", 3)
	doc.content = "12345678901"
	with pytest.raises(site.gating.LimitReachedError, match="7 of the 10" if value == 10 else None):
		doc.save()
	doc.reload()
	doc.content = "1234567890"
	doc.save()
	doc.title = frappe.generate_hash(length=10)
	doc.save()  # at the limit, and no larger than it was
	assert site.gating.get_limit_access("max_text", 0).used == value


def test_a_document_that_was_submitted_does_not_outgrow_the_limit(site, frappe, declare, monkeypatch):
	from buildpro_saas.tenant_site import gates

	value = sized_notes(frappe, declare, monkeypatch, 5)
	site.apply(limits={"max_text": {"value": value, "is_hard": True}})
	doc = note(frappe, public=1, content="12345").insert()
	doc.load_doc_before_save()
	doc.content = "123456"
	with pytest.raises(site.gating.LimitReachedError):
		gates.on_event(doc, "before_update_after_submit")


def test_growth_waits_for_others_who_add(site, frappe, declare, monkeypatch):
	from buildpro_saas.tenant_site import limit_usage

	site.apply(limits={"max_text": {"value": sized_notes(frappe, declare, monkeypatch, 10), "is_hard": True}})
	doc = note(frappe, public=1, content="1").insert()
	limit_usage._forget()
	doc.content = "12"
	doc.save()
	assert limit_usage._held() == {"max_text": 0}


def test_what_shrinks_is_free_at_once(site, frappe, declare, monkeypatch):
	value = sized_notes(frappe, declare, monkeypatch, 10, measured=1)
	site.apply(limits={"max_text": {"value": value, "is_hard": True}})
	doc = note(frappe, public=1, content="1234567890").insert()
	frappe.db.commit()
	try:
		doc.content = "1"
		doc.save()
		frappe.db.commit()
		note(frappe, public=1, content="123456789").insert()
	finally:
		frappe.db.rollback()
		doc.reload()
		doc.delete()
		frappe.db.delete("Deleted Document", {"deleted_doctype": "Note"})
		frappe.db.delete("Limit Level")
		frappe.db.commit()


def test_a_file_whose_place_changes_is_no_growth(site, frappe, full):
	kept = file(frappe, 2000).insert()
	kept.is_private = 0
	kept.save()  # 1 kB is left
	assert kept.file_url.startswith("/files/")
	os.unlink(kept.get_full_path())


def test_a_limit_of_what_this_site_does_not_have_limits_nothing(site, frappe, declare):
	declare(max_ships={"doctype": "No Such Ship"})
	site.apply(limits={"max_ships": {"value": 1, "is_hard": True}})
	assert site.gating.get_limit_access("max_ships")


def test_what_only_the_plan_knows_is_compared_with_what_is_asked_for(site, frappe):
	site.apply(limits={"max_file_size_mb": {"value": 25, "is_hard": True}})
	assert site.gating.get_limit_access("max_file_size_mb", 25)
	assert not site.gating.get_limit_access("max_file_size_mb", 26)


def test_without_a_limit_there_is_none(site, frappe):
	frappe.db.delete("Limit Level")
	site.apply(limits={})
	answer = site.gating.get_limit_access("max_users", 10_000)
	assert answer.allowed and answer.limit is None
	new_user(frappe).insert()
	assert not frappe.db.exists("Limit Level", "max_users")  # and no lock


def test_an_unknown_limit_is_an_error_that_names_the_nearest(site, frappe):
	site.apply()
	for ask in (site.gating.get_limit_access, site.gating.require_limit):
		with pytest.raises(site.gating.UnknownLimitError, match='Did you mean "max_users"'):
			ask("max_user")


def test_what_is_not_limited_costs_two_look_ups(site, frappe):
	from buildpro_saas.tenant_site import limits

	site.apply(limits=HARD_USERS)
	doc = note(frappe)
	limits.check_growth(doc)
	begin = time.perf_counter()
	for _ in range(10_000):
		limits.check_growth(doc)
	each = (time.perf_counter() - begin) / 10_000
	print(f"validate of a document that is not limited: {each * 1e6:.2f} µs")
	assert each < 50e-6


# -- storage, mail, API ----------------------------------------------------------------------------------------------


def file(frappe, size: int, **fields):
	name = f"{frappe.generate_hash(length=10)}.txt"
	content = frappe.generate_hash(length=10) + "x" * (size - 10)
	return frappe.get_doc(
		{"doctype": "File", "file_name": name, "content": content, "is_private": 1, **fields}
	)


def test_storage_is_what_was_measured_and_what_was_added_since(site, frappe):
	from buildpro_saas.tenant_site import declared_limits, limit_measures, limit_usage

	site.apply(limits={"max_storage_gb": {"value": 1, "is_hard": True}})
	measured("max_storage_gb", 1 - 3e-6)  # 3 kB are left
	frappe.form_dict.file_size = 1  # what the form says is not what counts
	kept = [file(frappe, 2000).insert()]
	with pytest.raises(site.gating.LimitReachedError, match="Storage"):
		file(frappe, 2000).insert()
	measured("max_storage_gb", limit_measures.storage_gb())
	kept.append(file(frappe, 2000).insert())
	assert 0 < limit_usage.in_use(declared_limits.declared()["max_storage_gb"]) < 1
	for each in kept:
		os.unlink(each.get_full_path())
	frappe.form_dict.clear()


def test_the_measure_sees_database_and_files(site, frappe):
	from buildpro_saas.tenant_site import limit_measures

	before = limit_measures.storage_gb()
	big = file(frappe, 5_000_000).insert()
	try:
		assert 0.001 < before < 1
		assert limit_measures.storage_gb() - before == pytest.approx(0.005, abs=0.003)
		assert limit_measures.file_gb(big) == 0.005
	finally:
		os.unlink(big.get_full_path())


@pytest.fixture
def full(site, frappe):
	"""Storage with room for one file of 2 kB, and nothing freed yet."""
	site.apply(limits={"max_storage_gb": {"value": 1, "is_hard": True}})

	def with_room(room: float) -> float:
		"""What is in use where so many bytes are left."""
		return 1 - room / 1e9

	measured("max_storage_gb", with_room(3000))
	return with_room


def test_what_is_deleted_is_free_at_once(site, frappe, full, monkeypatch):
	from buildpro_saas.tenant_site import limit_measures

	before = bytes_of_files(frappe)

	def storage():
		return full(3000) + (bytes_of_files(frappe) - before) / limit_measures.GB

	monkeypatch.setattr(limit_measures, "storage_gb", storage)
	first = file(frappe, 2000).insert()
	frappe.db.commit()
	with pytest.raises(site.gating.LimitReachedError):
		file(frappe, 2000).insert()
	frappe.db.rollback()
	path = first.get_full_path()
	first.delete()
	frappe.db.commit()
	assert not os.path.exists(path)
	assert site.gating.get_limit_access("max_storage_gb", 0).used < 1 - 2e-6
	second = file(frappe, 2000).insert()
	try:
		with pytest.raises(site.gating.LimitReachedError):
			file(frappe, 2000).insert()
	finally:
		os.unlink(second.get_full_path())
		frappe.db.rollback()
		frappe.db.delete("Limit Level")
		frappe.db.delete("Deleted Document", {"deleted_doctype": "File"})
		frappe.db.commit()


def bytes_of_files(frappe) -> int:
	return sum(os.path.getsize(path) for path in files_of(frappe))


def files_of(frappe) -> set[str]:
	return {
		os.path.join(folder, name)
		for place in ("public", "private")
		for folder, _folders, names in os.walk(frappe.get_site_path(place, "files"))
		for name in names
	}


def test_a_refused_file_leaves_nothing_on_the_disk(site, frappe, full):
	before = files_of(frappe)
	with pytest.raises(site.gating.LimitReachedError) as refusal:
		file(frappe, 4000).insert()
	assert files_of(frappe) == before
	assert str(refusal.value).startswith(
		"Storage: 1 GB of the 1 GB of your plan Growth are in use, less than 0.001 GB more"
	)


def test_a_refused_file_does_not_take_another_with_the_same_content_along(site, frappe, full):
	kept = file(frappe, 2000).insert()
	with pytest.raises(site.gating.LimitReachedError):
		file(frappe, 2000, content=kept.get_content()).insert()
	assert kept.exists_on_disk()
	os.unlink(kept.get_full_path())


def received(frappe, attachment: bytes, name: str = "plans.dat"):
	"""A mail as the framework takes it in."""
	from email.message import EmailMessage

	from frappe.email.receive import InboundMail

	account = frappe.get_doc(
		{
			"doctype": "Email Account",
			"name": "Limits",
			"email_account_name": "Limits",
			"email_id": "in@limits.example",
		}
	)
	account.db_insert()
	message = EmailMessage()
	message["From"], message["To"], message["Subject"] = "a@customer.example", "in@limits.example", "Plans"
	message["Message-ID"] = f"<{frappe.generate_hash(length=10)}@customer.example>"
	message.set_content("Here are the plans.")
	message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename=name)
	return InboundMail(message.as_bytes(), account, uid=1).process()


def test_a_mail_arrives_without_the_attachment_that_has_no_room(site, frappe, full):
	before = files_of(frappe)
	mail = received(frappe, os.urandom(4000), "plans <b>.dat")
	kept = frappe.get_doc("Communication", mail.name)
	assert "Here are the plans." in kept.content
	assert "plans" in kept.content and "was left out. Storage: 1 GB of the 1 GB" in kept.content
	assert "<b>" not in kept.content
	assert files_of(frappe) == before
	assert not frappe.get_all("File", {"attached_to_name": mail.name})


def test_a_mail_with_room_for_its_attachment_has_no_note(site, frappe, full):
	mail = received(frappe, os.urandom(1000))
	assert "left out" not in frappe.get_doc("Communication", mail.name).content
	(name,) = frappe.get_all("File", {"attached_to_name": mail.name}, pluck="name")
	os.unlink(frappe.get_doc("File", name).get_full_path())


# -- people at the limit -------------------------------------------------------------------------------------------------


def test_people_who_are_there_go_on_at_the_limit(site, frappe):
	from frappe.utils.password import check_password, update_password

	person = new_user(frappe).insert()
	update_password(person.name, "Zr9#of-the-house")
	site.apply(limits={"max_users": {"value": 1, "is_hard": True}})
	with pytest.raises(site.gating.LimitReachedError):
		new_user(frappe).insert()
	frappe.set_user(person.name)
	try:
		person.reload()
		person.update(
			{"user_image": "/files/me.png", "first_name": "Anna", "new_password": "Zr9#of-the-new-house"}
		)
		person.save()
	finally:
		frappe.set_user("Administrator")
	assert check_password(person.name, "Zr9#of-the-new-house")
	person.reload()
	person.add_roles("Blogger")
	person.remove_roles("Blogger")
	assert frappe.get_doc("User", person.name).user_type == "System User"


@pytest.fixture
def website_users(frappe):
	"""A role without Desk, and five people who have it and nothing else."""
	role = frappe.get_doc({"doctype": "Role", "role_name": "Limits Visitor", "desk_access": 0}).insert()
	people = []
	for _ in range(5):
		user = new_user(frappe, is_system=False)
		user.append("roles", {"role": role.name})
		people.append(user.insert().name)
	return role, people


def types_of(frappe, people) -> set[str]:
	return set(frappe.get_all("User", {"name": ("in", people)}, pluck="user_type"))


def test_desk_access_of_a_role_is_refused_whole(site, frappe, website_users):
	role, people = website_users
	site.apply(limits={"max_users": {"value": 4, "is_hard": True}})
	frappe.db.savepoint("whole")
	role.desk_access = 1
	with pytest.raises(site.gating.LimitReachedError) as refusal:
		role.save()
	assert "1 of the 4 of your plan Growth are in use, 5 more cannot be added" in str(refusal.value)
	# before anything was written: a caller that goes on has nothing half done
	assert types_of(frappe, people) == {"Website User"}
	assert not frappe.db.get_value("Role", role.name, "desk_access")


def test_desk_access_of_a_role_counts_whole(site, frappe, website_users):
	role, people = website_users
	site.apply(limits={"max_users": {"value": 6, "is_hard": True}})
	role.desk_access = 1
	role.save()
	assert types_of(frappe, people) == {"System User"}
	assert site.gating.get_limit_access("max_users").used == 6


# -- mails ---------------------------------------------------------------------------------------------------------------


def mail(frappe, people: int):
	recipients = [{"recipient": f"r{number}@limits.example"} for number in range(people)]
	return frappe.get_doc(
		{
			"doctype": "Email Queue",
			"sender": "s@limits.example",
			"message": "x",
			"status": "Not Sent",
			"recipients": recipients,
		}
	)


def test_whom_a_queued_mail_goes_to_cannot_be_changed(site, frappe):
	"""Who may write Email Queue would send to thousands what was counted as one."""
	queued = mail(frappe, 2).insert()
	queued.append("recipients", {"recipient": "more@limits.example"})
	with pytest.raises(frappe.PermissionError, match="write a new one"):
		queued.save()
	queued.reload()
	frappe.db.set_value("Email Queue Recipient", queued.recipients[0].name, "status", "Sent")
	queued.reload()
	queued.recipients[0].status = "Not Sent"
	with pytest.raises(frappe.PermissionError):
		queued.save()
	queued.reload()
	with pytest.raises(frappe.PermissionError):
		queued.recipients[0].save()
	queued.reload()
	queued.priority = 1
	queued.save()  # all else of it may be


def test_mails_are_counted_by_recipient_and_begin_anew_each_day(site, frappe, monkeypatch):
	from datetime import timedelta

	from buildpro_saas.tenant_site import limits, utc_days

	limits.measure_limits()
	used = site.gating.get_limit_access("emails_per_day").used if _apply(site, 10**6) else 0
	_apply(site, used + 3)
	mail(frappe, 2).insert()
	with pytest.raises(site.gating.LimitReachedError, match="E-mails today"):
		mail(frappe, 2).insert()
	frappe.db.delete("Email Queue")  # gains nothing
	with pytest.raises(site.gating.LimitReachedError):
		mail(frappe, 4).insert()
	tomorrow = utc_days.today() + timedelta(days=1)
	monkeypatch.setattr(utc_days, "today", lambda: tomorrow)
	_apply(site, 3)
	mail(frappe, 3).insert()


def _apply(site, mails: int) -> bool:
	site.apply(limits={"emails_per_day": {"value": mails, "is_hard": True}})
	return True


@pytest.fixture
def api_call(site, frappe, monkeypatch):
	"""Make a call as somebody who came with an API key: what `auth_hooks` are run for."""
	from buildpro_saas.tenant_site import limits

	headers = {"Authorization": "token a:b"}
	monkeypatch.setattr(frappe, "get_request_header", lambda name, default=None: headers.get(name, default))

	def call(user: str = "Administrator", authorization: str | None = "token a:b"):
		headers["Authorization"] = authorization
		frappe.session.user = user
		try:
			limits.check_api_call()
		finally:
			frappe.session.user = "Administrator"

	return call


def test_api_calls_above_the_limit_are_refused_until_midnight(site, frappe, api_call):
	from werkzeug.exceptions import TooManyRequests

	site.apply(limits={"api_calls_per_day": {"value": 2, "is_hard": True}})
	api_call(user="Guest")
	api_call(authorization=None)
	api_call()
	api_call()
	for _ in range(2):
		with pytest.raises(TooManyRequests) as refusal:
			api_call()
	response = refusal.value.get_response()
	assert response.status_code == 429 and 0 < int(response.headers["Retry-After"]) <= 86400
	decision = json.loads(response.get_data())["decision"]
	assert (decision["reason"], decision["used"], decision["limit"]) == ("LIMIT_REACHED", 2, 2)
	assert site.gating.get_limit_access("api_calls_per_day").used == 2


def test_api_calls_above_a_soft_limit_and_without_redis_are_admitted(site, frappe, api_call, monkeypatch):
	site.apply(limits={"api_calls_per_day": {"value": 0, "is_hard": False}})
	api_call()
	site.apply(limits={"api_calls_per_day": {"value": 0, "is_hard": True}})
	with monkeypatch.context() as patch:
		patch.setattr(frappe, "cache", redis.Redis(port=1))
		api_call()


# -- meters --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(frappe):
	"""A second connection to the site's database."""
	connection = second_connection(frappe)
	yield connection
	connection.close()


def test_nobody_holds_a_row_while_files_are_walked(site, frappe, full, other, monkeypatch):
	"""Neither who adds a file, where what was deleted is measured anew, nor the hourly job."""
	from buildpro_saas.tenant_site import limit_measures, limits

	free = []

	def storage() -> float:
		with other.cursor() as cursor:
			cursor.execute(
				"select name from `tabLimit Level` where name = 'max_storage_gb' for update nowait"
			)
			free.append(cursor.fetchone())
		other.rollback()
		return full(5000)

	monkeypatch.setattr(limit_measures, "storage_gb", storage)
	limits.measure_limits()
	first = file(frappe, 2000).insert()
	frappe.db.commit()
	first.delete()
	frappe.db.commit()
	second = file(frappe, 4000).insert()
	assert len(free) == 2  # each of them has measured, and found nobody on the row
	os.unlink(second.get_full_path())
	frappe.db.rollback()
	frappe.db.delete("Deleted Document", {"deleted_doctype": "File"})
	frappe.db.delete("Limit Level")
	frappe.db.commit()


def test_what_others_add_during_a_measurement_stays_on_top(site, frappe, full):
	from buildpro_saas.tenant_site import limit_meters

	key = "max_storage_gb"
	site.gating.require_limit(key, 1e-6)
	before = limit_meters.read(key, None)
	frappe.db.commit()
	site.gating.require_limit(key, 5e-7)
	limit_meters.set_measured(key, 0.25, before)
	level = limit_meters.read(key, None)
	assert (level.measured, level.added, level.reserved) == pytest.approx((0.25, 1e-6, 5e-7))
	assert level.too_high  # it may have found them: measured anew before it refuses


def test_of_two_measurements_at_once_the_one_that_ends_first_stands(site, frappe, full):
	from buildpro_saas.tenant_site import limit_meters

	key = "max_storage_gb"
	site.gating.require_limit(key, 1e-6)
	frappe.db.commit()
	before = limit_meters.read(key, None)
	limit_meters.set_measured(key, 0.25, before)
	site.gating.require_limit(key, 5e-7)
	frappe.db.commit()
	limit_meters.set_measured(
		key, 0.125, before
	)  # begun before the other, and it may have passed what was added
	level = limit_meters.read(key, None)
	assert (level.measured, level.added) == pytest.approx((0.25, 5e-7)) and level.too_high


def test_a_reservation_by_a_clock_that_ran_ahead_holds_no_room(site, frappe, monkeypatch):
	from buildpro_saas.tenant_site import limit_meters

	_apply(site, 3)
	with monkeypatch.context() as patch:
		patch.setattr(limit_meters, "time", lambda: time.time() + 30 * 86400)
		site.gating.require_limit("emails_per_day", 3)
	frappe.flags.pop(limit_meters.FLAG)  # its process was killed
	frappe.db.rollback()
	site.gating.require_limit("emails_per_day", 3)


def test_a_reservation_of_a_process_that_was_killed_lapses(site, frappe, monkeypatch):
	from buildpro_saas.tenant_site import limit_meters

	_apply(site, 3)
	site.gating.require_limit("emails_per_day", 2)
	frappe.flags.pop(limit_meters.FLAG)  # nobody ends it
	frappe.db.rollback()
	with pytest.raises(site.gating.LimitReachedError):
		site.gating.require_limit("emails_per_day", 2)
	monkeypatch.setattr(limit_meters, "time", lambda: time.time() + limit_meters.LAPSE)
	site.gating.require_limit("emails_per_day", 2)


def test_what_a_transaction_adds_counts_once_it_is_committed_and_not_if_it_is_rolled_back(site, frappe):
	_apply(site, 10)
	site.gating.require_limit("emails_per_day", 3)
	site.gating.require_limit("emails_per_day", 2)
	frappe.db.commit()
	site.gating.require_limit("emails_per_day", 4)
	assert site.gating.get_limit_access("emails_per_day").used == 9
	frappe.db.rollback()
	assert site.gating.get_limit_access("emails_per_day").used == 5


def test_a_day_that_redis_has_forgotten_is_counted_again(site, frappe):
	from buildpro_saas.tenant_site import limits

	_apply(site, 10)
	mail(frappe, 3).insert()
	limits.measure_limits()
	mail(frappe, 2).insert()
	frappe.db.commit()
	forget_meters(frappe)
	try:
		assert site.gating.get_limit_access("emails_per_day").used == 5
		frappe.db.delete("Email Queue")
		frappe.db.commit()
		forget_meters(frappe)
		# what was kept last counts, though the mails are gone
		assert site.gating.get_limit_access("emails_per_day").used == 3
	finally:
		frappe.db.delete("Email Queue")
		frappe.db.delete("Email Queue Recipient")
		frappe.db.delete("Limit Level")
		frappe.db.commit()


def test_a_meter_is_set_by_what_is_committed_now(site, frappe, declare, other):
	"""And not by what this transaction has shown since it began to read."""
	declare(max_models={"count": "buildpro_saas.tenant_site.usage_by_test", "measured": 1})
	site.apply(limits={"max_models": {"value": 2, "is_hard": True}})
	frappe.db.commit()
	before = frappe.db.count("Note")
	name = frappe.generate_hash(length=10)
	with other.cursor() as cursor:
		cursor.execute("insert into tabNote (name, title) values (%s, %s)", (name, name))
	other.commit()
	with pytest.MonkeyPatch.context() as patch:
		from buildpro_saas import tenant_site

		patch.setattr(
			tenant_site, "usage_by_test", lambda: frappe.db.count("Note") - before + 1, raising=False
		)
		with pytest.raises(site.gating.LimitReachedError, match="2 of the 2"):
			site.gating.require_limit("max_models", 1)
	assert frappe.db.count("Note") == before  # this transaction goes on as it was
	frappe.db.rollback()
	frappe.db.delete("Note", {"name": name})
	frappe.db.commit()


def test_what_raises_after_a_commit_keeps_no_limit_held(site, frappe):
	from buildpro_saas.tenant_site import limit_usage

	def raises() -> None:
		raise ValueError("another app's")

	frappe.db.after_commit.add(raises)
	limit_usage.hold("max_users")
	with pytest.raises(ValueError, match="another app's"):
		frappe.db.commit()
	try:
		assert limit_usage.FLAG not in frappe.flags
	finally:
		frappe.db.rollback()


@pytest.mark.parametrize("event", ["before_commit", "after_commit", "after_rollback"])
def test_what_another_raises_as_a_transaction_ends_keeps_nothing_reserved(site, frappe, event):
	from buildpro_saas.tenant_site import limit_meters, limit_usage, utc_days

	def raises() -> None:
		raise ValueError("another app's")

	def level():
		return limit_meters.read("emails_per_day", utc_days.today())

	_apply(site, 10)
	frappe.db.commit()
	getattr(frappe.db, event).add(raises)
	site.gating.require_limit("emails_per_day", 3)
	limit_usage.hold("max_users")
	with pytest.raises(ValueError, match="another app's"):
		frappe.db.rollback() if event == "after_rollback" else frappe.db.commit()
	frappe.db.rollback()
	assert limit_usage.FLAG not in frappe.flags and limit_meters.FLAG not in frappe.flags
	assert (level().added, level().reserved) == (3 if event == "after_commit" else 0, 0)
	# and it goes on as ever
	site.gating.require_limit("emails_per_day", 2)
	frappe.db.commit()
	assert level().reserved == 0 and level().added == (5 if event == "after_commit" else 2)


def test_what_another_raises_after_a_commit_keeps_no_room_of_what_was_deleted(site, frappe, full):
	from buildpro_saas.tenant_site import limit_meters

	frappe.db.after_commit.add(lambda: 1 / 0)
	limit_meters.note_deletion("max_storage_gb")
	with pytest.raises(ZeroDivisionError):
		frappe.db.commit()
	frappe.db.rollback()
	assert limit_meters.read("max_storage_gb", None).too_high


@pytest.mark.parametrize("event", ["after_request", "after_job"])
def test_what_a_request_or_job_leaves_uncommitted_is_given_back_at_its_end(site, frappe, event):
	"""A GET that failed, say: its connection is closed, and nothing is called."""
	from buildpro_saas.tenant_site import limit_meters, utc_days

	_apply(site, 10)
	site.gating.require_limit("emails_per_day", 3)
	assert limit_meters.read("emails_per_day", utc_days.today()).reserved == 3
	for hook in frappe.get_hooks(event):
		if "limit" in hook:
			frappe.call(hook, response=None, request=None, method="x", kwargs={}, result=None)
	assert limit_meters.read("emails_per_day", utc_days.today()).reserved == 0
	frappe.db.commit()
	assert limit_meters.read("emails_per_day", utc_days.today()).added == 0


# storage has no whole numbers, and grows a little while this runs
@pytest.mark.parametrize(
	"key, room, fits, too_many", [("emails_per_day", 1, 1, 2), ("max_storage_gb", 3, 1, 4)]
)
def test_without_redis_it_is_measured_at_each_asking(site, frappe, monkeypatch, key, room, fits, too_many):
	from buildpro_saas.tenant_site import declared_limits

	used = declared_limits.declared()[key].measure()
	site.apply(limits={key: {"value": int(used) + room, "is_hard": True}})
	monkeypatch.setattr(frappe, "cache", type(frappe.cache).from_url("redis://localhost:1"))
	site.gating.require_limit(key, fits)
	with pytest.raises(site.gating.LimitReachedError):
		site.gating.require_limit(key, too_many)


def test_documents_of_a_day_are_those_that_were_made_on_it(site, frappe, declare):
	old = note(frappe).insert()
	frappe.db.set_value("Note", old.name, "creation", "2020-01-01", update_modified=False)
	declare(notes_per_day={"doctype": "Note", "period": "day"})
	today = frappe.db.count("Note", {"creation": (">", "2020-01-02")})
	site.apply(limits={"notes_per_day": {"value": today + 1, "is_hard": True}})
	note(frappe).insert()
	with pytest.raises(site.gating.LimitReachedError):
		note(frappe).insert()


# -- levels ----------------------------------------------------------------------------------------------------------


def test_the_hourly_job_measures_what_this_site_has(site, frappe):
	from buildpro_saas.tenant_site import limits

	site.apply()
	limits.measure_limits()
	rows = {row.name: row for row in frappe.get_all("Limit Level", fields=["*"])}
	assert {"max_users", "max_storage_gb", "emails_per_day", "api_calls_per_day"} <= rows.keys()
	assert ("max_projects" in rows) == bool(frappe.db.exists("DocType", "Project"))
	assert rows["max_storage_gb"].used > 0 and rows["max_storage_gb"].measured_on
	frappe.db.delete("Limit Level")
	frappe.db.commit()


def test_nobody_writes_levels(site, frappe):
	measured("max_users", 5)
	doc = frappe.get_doc("Limit Level", "max_users")
	doc.used = 0
	with pytest.raises(frappe.PermissionError):
		doc.save(ignore_permissions=True)
	with pytest.raises(frappe.PermissionError):
		doc.delete(ignore_permissions=True)


def test_jobs_of_the_other_role_are_stopped(site, frappe):
	from buildpro_saas import install
	from buildpro_saas.scheduled_jobs import ADMIN_JOBS, TENANT_JOBS

	frappe.db.set_value("Scheduled Job Type", {"method": ("in", (*ADMIN_JOBS, *TENANT_JOBS))}, "stopped", 0)
	frappe.conf.buildpro_role = "admin"
	install._stop_jobs_of_the_other_role()
	stopped = frappe.get_all("Scheduled Job Type", {"stopped": 1}, pluck="method")
	assert set(TENANT_JOBS) <= set(stopped) and not set(ADMIN_JOBS) & set(stopped)
