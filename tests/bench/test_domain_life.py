"""Host names in a tenant's life behind the proxy: made, suspended, renamed, archived, brought back, removed, each killed in each of its steps.

And what comes between: the DNS changed by hand, records of an older backup, two who do the same at once, a clock that leaps.
"""

import shutil
import threading
from datetime import timedelta

import pytest
from as_worker import killed_after, queued_again, run, run_and_die
from domains_world import BASE, CUSTOMER, PROVIDER, World

ERP = f"erp.{CUSTOMER}"
WORKERS = ("provisioning", "worker")
BY_HAND = "198.51.100.9"
LONG_AGO = timedelta(hours=2)


@pytest.fixture(scope="module")
def world(module_bench, tmp_path_factory):
	"""No worker: the tests are the worker. And a recovery key, for an archiving takes a last backup."""
	from buildpro_saas.fleet import backup_keys

	frappe = module_bench.frappe
	module_bench.image("Core")
	for worker in WORKERS:
		module_bench.services.stop(worker)
	key_before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	world = World(module_bench, tmp_path_factory.mktemp("domains"))
	try:
		world.start()
		yield world
	finally:
		frappe.db.rollback()
		settle(module_bench)
		world.end()
		forget_backups(module_bench)
		frappe.db.delete("Drift Finding", {"kind": ("in", ("DNS Record", "DNS Zone"))})
		frappe.db.set_single_value("SaaS Settings", "recovery_recipient", key_before or None)
		frappe.db.commit()
		module_bench.services.start_all(*WORKERS)


def forget_backups(bench) -> None:
	frappe, of = bench.frappe, {"tenant": ("in", bench.tenants)}
	for store in frappe.get_all("Backup Store", of, "store_id"):
		shutil.rmtree(bench.path / "backups" / store.store_id, ignore_errors=True)
	for doctype in ("Backup", "Backup Store", "Site Shadow", "Former Name"):
		frappe.db.delete(doctype, of)


@pytest.fixture(scope="module")
def acme(module_bench, world):
	"""A tenant whose worker was killed in each step that is about its name."""
	from buildpro_saas.domains.steps.tenant import CheckAddress, GetOwnCertificate, LeadNameHere, PublishOwn

	with module_bench.only("from an image", "Core"):
		tenant = module_bench.new_tenant(plan="Core")
		job = queued_again(module_bench, module_bench.job_name(tenant.name))
		killed_after(module_bench, job, LeadNameHere, GetOwnCertificate, PublishOwn, CheckAddress)
		assert run(module_bench, job) == "Completed", module_bench.describe(tenant.name)
	return module_bench.frappe.get_doc("Tenant", tenant.name)


@pytest.fixture
def bench(module_bench, world):
	module_bench.frappe.db.rollback()
	yield module_bench
	module_bench.frappe.db.rollback()


@pytest.fixture
def frappe(bench):
	return bench.frappe


@pytest.fixture
def erp(bench, world, acme):
	"""The customer's own name, which is live: the record's name of its Site Domain."""
	from buildpro_saas.domains import records

	row = records.held(ERP)
	if not row:
		acme.reload()
		name = acme.add_domain(ERP)["domain"]
		bench.frappe.db.commit()
		world.prove(acme.name, ERP)
		settle(bench)
		row = records.get(name)
	assert row.state == "Live" and not row.is_failing, row.says
	return row.name


def settle(bench) -> None:
	"""Be the worker for all jobs of host names and proxies that wait, and of what sites are told."""
	from buildpro_saas.domains import flow, publishing
	from buildpro_saas.jobs.ending import UNFINISHED
	from buildpro_saas.licensing import delivery

	playbooks = (*flow.BESIDE, flow.CHECK, publishing.PLAYBOOK, delivery.PLAYBOOK)
	of = {"playbook": ("in", playbooks), "status": ("in", UNFINISHED)}

	def are_done() -> bool:
		bench.frappe.db.commit()
		return not [run(bench, job) for job in bench.frappe.get_all("Provisioning Job", of, pluck="name")]

	bench.wait_for(are_done, 120)


