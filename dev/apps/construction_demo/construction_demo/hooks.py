app_name = "construction_demo"
app_title = "Construction Demo"
app_publisher = "BuildPro"
app_description = "A small construction app whose documents are gated by BuildPro SaaS"
app_email = "hello@nexelya.com"
app_license = "MIT"
# With an owner before the name: for a bare one, Frappe of 2023 asks a git host who the owner is.
required_apps = ["nexelya/buildpro_saas"]

fixtures = [{"dt": "Role", "filters": [["name", "=", "Site Engineer"]]}]
