"""What is sent to whom, when: batches and their merging, what goes first, renewal in time, and what is left alone."""

import json
import time

import pytest

DAY = 24 * 3600


@pytest.fixture
def sending(admin_site, drifting):
	"""Tenants on record, without sites; batches are made and not worked through."""
	return Sending(admin_site, drifting)


class Sending:
	def __init__(self, frappe, drifting):
		from buildpro_saas.licensing import backoff, delivery, renewal

		self.frappe, self.drifting, self.delivery = frappe, drifting, delivery
		self.backoff, self.renewal = backoff, renewal
		frappe.db.delete("Provisioning Job", {"playbook": delivery.PLAYBOOK})
		frappe.db.delete("Batch")
		frappe.db.delete("Batch Row")
		frappe.db.commit()

	def tenant(self, status: str = "Active", **values) -> str:
		name = f"{self.drifting.token}{self.frappe.generate_hash(length=4).lower()}"
		row = {
			"subdomain": name,
			"status": status,
			"site": f"{name}.localhost",
			"company": "Acme",
			"owner_name": "Olga",
			"owner_email": "olga@acme.example",
			"plan": "Core",
		}
		return self.drifting.record("Tenant", name=name, **{**row, **values})

	def batches(self) -> list:
		return self.frappe.get_all("Batch", fields=["*"], order_by="creation")

	def tenants_of(self, batch) -> list[str]:
		return self.frappe.get_all("Batch Row", {"batch": batch.name}, pluck="tenant", order_by="position")

	def why_of(self, batch) -> str:
		return json.loads(batch.inputs)["why"]

	def forget(self) -> None:
		"""As a new request: what this one made is not known."""
		setattr(self.frappe.local, self.delivery.LOCAL_KEY, None)


def test_calls_of_one_transaction_are_one_batch(sending):
	first, second = sorted((sending.tenant(), sending.tenant()))
	sending.delivery.send([second], "plan")
	sending.delivery.send([first, second], "override")
	(batch,) = sending.batches()
	assert sending.tenants_of(batch) == [second, first]
	assert sending.why_of(batch) == "plan; override"
	assert batch.title == "Send entitlements: 2 tenants (plan; override)"


def test_what_is_rolled_back_is_not_merged_into(sending):
	tenant = sending.tenant()
	sending.delivery.send([tenant], "never happened")
	sending.frappe.db.rollback()
	sending.delivery.send([tenant], "happened")
	(batch,) = sending.batches()
	assert sending.why_of(batch) == "happened"


def test_what_is_rolled_back_to_a_savepoint_is_not_merged_into(sending):
	tenant = sending.tenant()
	sending.frappe.db.savepoint("here")
	sending.delivery.send([tenant], "never happened")
	sending.frappe.db.rollback(save_point="here")
	sending.delivery.send([tenant], "happened")
	(batch,) = sending.batches()
	assert sending.why_of(batch) == "happened"


def test_what_is_sent_together_is_one_batch_whatever_is_committed_meanwhile(sending):
	first, second = sorted((sending.tenant(), sending.tenant()))
	with sending.delivery.together():
		for tenant in (second, first):
			sending.delivery.send([tenant], "its terms")
			sending.frappe.db.commit()
		assert not sending.batches()
	(batch,) = sending.batches()
	assert sending.tenants_of(batch) == [first, second] and sending.why_of(batch) == "its terms"


def test_what_was_to_be_sent_together_is_not_where_the_block_fails(sending):
	with pytest.raises(ZeroDivisionError), sending.delivery.together():
		sending.delivery.send([sending.tenant()], "its terms")
		raise ZeroDivisionError
	assert not sending.batches()
	sending.delivery.send([sending.tenant()], "another")
	assert len(sending.batches()) == 1


def test_what_is_sent_together_has_the_highest_priority_and_begins_with_what_has_it(sending):
	delivery = sending.delivery
	renewed = sorted(sending.tenant() for _ in range(5))
	first, last = renewed[0], renewed[-1]
	with delivery.together():
		delivery.send(renewed, "renewed", priority=delivery.RENEWAL)
		delivery.send([last], "its terms")
	(batch,) = sending.batches()
	assert batch.priority == delivery.OWN
	assert sending.tenants_of(batch) == [last, *renewed[:-1]]
	assert sending.why_of(batch) == "its terms; renewed"
	sending.forget()
	with delivery.together():
		delivery.send([first], "renewed", priority=delivery.RENEWAL)
	assert {each.priority for each in sending.batches()} == {delivery.OWN, delivery.RENEWAL}