def under_way(bench, name: str) -> str:
	"""The job that is about a Site Domain, as a worker gets it."""
	from buildpro_saas.domains import flow

	bench.frappe.db.commit()
	return queued_again(bench, flow.under_way(name))


def in_dns(world, name: str) -> tuple[list[str], int]:
	"""What the DNS says of a name, and how many marks of ours are beside it."""
	return world.knot.values(name, "A"), len(world.knot.values(f"_buildpro-mark.{name}", "TXT"))


def is_refused(world, host: str) -> bool:
	"""Whether the proxy closes the connection."""
	try:
		world.get(host)
	except OSError:
		return True
	return False


def leads_to(world, host: str) -> str:
	return world.get(host).headers.get("Location", "")


# -- made, and what comes with it ----------------------------------------------------------------------------------------


def test_a_tenant_has_its_padlock_though_its_worker_was_killed_in_each_step(bench, world, acme):
	assert in_dns(world, acme.site) == (["127.0.0.1"], 1)
	assert world.get(acme.site).json() == {"message": "pong"}
	row = world.names(acme.name)[acme.site]
	assert (row.state, row.is_failing, row.is_primary) == ("Live", 0, 1)
	assert drift(bench) == []


def test_a_customers_name_is_live_though_its_worker_is_killed_in_each_step(bench, world, acme, frappe):
	from buildpro_saas.domains.steps import names

	name = acme.add_domain(ERP)["domain"]
	frappe.db.commit()
	world.prove(acme.name, ERP)
	job = under_way(bench, name)
	steps = (
		names.LookAtDns,
		names.GetCertificate,
		names.PublishProxy,
		names.SeeName,
		names.PublishAgain,
		names.TellSite,
	)
	killed_after(bench, job, *steps)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	row = world.names(acme.name)[ERP]
	assert (row.state, row.is_failing) == ("Live", 0)
	assert leads_to(world, ERP).startswith(f"https://{acme.site}")
	of = {"folder": ERP, "status": ("!=", "Removed")}
	(certificate,) = frappe.get_all("Site Certificate", of, ["status", "failures"])
	assert (certificate.status, certificate.failures) == ("Valid", 0)
	orders = (world.nginx.places.store.parent / "acme").glob("*/history.jsonl")
	asked = "".join(file.read_text() for file in orders).splitlines()
	assert len([line for line in asked if ERP in line and '"order"' in line]) == 1, (
		"it was ordered more than once"
	)


def test_a_suspended_tenants_files_are_closed_and_its_challenges_are_not(bench, world, acme):
	files = bench.path / "sites" / acme.site / "public/files"
	files.mkdir(parents=True, exist_ok=True)
	(files / "open.txt").write_text("for everybody")
	challenge = world.nginx.places.challenges / "a-token"
	challenge.write_text("proof")
	assert world.get(acme.site, "/files/open.txt").text == "for everybody"
	acme.reload()
	acme.suspend("unpaid")
	settle(bench)
	closed = world.get(acme.site, "/files/open.txt", headers={"Accept": "text/html"})
	assert closed.status_code == 402 and "text/html" in closed.headers["Content-Type"]
	assert "for everybody" not in closed.text and "<html" in closed.text.lower()
	assert world.get(acme.site, "/.well-known/acme-challenge/a-token").text == "proof"
	acme.reload()
	acme.resume()
	settle(bench)
	assert world.get(acme.site, "/files/open.txt").text == "for everybody"
	challenge.unlink()


def test_the_proxy_follows_at_once_what_it_is_made_of(bench, world, acme, frappe):
	from buildpro_saas.domains import records

	def served() -> str:
		return "".join(file.read_text() for file in world.nginx.places.current.glob("*.conf"))

	with bench.edited("Bench", world.name) as doc:
		doc.trusted_balancers = "10.1.2.0/24"
		doc.public_addresses = "127.0.0.1 127.0.0.2"
	settle(bench)
	assert "10.1.2.0/24" in served()
	row = records.held(ERP) or records.get(acme.add_domain(ERP)["domain"])
	assert f"{ERP} A 127.0.0.2" in row.records, "the customer is not told to where his name has to lead now"
	with bench.edited("Bench", world.name) as doc:
		doc.trusted_balancers = ""
		doc.public_addresses = "127.0.0.1"
	settle(bench)
	assert "10.1.2.0/24" not in served()
	frappe.db.rollback()


