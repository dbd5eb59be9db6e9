app_name = "construction_demo"
app_title = "Construction Demo"
app_publisher = "BuildPro"
app_description = "A small construction app whose documents are gated by BuildPro SaaS"
app_email = "hello@nexelya.com"
app_license = "MIT"
# With an owner before the name: for a bare one, Frappe of 2023 asks a git host who the owner is.
required_apps = ["nexelya/buildpro_saas"]

fixtures = [{"dt": "Role", "filters": [["name", "=", "Site Engineer"]]}]

# Only new ones: what a tenant has made stays readable and can be finished after a change of plan.
_ONLY_NEW = ["create"]
buildpro_feature_gates = {
	"rfi": [{"kind": "DocType", "name": "RFI", "operations": _ONLY_NEW}],
	"submittal": [{"kind": "DocType", "name": "Submittal", "operations": _ONLY_NEW}],
	"change_order": [{"kind": "DocType", "name": "Change Order", "operations": _ONLY_NEW}],
	"punch_list": [{"kind": "DocType", "name": "Punch List Item", "operations": _ONLY_NEW}],
	"daily_log": [{"kind": "DocType", "name": "Daily Log", "operations": _ONLY_NEW}],
	"bim": [{"kind": "DocType", "name": "BIM Model", "operations": _ONLY_NEW}],
}
