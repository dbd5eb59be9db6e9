"""A tenant whose System Manager attacks, over HTTP, for the tests of that."""

from test_create_tenant import csrf, owner_session, web

PASSWORD = "Xq7#construct-it"
GATED = {
	"features": {
		"daily_log": {"label": "Daily Log", "plan": "Core"},
		"rfi": {
			"label": "RFI",
			"plan": "Growth",
			"gates": [
				{"kind": "DocType", "name": "Note", "operations": ["create", "write"]},
				{"kind": "DocType", "name": "Event Participants"},
			],
		},
	},
	"limits": {},
}


class Site:
	"""A tenant's site on which Note is what the plan lacks, seen over HTTP."""

	def __init__(self, bench, tenant):
		self.bench, self.tenant = bench, tenant
		self.tokens: dict = {}
		self.session = owner_session(bench, tenant)
		self.folder = bench.path / "sites" / tenant.site
		self.apply_gates()

	def apply_gates(self):
		from buildpro_saas.entitlements import layers

		self.bench.entitle(self.tenant.name, layers.single_plan("Core", ["daily_log"]), GATED)

	def request(self, path: str, method="GET", session=None, **data):
		session = session or self.session
		if session not in self.tokens:
			self.tokens[session] = csrf(self.bench, self.tenant, session)
		headers = {**self.tokens[session], "Accept": "application/json"}
		options = {"json": data} if data else {}
		return web(self.bench, self.tenant.site, path, session, method, headers=headers, **options)

	def make_note(self, session=None):
		return self.request(
			"/api/resource/Note", "POST", session, title=f"Note {self.bench.frappe.generate_hash()}"
		)

	def files(self) -> dict:
		return {name: (self.folder / name).read_text() for name in ("entitlement.json", "site_config.json")}