# -- the DNS changed by hand ---------------------------------------------------------------------------------------------


def drift(bench, mended: bool = False) -> list[tuple[str, str]]:
	"""(subject, action) of what differs in the DNS, after a comparison; mended: as the scheduler does it."""
	from buildpro_saas.fleet import reconciliation

	bench.frappe.db.commit()
	rows = reconciliation.compare(bench.place(), is_mending=mended)
	return [(row.subject, row.action) for row in rows if row.kind.startswith("DNS")]


def newest(frappe, subject: str) -> str:
	"""The status of the newest finding of that subject."""
	frappe.db.commit()
	return frappe.db.get_value(
		"Drift Finding", {"subject": subject}, "status", order_by="creation desc, name desc"
	)


def seen_long_ago(frappe, subject: str) -> None:
	frappe.db.set_value(
		"Drift Finding", {"subject": subject}, "first_found", frappe.utils.now_datetime() - LONG_AGO
	)
	frappe.db.commit()


def test_a_record_that_somebody_took_away_is_made_again(bench, world, acme, frappe):
	subject = f"{acme.site} A 127.0.0.1"
	world.set_record(acme.site, "A", None)
	((found, action),) = drift(bench)
	assert found == subject and "made again" in action
	drift(bench, mended=True)
	assert in_dns(world, acme.site) == (["127.0.0.1"], 1)
	assert newest(frappe, subject) == "Resolved" and drift(bench) == []


def test_what_is_not_ours_is_told_and_never_touched(bench, world, acme, frappe):
	subject = f"{acme.site} A 127.0.0.1"
	world.set_record(acme.site, "A", BY_HAND)
	world.set_record(acme.site, "AAAA", "2001:db8::9")
	for _ in range(2):
		assert {found for found, _action in drift(bench, mended=True)} == {
			subject,
			f"{acme.site} AAAA 2001:db8::9",
		}
		assert in_dns(world, acme.site) == ([BY_HAND], 1)
	# a provider that is away closes nothing
	with bench.edited("DNS Provider", PROVIDER) as doc:
		doc.flags.ignore_validate = True
		server, doc.server = doc.server, "127.0.0.1:9"
	assert len(drift(bench)) == 2
	with bench.edited("DNS Provider", PROVIDER) as doc:
		doc.flags.ignore_validate = True
		doc.server = server
	no_rest(bench)
	world.set_record(acme.site, "A", None)
	world.set_record(acme.site, "AAAA", None)
	drift(bench, mended=True)
	assert in_dns(world, acme.site)[0] == ["127.0.0.1"] and drift(bench) == []
	assert newest(frappe, subject) == newest(frappe, f"{acme.site} AAAA 2001:db8::9") == "Resolved"


def no_rest(bench) -> None:
	"""Let the provider be asked again at once."""
	from buildpro_saas.fleet.dns_drift import REST

	bench.frappe.cache().delete_value(REST.format(bench.place()))


def test_a_record_of_which_nothing_is_on_record_is_spared(bench, world, acme, frappe):
	"""As after an admin site was restored from an older backup, which does not know its newest tenants."""
	from buildpro_saas.domains import issuing

	ghost, provider = f"ghost.{BASE}", world.knot.provider(BASE)
	provider.ensure(ghost, "A", ["127.0.0.1"], issuing.mark_of(world.name))
	((subject, action),) = drift(bench)
	assert subject == f"{ghost} A 127.0.0.1" and "may be a customer's" in action
	seen_long_ago(frappe, subject)
	drift(bench, mended=True)
	assert in_dns(world, ghost)[0] == ["127.0.0.1"]
	provider.withdraw(ghost, "A", issuing.mark_of(world.name))
	assert drift(bench) == [] and newest(frappe, subject) == "Resolved"


