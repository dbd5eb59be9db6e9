"""What tests of tenants' sites ask of one: its folder, its database, its answers; and how a shadow of it is dropped."""

import json

import pymysql
import requests

SECONDS = 60


def folder(bench, tenant):
	return bench.path / "sites" / tenant.site


def config(bench, tenant) -> dict:
	return json.loads((folder(bench, tenant) / "site_config.json").read_text())


def get(bench, tenant, path: str = "/api/method/ping") -> requests.Response:
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	return requests.get(url, headers={"Host": tenant.site}, timeout=SECONDS, allow_redirects=False)


def on_database(bench, tenant):
	"""A connection of the site's own user."""
	conf, where = config(bench, tenant), bench.frappe.conf
	account = {"user": conf["db_name"], "password": conf["db_password"], "database": conf["db_name"]}
	return pymysql.connect(host=where.db_host, port=int(where.db_port), **account)


def is_waiting(bench, connection) -> bool:
	"""Whether a statement of the connection waits for somebody's lock."""
	with bench.root() as cursor:
		cursor.execute(
			"select state from information_schema.processlist where id = %s", (connection.thread_id(),)
		)
		return "lock" in (cursor.fetchone()[0] or "")


def drop(frappe, name: str) -> None:
	from buildpro_saas.fleet import shadow_requests, shadows

	if (job := shadows.job_about(name)) and frappe.db.get_value(
		"Provisioning Job", job, "status"
	) == "Failed":
		frappe.db.set_value("Provisioning Job", job, "status", "Cancelled")
		frappe.db.commit()
	shadow_requests.drop_now(name)
