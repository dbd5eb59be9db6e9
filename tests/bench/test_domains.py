"""Host names from a record to a padlock: a new tenant, a customer's own name, and two who want one name."""

import json
import os
import threading

import pytest
import requests
from domains_world import BASE, CUSTOMER, SECONDS, TARGET, World

ERP, OTHER, OWNERS = (f"{label}.{CUSTOMER}" for label in ("erp", "other", "www"))


@pytest.fixture(scope="module")
def world(module_bench, tmp_path_factory):
	world = World(module_bench, tmp_path_factory.mktemp("domains"))
	try:
		world.start()
		yield world
	finally:
		world.end()


@pytest.fixture(scope="module")
def acme(module_bench, world):
	return module_bench.active_tenant()


def test_a_new_tenant_answers_over_tls_by_itself(module_bench, world, acme):
	"""Nobody has touched DNS, an authority or nginx."""
	assert acme.site == f"{acme.name}.{BASE}"
	answer = world.get(acme.site)
	assert answer.status_code == 200 and answer.json() == {"message": "pong"}
	row = world.names(acme.name)[acme.site]
	assert (row.state, row.is_failing, row.is_primary) == ("Live", 0, 1)
	assert world.knot.ask(acme.site, "A").answer, "the DNS has no record of it"
	assert module_bench.on_site(acme.name, "frappe.utils.get_url") == f"https://{acme.site}:{world.https}"
	titles = [step.title for step in module_bench.job(acme.name).steps]
	assert {"Make DNS record", "Get certificate", "Publish in proxy", "Check its address"} <= set(titles)
	with pytest.raises(OSError):
		world.get(f"nobody.{CUSTOMER}")


def test_a_customers_name_waits_for_its_proof_and_comes_to_life(module_bench, world, acme):
	made = acme.add_domain(ERP)
	module_bench.frappe.db.commit()
	assert ["CNAME", ERP, TARGET] in made["records"]
	world.wait_for(acme.name, ERP, lambda row: row.checked_at)
	row = world.names(acme.name)[ERP]
	assert row.state == "Waiting for DNS" and row.token in row.says
	assert not module_bench.frappe.get_all("Site Certificate", {"folder": ERP}), "an authority was asked"
	world.prove(acme.name, ERP)
	from buildpro_saas.domains import changes

	changes.check(row.name)
	module_bench.frappe.db.commit()
	world.wait_live(acme.name, ERP)
	answer = world.get(ERP)
	assert answer.status_code in (301, 302, 307, 308)
	assert answer.headers["Location"].startswith(f"https://{acme.site}")


def test_the_primary_name_is_where_all_leads_and_gives_way_when_it_fails(module_bench, world, acme):
	from buildpro_saas.domains import changes, flow

	frappe = module_bench.frappe
	name = world.names(acme.name)[ERP].name
	changes.make_primary(name)
	frappe.db.commit()
	url = f"https://{ERP}:{world.https}"
	module_bench.wait_for(lambda: module_bench.on_site(acme.name, "frappe.utils.get_url") == url, SECONDS)
	module_bench.wait_for(lambda: world.get(ERP).status_code == 200, SECONDS)
	assert world.get(acme.site).headers["Location"].startswith(f"https://{ERP}")
	# the customer takes the way here out of the DNS
	world.set_record(ERP, "CNAME", None)
	frappe.db.set_value("Site Domain", name, "next_check", frappe.utils.now_datetime())
	frappe.db.commit()
	flow.start_due_looks()
	world.wait_for(acme.name, ERP, lambda row: row.is_failing)
	module_bench.wait_for(lambda: world.get(acme.site).status_code == 200, SECONDS)
	own = f"https://{acme.site}:{world.https}"
	module_bench.wait_for(lambda: module_bench.on_site(acme.name, "frappe.utils.get_url") == own, SECONDS)
	# and sets it again
	world.set_record(ERP, "CNAME", f"{TARGET}.")
	changes.check(name)
	frappe.db.commit()
	world.wait_live(acme.name, ERP)
	module_bench.wait_for(lambda: module_bench.on_site(acme.name, "frappe.utils.get_url") == url, SECONDS)