def test_names_go_over_to_the_wildcard_and_back(bench, world, acme, frappe):
	from buildpro_saas.domains import issuing

	subject = f"{acme.site} A 127.0.0.1"
	frappe.db.set_single_value("SaaS Settings", "dns_records", "Wildcard")
	assert dict(drift(bench)).keys() == {f"*.{BASE} A 127.0.0.1", subject}
	drift(bench, mended=True)
	assert in_dns(world, f"anything.{BASE}")[0] == ["127.0.0.1"]
	assert in_dns(world, acme.site) == (["127.0.0.1"], 1), "it has to be seen for an hour"
	drift(bench)
	seen_long_ago(frappe, subject)
	drift(bench, mended=True)
	assert newest(frappe, subject) == "Removed" and in_dns(world, acme.site) == (["127.0.0.1"], 0)
	# what is below a name keeps the wildcard from it
	world.set_record(f"x.{acme.site}", "TXT", '"anything"')
	((found, action),) = drift(bench, mended=True)
	assert found == acme.site and "A record a tenant" in action
	world.set_record(f"x.{acme.site}", "TXT", None)
	frappe.db.set_single_value("SaaS Settings", "dns_records", "A record a tenant")
	assert {subject, f"*.{BASE} A 127.0.0.1"} == dict(drift(bench)).keys()
	drift(bench, mended=True)
	assert in_dns(world, acme.site) == (["127.0.0.1"], 1)
	((found, action),) = drift(bench)
	assert "names without a record of their own" in action
	world.knot.provider(BASE).withdraw(f"*.{BASE}", "A", issuing.mark_of(world.name))
	assert drift(bench) == []


# -- two hands, old records, clocks --------------------------------------------------------------------------------------


def test_two_names_are_made_primary_at_once_and_one_is(bench, world, acme, erp, frappe):
	"""The second one's transaction began before the first one's commit, and does not see it but by waiting for its rows."""
	from buildpro_saas.domains import flow, records

	own, site, began, done = (
		records.own_of(acme.name).name,
		frappe.local.site,
		threading.Event(),
		threading.Event(),
	)

	def second() -> None:
		frappe.init(site=site, sites_path=".")
		frappe.connect()
		try:
			records.of_tenant(acme.name)
			began.set()
			done.wait(60)
			flow.make_primary(own)
			frappe.db.commit()
		finally:
			frappe.destroy()

	thread = threading.Thread(target=second)
	thread.start()
	assert began.wait(60)
	flow.make_primary(erp)
	frappe.db.commit()
	done.set()
	thread.join(120)
	assert {host: row.is_primary for host, row in world.names(acme.name).items()} == {acme.site: 1, ERP: 0}
	settle(bench)
	assert world.get(acme.site).status_code == 200


def test_a_name_that_the_records_of_a_backup_have_and_another_has_by_now(bench, world, acme, erp, frappe):
	"""The admin site was made again of a backup. The name's owner has given it to another tenant since: nobody is shown the wrong site."""
	from buildpro_saas.domains import flow, ownership, publishing, records
	from buildpro_saas.fleet import admin_recovery

	row = records.get(erp)
	world.set_record(row.token_name, "TXT", ownership.token(b"0123456789abcdef", "another", ERP))
	admin_recovery.note_recovered("no-backup-of-that-id", "2026-01-01T00:00:00+00:00", {}, False)
	publishing.want(world.name)
	frappe.db.commit()
	of = {"playbook": publishing.PLAYBOOK, "status": ("in", ("Waiting", "Queued"))}
	(job,) = frappe.get_all("Provisioning Job", of, pluck="name")
	assert run(bench, job) == "Waiting" and not is_refused(world, ERP), (
		"what is served has changed before the look"
	)
	flow.look_now(erp)
	assert run(bench, under_way(bench, erp)) == "Completed"
	settle(bench)
	row = records.get(erp)
	assert (row.state, row.is_failing) == ("Waiting for DNS", 0) and "another" in row.says
	assert is_refused(world, ERP) and world.get(acme.site).status_code == 200
	with pytest.raises(frappe.DuplicateEntryError):
		claim_for_another(ERP)
	world.prove(acme.name, ERP)
	flow.look_now(erp)
	settle(bench)
	assert records.get(erp).state == "Live" and not is_refused(world, ERP)