def test_many_that_are_sent_one_by_one_do_not_go_before_one_customer(sending):
	with sending.delivery.together():
		for _ in range(sending.delivery.FEW + 1):
			sending.delivery.send([sending.tenant()], "its terms")
	(batch,) = sending.batches()
	assert batch.priority == sending.delivery.MANY


def test_agreed_dates_that_come_together_are_one_batch(sending):
	from buildpro_saas.licensing import agreed_dates

	date = sending.frappe.utils.add_to_date(sending.frappe.utils.now_datetime(), minutes=-1)
	moved = {sending.tenant(next_plan="Growth", next_plan_on=date) for _ in range(3)}
	agreed_dates.follow_agreed_dates()
	sent = [set(sending.tenants_of(batch)) & moved for batch in sending.batches()]
	assert sent == [moved]
	assert {sending.frappe.db.get_value("Tenant", name, "plan") for name in moved} == {"Growth"}


def test_a_batch_that_has_begun_is_not_merged_into(sending):
	tenant = sending.tenant()
	sending.delivery.send([tenant], "plan")
	sending.frappe.db.set_value("Batch", sending.batches()[0].name, "status", "Running")
	sending.delivery.send([tenant], "plan")
	assert len(sending.batches()) == 2


def test_only_tenants_with_a_site_are_sent_to(sending):
	wanted = {sending.tenant(status) for status in ("Active", "Past Due", "Suspended")}
	others = {sending.tenant(status) for status in ("Draft", "Provisioning", "Failed", "Archived", "Removed")}
	others.add(sending.tenant(bench=None))
	sending.delivery.send(None, "all")
	(batch,) = sending.batches()
	sent_to = set(sending.tenants_of(batch))
	assert wanted <= sent_to and not sent_to & others


def test_nobody_to_send_to_is_no_batch(sending):
	sending.delivery.send([], "nobody")
	sending.delivery.send([sending.tenant("Draft")], "nobody")
	assert sending.batches() == []


def test_its_runners_do_not_wait_behind_heavy_jobs(sending):
	from buildpro_saas.jobs import queue, registry

	playbook = registry.get(sending.delivery.PLAYBOOK)
	assert not playbook.is_heavy
	assert queue.name_for(sending.frappe._dict(queue="long"), playbook) == "short"
	assert queue.name_for(sending.frappe._dict(queue="long"), registry.get("create_tenant")) == "long"


@pytest.mark.parametrize(("number", "priority"), [(1, 10), (3, 10), (4, 0)])
def test_what_one_customer_waits_for_goes_before_a_change_for_many(sending, number, priority):
	sending.delivery.send([sending.tenant() for _ in range(number)], "plan")
	(batch,) = sending.batches()
	assert batch.priority == priority


def test_what_is_renewed_in_time_goes_last(sending):
	tenant = sending.tenant()
	sending.renewal.renew_entitlements()
	(batch,) = sending.batches()
	assert tenant in sending.tenants_of(batch) and batch.priority < 0


# -- renewing in time -------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(sending):
	"""A tenant whose entitlement was signed just now, and that is due to be compared."""
	name = sending.tenant()
	tenant = sending.frappe.get_doc("Tenant", name)
	tenant.sign_entitlement()
	sending.frappe.db.commit()
	return name


def due(sending, monkeypatch, tenant: str, **later) -> bool:
	"""Whether the tenant is sent to by one of the runs of an hour."""
	now = sending.frappe.utils.add_to_date(None, as_datetime=True, **later)
	for minute in range(0, 60, 10):
		monkeypatch.setattr(sending.renewal, "now_datetime", lambda at=minute: now.replace(minute=at))
		sending.forget()
		sending.renewal.renew_entitlements()
	sent = {name for batch in sending.batches() for name in sending.tenants_of(batch)}
	sending.frappe.db.rollback()
	return tenant in sent


def test_what_is_new_and_was_sent_is_left_alone(sending, signed, monkeypatch):
	assert not due(sending, monkeypatch, signed)


def test_what_was_never_signed_is_sent(sending, monkeypatch):
	assert due(sending, monkeypatch, sending.tenant())


def test_it_is_renewed_when_half_of_its_time_is_over(sending, signed, monkeypatch):
	days = sending.frappe.db.get_single_value("SaaS Settings", "entitlement_valid_days")
	assert not due(sending, monkeypatch, signed, days=days / 2 - 1)
	assert due(sending, monkeypatch, signed, days=days / 2 + 1)