def test_two_tenants_claim_one_name_in_the_same_second(module_bench, world, acme):
	"""One gets it, the other a sentence; and nobody gets it while it dangles."""
	frappe = module_bench.frappe
	rival = frappe.get_doc({**acme.as_dict(), "name": "rival", "subdomain": "rival", "site": f"rival.{BASE}"})
	rival.db_insert()
	frappe.db.commit()
	site, said, start = frappe.local.site, [], threading.Barrier(2)

	def claim(tenant: str) -> None:
		frappe.init(site=site, sites_path=".")
		frappe.connect()
		try:
			doc = frappe.get_doc("Tenant", tenant)
			start.wait(30)
			doc.add_domain(OTHER)
			frappe.db.commit()
			said.append((tenant, ""))
		except frappe.DuplicateEntryError as error:
			frappe.db.rollback()
			said.append((tenant, str(error)))
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=claim, args=(each,)) for each in (acme.name, "rival")]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(60)
	try:
		assert sorted(bool(sentence) for _tenant, sentence in said) == [False, True], said
		assert "in use here already" in next(sentence for _tenant, sentence in said if sentence)
		frappe.db.commit()
		assert frappe.db.count("Site Domain", {"claim": OTHER}) == 1
	finally:
		frappe.db.rollback()
		frappe.db.delete("Site Domain", {"tenant": "rival"})
		frappe.db.delete("Provisioning Job", {"tenant": "rival"})
		frappe.db.delete("Tenant", {"name": "rival"})
		frappe.db.commit()


@pytest.mark.parametrize(
	("host", "why"),
	[
		(BASE, "own domain"),
		(f"www.{BASE}", "own domain"),
		("acme.localhost", "localhost"),
		("https://erp.customer.test/", "link"),
		("192.0.2.1", "address"),
	],
)
def test_names_that_nobody_brings(module_bench, acme, host, why):
	frappe = module_bench.frappe
	with pytest.raises(frappe.ValidationError, match=why):
		acme.add_domain(host)
	frappe.db.rollback()


def test_a_removed_name_leads_nowhere_and_is_free(module_bench, world, acme):
	from buildpro_saas.domains import changes

	frappe = module_bench.frappe
	changes.remove(world.names(acme.name)[ERP].name)
	frappe.db.commit()
	own = f"https://{acme.site}:{world.https}"
	module_bench.wait_for(lambda: module_bench.on_site(acme.name, "frappe.utils.get_url") == own, SECONDS)
	module_bench.wait_for(lambda: not (world.nginx.places.store / ERP).exists(), SECONDS)
	assert world.get(acme.site).status_code == 200
	with pytest.raises(OSError):
		world.get(ERP)
	assert ERP not in world.names(acme.name)


def test_the_owner_brings_a_name_where_the_plan_lets_him(module_bench, world, acme):
	"""On his own site, through the admin site's API with his site's token."""
	key = module_bench.on_site(acme.name, "on_tenant_limits.api_key")
	url = f"http://127.0.0.1:{module_bench.services.port('web')}/api/method/buildpro_saas.tenant_site.own_domains"
	headers = {"Host": acme.site, "Accept": "application/json", "Authorization": f"token {key}"}

	def ask(what: str, host: str) -> requests.Response:
		return requests.post(f"{url}.ask", json={"what": what, "host": host}, headers=headers, timeout=60)

	def shown() -> dict:
		answer = requests.get(f"{url}.progress", headers=headers, timeout=60)
		assert answer.status_code == 200, answer.text
		return answer.json().get("message")

	def done(what: str, host: str) -> dict:
		answer = ask(what, host)
		assert answer.status_code == 200, answer.text
		module_bench.wait_for(lambda: not shown()["is_under_way"], SECONDS)
		return shown()

	refused = ask("add", OWNERS)
	assert refused.status_code == 417 and "no domain of your own" in refused.text
	granted = {"kind": "Feature", "feature": "custom_domain", "access": "Grant", "reason": "x"}
	with module_bench.edited("Tenant", acme.name) as doc:
		doc.set("overrides", [granted])
	module_bench.wait_for(lambda: (shown() or {}).get("may_change"), SECONDS)
	found = {each["host"]: each for each in done("add", OWNERS)["names"]}
	assert found[acme.site]["state"] == "Live"
	assert ["CNAME", OWNERS, TARGET] in found[OWNERS]["records"]
	assert found[OWNERS]["records"][0][0] == "TXT"
	# another's name, and one of the service's own, get a sentence and nothing else
	assert "own domain" in done("add", f"www.{BASE}")["sentence"]
	for headers["Authorization"] in (
		"",
		f"token {module_bench.on_site(acme.name, 'on_tenant_export.clerk')}",
	):
		assert ask("remove", OWNERS).status_code == 403
	headers["Authorization"] = f"token {key}"
	after = done("remove", OWNERS)
	assert OWNERS not in {each["host"] for each in after["names"]}