def claim_for_another(host: str) -> None:
	from buildpro_saas.domains import claims

	claims.check_free(host, "another-tenant")


def test_a_name_is_looked_at_again_where_a_clock_has_run_ahead(bench, acme, erp, frappe):
	from buildpro_saas.domains import flow, records

	now = frappe.utils.now_datetime()
	for ahead, is_due in ((timedelta(days=400), True), (timedelta(days=2), False)):
		records.change(erp, next_check=now + ahead)
		frappe.db.commit()
		flow.start_due_looks()
		frappe.db.commit()
		assert (records.get(erp).next_check < now + timedelta(hours=1)) is is_due
	settle(bench)


def test_a_subdomain_that_is_on_record_as_anothers_name_is_given_to_nobody(bench, acme, frappe):
	"""A domain becomes a base domain after a customer has brought a name below it."""
	from buildpro_saas.domains import own_names, records

	records.make(
		host=f"taken.{BASE}",
		shown="",
		tenant=acme.name,
		bench=acme.bench,
		kind=records.CUSTOMERS,
		state=records.WAITING,
	)
	with pytest.raises(frappe.DuplicateEntryError, match=f"on record as a host name of {acme.name}"):
		bench.new_tenant("taken", plan="Core")
	acme.reload()
	with pytest.raises(frappe.DuplicateEntryError, match="use another subdomain"):
		acme.rename_site("taken")
	assert own_names.taken_by("another", f"taken.{BASE}") == acme.name
	frappe.db.rollback()


def test_names_that_the_service_has_itself_are_brought_by_nobody(bench, world, acme, frappe, monkeypatch):
	from buildpro_saas.domains import claims

	monkeypatch.setitem(frappe.local.conf, "host_name", "https://admin.operator.test")
	frappe.db.set_value("Bench", world.name, "cname_target", "edge.operator.test")
	frappe.db.set_value("Tenant", acme.name, "site", "taken-over.operator.test")
	try:
		for host in ("admin.operator.test", "edge.operator.test", "taken-over.operator.test"):
			with pytest.raises(frappe.ValidationError, match="uses itself"):
				claims.check_free(host, "another-tenant")
		for host in (BASE, f"www.{BASE}", f"{acme.name}.{BASE}"):
			with pytest.raises(frappe.ValidationError, match="own domain"):
				claims.check_free(host, "another-tenant")
	finally:
		frappe.db.rollback()


def test_doctor_says_what_names_lack(bench, world, acme, frappe, bench_command):
	from buildpro_saas.fleet import bench_proxy

	assert bench_proxy.complaints(world.name) == []
	file = world.nginx.places.settings
	away = file.with_name("settings.away")
	file.rename(away)
	try:
		frappe.db.set_single_value("SaaS Settings", "dns_provider", None)
		frappe.db.commit()
		told = bench_command("--site", frappe.local.site, "saas", "doctor").stdout
		assert (
			f"Bench {world.name}: By its record nginx serves its names, and `saas setup-proxy` was never run"
			in told
		)
		assert f"SaaS Settings name no DNS provider: records below {BASE} are made by hand" in told
	finally:
		away.rename(file)
		frappe.db.set_single_value("SaaS Settings", "dns_provider", PROVIDER)
		frappe.db.commit()


# -- renamed, away and back, gone ----------------------------------------------------------------------------------------


