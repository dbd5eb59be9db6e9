"""What an operator should change on a bench before it hurts."""

import frappe

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_settings import Setting, settings
from buildpro_saas.agent.databases import server
from buildpro_saas.provisioning import accounts


def database_settings() -> list[Setting]:
	"""MariaDB's settings beside what this bench's sites, and those that wait, need."""
	here = Bench.here()
	waiting = frappe.db.count("Standby Site", {"status": ("in", ("Ready", "Filling"))})
	with server(accounts.account()) as mariadb:
		return settings(mariadb, len(here.site_names()) + waiting, _tables_of_a_site())


def _tables_of_a_site() -> int:
	"""Of the largest image; without one, of this site."""
	largest = frappe.get_all(
		"Site Image", {"status": "Ready"}, pluck="tables", order_by="tables desc", limit=1
	)
	return largest[0] if largest else len(frappe.db.get_tables(cached=False))