def test_the_shell_does_what_desk_does(module_bench, world, acme, bench_command):
	shop, wildcard = f"shop.{CUSTOMER}", f"wildcard.{BASE}"

	def saas(*words: str, is_refused: bool = False):
		done = bench_command("--site", module_bench.frappe.local.site, "saas", *words)
		assert done.returncode == int(is_refused), done.stdout + done.stderr
		assert "Traceback" not in done.stderr
		return done

	def told(*words: str, **how):
		return json.loads(saas(*words, "--json", **how).stdout)

	assert ["CNAME", shop, TARGET] in told("domains", "add", acme.name, shop)["records"]
	assert {row["host"] for row in told("domains", "list", acme.name)} >= {acme.site, shop}
	walked = told("domains", "check", acme.name, is_refused=True)
	assert all(stage["is_ok"] for stage in walked[acme.site]) and not walked[shop][0]["is_ok"]
	primary = saas("domains", "primary", acme.name, shop, is_refused=True)
	assert "does not answer yet" in primary.stderr
	assert told("domains", "remove", acme.name, shop, "--wait")["status"] == "Completed"

	def serial() -> str:
		module_bench.frappe.db.commit()
		return module_bench.frappe.db.get_value("Site Certificate", {"folder": wildcard}, "serial")

	before = serial()
	assert told("certificates", "renew", wildcard, "--wait")["status"] == "Completed"
	assert serial() != before
	(row,) = (row for row in told("certificates") if row["folder"] == wildcard)
	assert row["status"] == "Valid" and row["method"] == "DNS-01"
	assert "serves its configuration" in saas("proxy", "reload").stdout


def test_the_proxy_and_certificates_are_seen_to_over_http(module_bench, world, acme):
	frappe, session = module_bench.frappe, requests.Session()
	url = f"http://127.0.0.1:{module_bench.services.port('web')}/api/method"
	session.headers["Host"] = frappe.local.site
	who = {"usr": "Administrator", "pwd": os.environ["BUILDPRO_ADMIN_PASSWORD"]}
	assert session.post(f"{url}/login", data=who, timeout=60).status_code == 200

	def ask(method: str, what: str, **given):
		kind = "params" if method == "GET" else "data"
		answer = session.request(method, f"{url}/buildpro_saas.api.{what}", **{kind: given}, timeout=120)
		assert answer.status_code == 200, answer.text
		return answer.json()["message"]

	of_bench = {"bench": world.name}
	state = ask("GET", "proxy.state", **of_bench)
	assert state["is_running"] and state["mode"] == "own" and not state["problem"]
	assert any(BASE in text for text in ask("GET", "proxy.files", **of_bench).values())
	assert "takes" in ask("POST", "proxy.test", **of_bench)["sentence"]
	assert "serves" in ask("POST", "proxy.reload", **of_bench)["sentence"]
	assert world.get(acme.site).status_code == 200
	assert f"wildcard.{BASE}" in {row["folder"] for row in ask("GET", "domains.certificates")}


def test_another_subdomain_has_its_padlock_and_the_former_one_leads_there(module_bench, world, acme):
	frappe = module_bench.frappe
	was, new = acme.site, f"{acme.name}-two"
	job = frappe.get_doc("Tenant", acme.name).rename_site(new)["job"]
	module_bench.tenants.append(new)
	frappe.db.commit()
	module_bench.wait_for_end(job)
	now = f"{new}.{BASE}"
	assert world.get(now).status_code == 200
	assert world.get(was).headers["Location"].startswith(f"https://{now}")
	assert now in world.names(new) and was not in world.names(new)
	assert module_bench.on_site(new, "frappe.utils.get_url") == f"https://{now}:{world.https}"