def test_the_new_name_and_the_former_one_though_the_worker_is_killed(bench, world, acme, erp, frappe):
	from buildpro_saas.domains import own_names
	from buildpro_saas.domains.steps.tenant import CheckAddress, GetOwnCertificate, LeadNameHere, PublishOwn

	acme.reload()
	was, new = acme.site, f"{acme.name}-two"
	job = acme.rename_site(new)["job"]
	bench.tenants.append(new)
	frappe.db.commit()
	queued_again(bench, job)
	killed_after(bench, job, LeadNameHere, GetOwnCertificate, PublishOwn, CheckAddress)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	settle(bench)
	renamed = frappe.get_doc("Tenant", new)
	assert world.get(renamed.site).status_code == 200
	assert leads_to(world, was).startswith(f"https://{renamed.site}")
	assert leads_to(world, ERP).startswith(f"https://{renamed.site}")
	assert in_dns(world, was) == in_dns(world, renamed.site) == (["127.0.0.1"], 1)
	assert drift(bench) == [], "the former name's record is needed"
	# its time is over
	former = frappe.get_all("Former Name", {"tenant": new}, pluck="name")[0]
	frappe.get_doc("Former Name", former).free_now()
	subject = f"{was} A 127.0.0.1"
	assert [found for found, _action in drift(bench)] == [subject]
	folder = bench.path / "sites" / was
	folder.mkdir()
	(folder / "site_config.json").write_text("{}")
	own_names.withdraw_left()
	assert in_dns(world, was)[0] == ["127.0.0.1"], "a site of that name is there"
	shutil.rmtree(folder)
	own_names.withdraw_left()
	assert in_dns(world, was) == ([], 0)
	assert drift(bench) == [] and newest(frappe, subject) == "Resolved"
	acme.name = new
	acme.reload()


def test_an_archived_tenants_names_stay_its_own_and_come_back(bench, world, acme, erp, frappe):
	from buildpro_saas.domains.steps import tenant as steps

	tenant = frappe.get_doc("Tenant", acme.name)
	job = queued_again(bench, tenant.archive(tenant.subdomain, "a test")["job"])
	killed_after(bench, job, steps.WithdrawName)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	settle(bench)
	assert in_dns(world, acme.site) == ([], 0)
	assert is_refused(world, acme.site) and is_refused(world, ERP)
	assert world.names(acme.name).keys() == {acme.site, ERP} and drift(bench) == []
	with pytest.raises(frappe.DuplicateEntryError):
		claim_for_another(ERP)
	tenant.reload()
	job = queued_again(bench, tenant.unarchive()["job"])
	killed_after(
		bench, job, steps.LeadNameHere, steps.GetOwnCertificate, steps.PublishOwn, steps.CheckAddress
	)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	settle(bench)
	assert in_dns(world, acme.site) == (["127.0.0.1"], 1)
	assert world.get(acme.site).status_code == 200 and leads_to(world, ERP).startswith(f"https://{acme.site}")
	assert world.names(acme.name)[acme.site].state == "Live" and drift(bench) == []


def test_a_removed_name_is_gone_though_its_worker_is_killed_in_each_step(bench, world, acme, erp, frappe):
	from buildpro_saas.domains import changes
	from buildpro_saas.domains.steps import names

	job = changes.remove(erp)
	frappe.db.commit()
	queued_again(bench, job)
	killed_after(bench, job, names.PublishProxy, names.ForgetName, names.TellSite)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	assert is_refused(world, ERP) and not (world.nginx.places.store / ERP).exists()
	assert ERP not in world.names(acme.name)
	assert frappe.get_all("Site Certificate", {"folder": ERP}, pluck="status") == ["Removed"]


def test_a_removed_tenant_leaves_no_name_record_or_certificate(bench, world, acme, erp, frappe):
	"""Its worker is killed between the moment in which a name is free and that in which its record and certificate go."""
	from buildpro_saas.domains import records
	from buildpro_saas.domains.steps.tenant import DropNames

	tenant = frappe.get_doc("Tenant", acme.name)
	job = queued_again(bench, tenant.remove_site(tenant.subdomain, "left us")["job"])
	run_and_die(bench, job, [(records, "held")])
	killed_after(bench, job, DropNames)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	settle(bench)
	assert in_dns(world, acme.site) == ([], 0)
	assert is_refused(world, acme.site) and is_refused(world, ERP)
	assert world.names(acme.name) == {} and not (world.nginx.places.store / ERP).exists()
	assert drift(bench) == []
