"""Every entrance over HTTP that the app opens, with an example of what it is given; and values of any kind to give instead.

test_every_entrance.py compares the examples with what Frappe has on its list, so that a new entrance without an example is seen.
"""

import importlib
import json
from pathlib import Path

import requests
from hypothesis import strategies as st

TENANT = "fuzz-away"
PLAN, FEATURE, ADDON, BENCH = "Fuzz Plan", "fuzz_feature", "Fuzz Add-on", "fuzz-elsewhere"
DEEP = "[" * 100_000  # deeper than Python's reader of JSON can follow
NASTY = [
	*(
		"\ud800",
		"a\udfffb",
		"Ac\u202eme",
		"a\0b",
		"\ufeff",
		"0001-01-01",
		"9999-12-31 23:59:59",
		"2026-13-45",
		"2026-12-31T00:00Z",
	),
	*(
		"' or 1=1 -- ",
		"{{ 7*7 }}",
		"%s %(x)s",
		"../../../etc/passwd",
		"<img src=x onerror=alert(1)>",
		"x" * 300,
		"y" * 70_000,
		"[" * 100_000,
		DEEP,
	),
	*(
		10**30,
		-(10**30),
		2**31,
		1e308,
		float("nan"),
		float("inf"),
		-1,
		0,
		True,
		[],
		{},
		[None],
		[[]],
		[{}],
		{"a": {"b": []}},
		"",
	),
	*(
		TENANT,
		PLAN,
		FEATURE,
		ADDON,
		BENCH,
		"Core",
		"max_users",
		"Limit",
		"Feature",
		"admin@example.com",
		"acme",
	),
]
values = st.one_of(
	st.sampled_from(NASTY),
	st.recursive(
		st.none()
		| st.booleans()
		| st.integers()
		| st.floats()
		| st.text(st.characters(exclude_categories=()), max_size=20),
		lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
		max_leaves=5,
	),
)
# The records that a test changes and whose buttons it presses; of the others it makes none that a caller could reach.
RECORDS = {
	"Tenant": TENANT,
	"Plan": PLAN,
	"Feature": FEATURE,
	"Add-on": ADDON,
	"Bench": BENCH,
	"SaaS Settings": "SaaS Settings",
	"Kill Switch": "fuzz-switch",
	"Provisioning Job": "fuzz-job",
	"Site Image": "fuzz-image",
	"Drift Finding": "fuzz-finding",
	"Batch": "fuzz-batch",
	"Site Shadow": "fuzz-shadow",
	"Backup": "fuzz-backup",
	"Backup Store": "fuzz-store",
	"Former Name": "fuzz-former",
	"Site Intake": "fuzz-intake",
	"Site Domain": "fuzz-domain",
	"Site Certificate": "fuzz-certificate",
	"Metric Series": "fuzz-series",
	"DNS Provider": "fuzz-provider",
	"Monitoring Alert": "fuzz-alert",
}
# The app itself makes them and writes them; a caller gets a refusal, whatever comes.
WRITTEN_BY_THE_APP = (
	"Provisioning Job",
	"Site Image",
	"Drift Finding",
	"Batch",
	"Site Shadow",
	"Backup",
	"Backup Store",
	"Former Name",
	"Site Domain",
	"Site Certificate",
	"Monitoring Alert",
	"Metric Series",
)
# Without what fills the other fields, the first one that is missing would be all that is ever said.
COMPLETE = {
	"Tenant": {
		**{
			"subdomain": "fuzz-new",
			"company": "Fuzz Ltd",
			"owner_name": "Olga",
			"owner_email": "o@fuzz.example",
		},
		**{"plan": PLAN, "bench": BENCH, "country": "Germany"},
	},
	"Plan": {"plan_name": "Fuzz New"},
	"Feature": {"key": "fuzz_new", "label": "Fuzz"},
	"Add-on": {"addon_name": "Fuzz New", "features": [{"feature": FEATURE}]},
	"Bench": {"bench_name": "fuzz-new"},
	"Kill Switch": {"feature": FEATURE, "reason": "fuzz"},
	"Site Intake": {"source": "Site of a Bench", "site": "no.such.site", "plan": PLAN},
	# a port where nobody answers, at once
	"DNS Provider": {
		**{"provider_name": "fuzz-new", "kind": "rfc2136", "zones": "fuzz.example", "server": "127.0.0.1:1"},
		**{"key_name": "fuzz", "credentials": "ZnV6enl6enl6enl6enl6eg=="},
	},
}
OF_TENANT, OF_BATCH = {"tenant": TENANT}, {"batch": "fuzz-batch"}
OF_SITES = {"tenants": [TENANT]}  # by its name alone: a plan, status or bench would meet other tenants
WHY = {**OF_TENANT, "reason": "fuzz"}
ROWS_OF_PLAN = {"features": [], "limits": [], "includes": None}
CHANGE_OF_PLAN = {"plan": PLAN, "at": None, "trial_until": None, "then": None}
TAKEN_IN = {
	**{"plan": PLAN, "site": "no.such.site", "files": None, "bench": BENCH},
	**dict.fromkeys(("in_place", "maintenance", "pause_scheduler", "without_key"), 0),
}
PEOPLE = {"company": "Fuzz Ltd", "owner_name": "Olga", "owner_email": "o@fuzz.example"}
SEARCH = {"doctype": "User", "txt": "a", "page_length": 5, "filters": {}, "searchfield": None}
# {function: its arguments}
ENDPOINTS = {
	f"buildpro_saas.{name}": example
	for name, example in {
		"api.tenants.create": COMPLETE["Tenant"],
		"api.tenants.region": {"country": "Germany"},
		"api.tenants.status": OF_TENANT,
		"api.tenants.owner_link": OF_TENANT,
		"api.tenants.set_plan": {**OF_TENANT, **CHANGE_OF_PLAN},
		"api.tenants.adopt": {"site": f"{TENANT}.localhost", "plan": PLAN},
		# a site or folder that could be one would be read
		"api.tenants.look_at_site": {**TAKEN_IN, "subdomain": "fuzz-new"},
		"api.tenants.looked_at": {"intake": "fuzz-intake"},
		"api.tenants.take_in": {"intake": "fuzz-intake", **PEOPLE},
		"api.tenants.list_customisations": OF_TENANT,
		"api.tenants.clone": {**OF_TENANT, "subdomain": "fuzz-new", "days": 1, "is_silenced": 1},
		"api.tenants.keep_clone": {**OF_TENANT, "days": 1},
		"api.tenants.copy_site": {**OF_TENANT, "why": "fuzz", "hours": 1},
		"api.tenants.swap_back": {**OF_TENANT, "confirm": TENANT, "shadow": "fuzz-shadow"},
		"api.tenants.back_up": {**OF_TENANT, "why": "fuzz"},
		"api.tenants.backups": OF_TENANT,
		"api.tenants.recoverable_moments": OF_TENANT,
		"api.admin_site.back_up": {"why": "fuzz"},
		"api.admin_site.backups": {},
		"api.admin_site.drill": {},
		# a folder that could be one would be read
		"api.tenants.restore": {
			**{**OF_TENANT, "files": "fuzz", "confirm": TENANT},
			**{"from_tenant": None, "without_key": 0, "backup": None, "to": None},
		},
		"api.domains.of_tenant": OF_TENANT,
		"api.domains.add": {**OF_TENANT, "host": "erp.fuzz.example", "serves": 0},
		"api.domains.check": {**OF_TENANT, "host": "erp.fuzz.example"},
		"api.domains.make_primary": {**OF_TENANT, "host": "erp.fuzz.example"},
		"api.domains.remove": {**OF_TENANT, "host": "erp.fuzz.example"},
		"api.domains.certificates": {},
		"api.domains.renew": {"certificate": "fuzz-certificate"},
		"api.domains.ask": {
			**OF_TENANT,
			"user": "fuzz@example.com",
			"what": "add",
			"host": "erp.fuzz.example",
		},
		"api.tenant_life.rename": {**OF_TENANT, "subdomain": "fuzz-renamed"},
		"api.tenant_life.archive": {**WHY, "confirm": "fuzz", "without_site": "fuzz"},
		"api.tenant_life.unarchive": {**OF_TENANT, "backup": "fuzz-backup"},
		"api.tenant_life.remove": {**WHY, "confirm": "fuzz", "without_site": "fuzz"},
		"api.tenants.suspend": WHY,
		"api.tenants.mark_past_due": WHY,
		"api.tenants.resume": WHY,
		"api.plans.preview_changes": {"plan": PLAN, **ROWS_OF_PLAN},
		"api.sites.overview": OF_SITES,
		"api.sites.preview": OF_SITES,
		"api.sites.clear_cache": {**OF_SITES, "width": 1},
		"api.sites.migrate": {**OF_SITES, "stop_after": 1, "tag": "fuzz", "in_place": 0},
		"api.sites.rehearse": OF_SITES,
		"api.sites.drill": OF_SITES,
		"api.sites.back_up": {**OF_SITES, "why": "fuzz"},
		"api.sites.restore_lost": OF_SITES,
		"api.sites.maintenance": {**OF_SITES, "is_on": 1, "message": "fuzz"},
		"api.sites.scheduler": {**OF_SITES, "is_paused": 1, "message": "fuzz"},
		"api.sites.run_function": {**OF_SITES, "method": "frappe.ping", "args": "{}"},
		# a bench that there is would be refreshed
		"api.refreshes.start": {
			**{"bench": BENCH, "site": f"{TENANT}.localhost", "has_backup": 1, "has_pull": 1},
			**{"canaries": 2, "stop_after": 1},
		},
		"api.refreshes.report": {"job": "PJ-00000"},
		# a bench that there is has an nginx that would be reloaded
		**{f"api.proxy.{what}": {"bench": BENCH} for what in ("state", "files", "test", "reload")},
		"api.diagnosis.diagnose": OF_TENANT,
		"api.diagnosis.slow": OF_TENANT,
		"api.diagnosis.disk_usage": {"bench": BENCH},
		"api.diagnosis.end_statement": {**OF_TENANT, "connection": 1, "why": "fuzz", "whole": 0},
		"api.diagnosis.end_job": {**OF_TENANT, "job": "fuzz::1", "why": "fuzz"},
		# a bench that there is would be looked at for seconds
		"api.security.report": {"bench": BENCH},
		"api.alerts.report": {"with_closed": 0},
		"api.alerts.acknowledge": {"alert": "fuzz-alert"},
		"api.alerts.silence": {"alert": "fuzz-alert", "reason": "fuzz", "hours": 1},
		"api.metrics.prometheus": {},
		"api.batches.status": OF_BATCH,
		"api.batches.pause": OF_BATCH,
		"api.batches.resume": OF_BATCH,
		"api.batches.retry_failed": OF_BATCH,
		"api.batches.leave_out": {**OF_BATCH, "tenants": [TENANT]},
		"api.batches.cancel": OF_BATCH,
		"api.feature_gating.check_feature_access": {"feature": FEATURE, **OF_TENANT},
		"api.entitlements.pull": {**OF_TENANT, "sequence": 0, "keys": [], "usage_batch": {}},
		"api.exports.ask": {**OF_TENANT, "user": "fuzz@example.com"},
		# a plan that there is would be built
		"api.images.build": {"plan": "No Such Plan", "bench": BENCH},
		"tenant_site.data_export.ask": {},
		"tenant_site.data_export.progress": {},
		"tenant_site.data_export.download": {"export": "fuzz", "file": "fuzz.tar"},
		"tenant_site.own_domains.ask": {"what": "add", "host": "erp.fuzz.example"},
		"tenant_site.own_domains.progress": {},
		"tenant_site.identity.prove": {"nonce": "n", "question": "q"},
		"tenant_site.search.search": {"text": "acme", "start": 0, "limit": 5, "doctype": "ToDo"},
		"tenant_site.search.search_link": {
			**SEARCH,
			"ignore_user_permissions": 0,
			"reference_doctype": "ToDo",
		},
		"tenant_site.search.search_widget": {**SEARCH, "query": None, "start": 0, "as_dict": 1},
		"tenant_site.workspaces.get_workspace_sidebar_items": {},
		"tenant_site.workspaces.get_desktop_page": {"page": json.dumps({"name": "Home", "title": "Home"})},
	}.items()
}
# the last word of those that are asked with GET
READ = (
	"status",
	"region",
	"prove",
	"backups",
	"recoverable_moments",
	"progress",
	"download",
	"report",
	"of_tenant",
	"diagnose",
	"slow",
	"disk_usage",
	"prometheus",
)
# Those that do more on a tenant's site than refuse.
ON_TENANTS = tuple(
	name for name in ENDPOINTS if ".tenant_site." in name or name.endswith("check_feature_access")
)
GUESTS = tuple(
	f"buildpro_saas.{name}"
	for name in (
		*("api.feature_gating.check_feature_access", "api.entitlements.pull", "api.exports.ask"),
		*("api.domains.ask", "api.metrics.prometheus"),
	)
)
# {doctype: {method of its documents: its arguments}}
BUTTONS = {
	"Tenant": {
		"provision": (),
		"owner_link": (),
		"set_plan": tuple(CHANGE_OF_PLAN),
		"copy_site": ("why", "hours"),
		"swap_back": ("confirm", "shadow"),
		"back_up": ("why",),
		"rename_site": ("subdomain",),
		"archive": ("confirm", "reason", "without_site"),
		"unarchive": ("backup",),
		"remove_site": ("confirm", "reason", "without_site"),
		"add_domain": ("host", "serves"),
		"restore": ("files", "confirm", "from_tenant", "without_key", "backup", "to"),
		"list_customisations": (),
		"clone": ("subdomain", "days", "is_silenced"),
		"keep_clone": ("days",),
		"suspend": ("reason",),
		"mark_past_due": ("reason",),
		"resume": ("reason",),
	},
	"Plan": {"preview_changes": tuple(ROWS_OF_PLAN)},
	"Bench": {"refresh_facts": ()},
	"Kill Switch": {"lift": ()},
	"Provisioning Job": {"retry": (), "cancel_job": ()},
	"Site Image": {"rebuild": (), "prune": ()},
	"Drift Finding": {"ignore": (), "report_again": (), "put_back": (), "adopt": ("plan",)},
	"Batch": {
		"progress": (),
		"pause": (),
		"resume": (),
		"retry_failed": (),
		"leave_out": ("tenants",),
		"cancel_batch": (),
	},
	"Former Name": {"free_now": ()},
	"Site Domain": {
		"check": (),
		"walk_name": (),
		"make_primary": (),
		"set_serving": ("serves", "hsts_seconds"),
		"remove_name": (),
		"upload_certificate": ("chain", "key"),
	},
	"Site Certificate": {"renew": ()},
	"Site Shadow": {"swap_in": ("confirm",), "keep_longer": ("hours",), "drop": ()},
	"SaaS Settings": {"back_up_admin_site": ("why",), "drill_admin_site": (), "send_test_alert": ()},
	"Monitoring Alert": {"acknowledge": (), "silence": ("reason", "hours")},
	"Backup Store": {"check": (), "copy_offsite": (), "take_in": ()},
	"Site Intake": {"look": (), "take_in": ()},
}
# Of a tenant's site; nobody there writes them.
SHOWN_TO_TENANTS = ("Nexelya Plan Settings", "Feature Usage", "Limit Level")