@pytest.mark.parametrize(
	"change",
	[
		{"plan": "Growth"},
		{"status": "Past Due"},
	],
)
def test_a_change_that_nobody_sent_is_noticed(sending, signed, monkeypatch, change):
	sending.frappe.db.set_value("Tenant", signed, change)
	sending.frappe.db.commit()
	assert due(sending, monkeypatch, signed)


@pytest.fixture
def contact(sending):
	"""Writes another support contact without a save, which would send it; the one of before is put back."""
	frappe = sending.frappe
	before = frappe.db.get_single_value("SaaS Settings", "support_contact")

	def write(value: str | None) -> None:
		frappe.db.set_single_value("SaaS Settings", "support_contact", value)
		frappe.clear_document_cache("SaaS Settings", "SaaS Settings")
		frappe.db.commit()

	yield write
	frappe.db.rollback()
	write(before)


def test_another_contact_that_nobody_sent_is_noticed(sending, signed, contact, monkeypatch):
	contact("other@example.com")
	assert sending.batches() == []
	assert due(sending, monkeypatch, signed)


def test_another_contact_is_sent_when_it_is_saved(sending, signed):
	settings = sending.frappe.get_doc("SaaS Settings")
	settings.support_contact = "other@example.com"
	settings.save()
	(batch,) = sending.batches()
	assert signed in sending.tenants_of(batch)


@pytest.fixture
def brought(sending, bench_path):
	"""The files of a tenant's site that was given its entitlement just now, by which renew_entitlements goes."""
	return Brought(sending, bench_path)


class Brought:
	def __init__(self, sending, bench_path):
		self.sending, self.name = sending, sending.tenant()
		tenant = sending.frappe.get_doc("Tenant", self.name)
		older, newest = tenant.sign_entitlement(), tenant.sign_entitlement()
		sending.frappe.db.commit()
		self.folder = bench_path / "sites" / tenant.site_name
		self.folder.mkdir()
		self.older, self.number = older, int(tenant.entitlement_sequence)
		self.configure()
		self.store(newest)

	@property
	def file(self):
		return self.folder / "entitlement.json"

	def stored(self) -> dict:
		return json.loads(self.file.read_text())

	def store(self, content: object) -> None:
		self.file.write_text(json.dumps(content))

	def configure(self, **values) -> None:
		keys = self.sending.frappe.conf.buildpro_public_keys
		config = {"buildpro_sequence": self.number, "buildpro_public_keys": keys, **values}
		(self.folder / "site_config.json").write_text(json.dumps(config))

	def is_sent_in_the_next_run(self) -> bool:
		self.sending.frappe.db.commit()
		self.sending.forget()
		self.sending.renewal.renew_entitlements()
		return self.name in {
			name for batch in self.sending.batches() for name in self.sending.tenants_of(batch)
		}


def changed(token: str) -> str:
	"""The token with another letter in what is signed."""
	at = token.index(".") + 20
	return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


NOT_THERE = {
	"the number of an older one": lambda site: site.configure(buildpro_sequence=site.number - 1),
	"no number": lambda site: site.configure(buildpro_sequence=None),
	"none of the keys": lambda site: site.configure(buildpro_public_keys={}),
	"lost": lambda site: site.file.unlink(),
	"empty": lambda site: site.file.write_bytes(b""),
	"cut off": lambda site: site.file.write_bytes(site.file.read_bytes()[:-100]),
	"no text": lambda site: site.file.write_bytes(b"\xff\xfe"),
	"something else": lambda site: site.store([1]),
	"another letter": lambda site: site.store({**site.stored(), "token": changed(site.stored()["token"])}),
	"without its catalogue": lambda site: site.store({"token": site.stored()["token"]}),
	"an older one": lambda site: site.store(site.older),
	"over by the time that the site knows to have been": lambda site: site.configure(
		buildpro_clock=time.time() + 60 * DAY
	),
	"with an hour in it that has not been yet": lambda site: site.configure(
		buildpro_clock=time.time() + 3600
	),
}


def test_a_statement_that_the_site_has_is_not_sent_again(sending, brought, monkeypatch):
	assert not due(sending, monkeypatch, brought.name)


@pytest.mark.parametrize("damage", NOT_THERE)
def test_a_statement_that_does_not_count_on_its_site_is_sent_in_the_next_run(brought, damage):
	NOT_THERE[damage](brought)
	assert brought.is_sent_in_the_next_run()


def test_a_statement_that_a_clock_ahead_has_signed_is_renewed(sending, brought):
	later = sending.frappe.utils.add_to_date(None, days=75)
	sending.frappe.db.set_value("Tenant", brought.name, "entitlement_renew_at", later)
	assert brought.is_sent_in_the_next_run()


