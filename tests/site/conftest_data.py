"""What the tests of a site know of the operator's features."""

CATALOGUE = {
	"features": {
		"daily_log": {"label": "Daily Log", "plan": "Core"},
		"rfi": {"label": "RFI", "plan": "Growth"},
		"bim": {"label": "BIM <i>Models</i>", "plan": "Enterprise"},
		"drones": {"label": "Drones", "plan": None},
	},
	"limits": {"max_users": {"label": "Users"}},
}