@st.composite
def changed(draw, names: list[str], most: int = 4) -> dict:
	"""Some of the names, each with any value, as it is or as the text of its JSON."""
	chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True))
	return {name: draw(values | values.map(json.dumps)) for name in chosen}


# -- what there is -----------------------------------------------------------------------------------------------


def opened() -> tuple[set[str], set[tuple[str, str]]]:
	"""The app's functions that Frappe lets HTTP call, by their dotted names; and its documents' methods, (doctype, method)."""
	import frappe
	from frappe.model.base_document import get_controller

	package = Path(frappe.get_app_path("buildpro_saas"))
	for path in sorted(package.rglob("*.py")):
		if "whitelist" in path.read_text():
			importlib.import_module(
				".".join((package.name, *path.relative_to(package).with_suffix("").parts))
			)
	ours = {each for each in frappe.whitelisted if each.__module__.partition(".")[0] == package.name}
	functions = {each for each in ours if "." not in each.__qualname__}
	buttons = set()
	modules = frappe.get_module_list("buildpro_saas")
	for doctype in frappe.get_all("DocType", {"module": ("in", modules)}, pluck="name"):
		controller = get_controller(doctype)
		found = {name: getattr(controller, name, None) for name in dir(controller)}
		buttons |= {(doctype, name) for name, each in found.items() if callable(each) and each in ours}
		ours -= {each for each in found.values() if callable(each)}
	assert ours == functions, f"methods of no document: {ours - functions}"
	return {f"{each.__module__}.{each.__qualname__}" for each in functions}, buttons