def test_a_site_that_cannot_be_looked_at_does_not_keep_the_others(sending, brought):
	frappe = sending.frappe
	others = {sending.tenant(), sending.tenant()}
	(brought.folder / "site_config.json").write_text('{"db_name": ')
	frappe.db.delete("Error Log", {"method": ("like", f"%{brought.name}%")})
	assert not brought.is_sent_in_the_next_run()
	sent = {name for batch in sending.batches() for name in sending.tenants_of(batch)}
	assert others <= sent
	(logged,) = frappe.get_all("Error Log", {"method": ("like", f"%{brought.name}%")}, ["name", "error"])
	assert "site_config.json cannot be read" in logged.error and "put back" in logged.error
	frappe.db.delete("Error Log", {"name": logged.name})
	frappe.db.commit()


@pytest.fixture
def unreached(sending, monkeypatch):
	"""A tenant to whom deliveries fail."""
	return Unreached(sending, monkeypatch)


class Unreached:
	def __init__(self, sending, monkeypatch):
		self.sending, self.monkeypatch = sending, monkeypatch
		self.name = sending.tenant()
		self.begin = sending.frappe.utils.now_datetime().replace(minute=0, second=0, microsecond=0)

	def at(self, minute: float) -> None:
		"""From now on it is this minute."""
		now = self.sending.frappe.utils.add_to_date(self.begin, minutes=minute)
		for module in (self.sending.renewal, self.sending.backoff):
			self.monkeypatch.setattr(module, "now_datetime", lambda: now)

	def fails(self, minute: float) -> None:
		"""A delivery to the tenant fails in this minute."""
		self.at(minute)
		self.sending.backoff.failed(self.name)
		self.sending.frappe.db.commit()

	def is_reached(self, minute: float) -> None:
		self.at(minute)
		self.sending.backoff.reached(self.sending.frappe.get_doc("Tenant", self.name))
		self.sending.frappe.db.commit()

	def is_tried(self, minute: float) -> bool:
		"""Whether the run of this minute sends to the tenant; what it makes is taken back."""
		self.at(minute)
		before = {batch.name for batch in self.sending.batches()}
		self.sending.forget()
		self.sending.renewal.renew_entitlements()
		new = [batch for batch in self.sending.batches() if batch.name not in before]
		is_tried = any(self.name in self.sending.tenants_of(batch) for batch in new)
		self.sending.frappe.db.rollback()
		return is_tried


def test_a_tenant_that_cannot_be_reached_is_tried_less_and_less_often(unreached):
	tried = []
	unreached.fails(0.1)
	for minute in range(10, 330, 10):
		if unreached.is_tried(minute):
			tried.append(minute)
			unreached.fails(minute + 0.1)
	assert tried == [10, 20, 40, 80, 140, 200, 260, 320]


def test_several_failures_within_a_minute_are_no_reason_to_wait_for_long(unreached):
	for second in range(5):
		unreached.fails(second / 60)
	assert unreached.is_tried(10)


def test_a_change_that_could_not_be_brought_does_not_wait_for_its_turn_of_the_hour(unreached):
	unreached.sending.frappe.get_doc("Tenant", unreached.name).sign_entitlement()
	unreached.sending.frappe.db.set_value("Tenant", unreached.name, "plan", "Growth")
	unreached.fails(0)
	assert all(unreached.is_tried(minute) for minute in range(10, 70, 10))


def test_an_old_failure_does_not_hold_back_a_tenant_that_was_reached_since(unreached):
	unreached.fails(0)
	unreached.fails(60)
	assert not unreached.is_tried(70)
	unreached.is_reached(65)
	assert unreached.is_tried(70)


def test_a_failure_at_a_time_that_has_not_been_yet_gives_no_rest(unreached):
	unreached.fails(60 * 24 * 60)
	assert unreached.is_tried(10)
	unreached.fails(10)  # and the pause that follows is that of a first failure
	assert unreached.is_tried(20)


def test_a_tenant_who_waits_for_his_turn_is_left_to_it(unreached):
	unreached.sending.delivery.send([unreached.name], "test")
	unreached.sending.frappe.db.commit()
	assert not unreached.is_tried(10)


def test_a_form_that_was_open_while_a_delivery_failed_can_be_saved(sending):
	"""Its copy of what a delivery has written meanwhile is older, and means nothing."""
	from buildpro_saas.control_plane.doctype.tenant import fixed_fields

	assert set(sending.backoff.FIELDS) <= set(fixed_fields.QUIET) <= set(fixed_fields.FACTS)