# -- HTTP --------------------------------------------------------------------------------------------------------


class Door:
	"""HTTP to a site with somebody's API key, and as a guest."""

	def __init__(self, bench, site: str, key: str):
		self.frappe, self.session, self.key = bench.frappe, requests.Session(), key
		self.base = f"http://127.0.0.1:{bench.services.port('web')}/api"
		kind = "application/json"
		self.session.headers.update({"Host": site, "Accept": kind, "Content-Type": kind})

	def fields(self, doctype: str) -> list[str]:
		names = [df.fieldname for df in self.frappe.get_meta(doctype).fields]
		return [*names, "name", "owner", "creation", "modified", "docstatus", "idx", "nonsense"]

	def ask(self, verb: str, path: str, body: object, is_guest: bool = False) -> requests.Response:
		"""Send any JSON, also what no strict writer of JSON would write; a server error is a failure of the test."""
		headers = {} if is_guest else {"Authorization": f"token {self.key}"}
		answer = self.session.request(
			verb, f"{self.base}/{path}", data=json.dumps(body).encode(), headers=headers, timeout=60
		)
		assert answer.status_code < 500, f"{verb} {path} {body!r:.500}\n{said(answer)}"
		if answer.status_code >= 400:
			assert said(answer), f"{verb} {path} {body!r:.500}: {answer.status_code} without a word"
		return answer


def said(answer: requests.Response) -> str:
	"""What an answer tells the caller."""
	try:
		told = answer.json()
	except ValueError:
		return answer.text[:2000]
	keys = ("_server_messages", "exception", "exc_type", "exc")
	return str(next((told[key] for key in keys if told.get(key)), None))[-2000:]
