"""How much memory a web worker takes as it serves one site after the other. Runs in the bench's env, in sites/.

Usage: memory.py ADMIN-SITE SITE FOLDER

FOLDER: an empty one, in which sites are made for this. Each has the folder, configuration and entitlement of a tenant's site, but all
share SITE's database. Every tenth has an add-on of its own. Each is served a request that inserts a gated document, through Frappe's WSGI
application; then all of them once more.

Prints JSON {"begin", "once", "twice", "seconds"}. The first three are MB that the process has (VmRSS) when it has served one site, each
site once, and each site twice. "seconds": what a request took in each of the two rounds.
"""

import json
import os
import sys
import time
from pathlib import Path

import frappe
from entitlement_of_size import GATED, catalogue_of, token_of

SITES = 2000
SIZE = "large"
OWN_ADDON = 10


def make_sites(signing_key: dict, folder: Path) -> str:
	"""The sites, as deliveries leave them; returns the API key of a user of theirs."""
	from buildpro_saas.agent import site_config
	from buildpro_saas.entitlements import acceptance
	from buildpro_saas.entitlements import catalogue as catalogues

	sites = folder / "sites"
	sites.mkdir()
	(folder / "logs").mkdir()
	for name in ("common_site_config.json", "apps.txt", "apps.json", "assets", "../apps", "../env"):
		if (found := Path(name)).exists():
			(sites / name).symlink_to(found.resolve())
	config, catalogue = site_config.read(Path(frappe.local.site_path)), catalogues.shared(catalogue_of(SIZE))
	for number in range(SITES):
		site = f"memory-{number}.localhost"
		path = sites / site
		for part in ("locks", "logs", "public/files", "private/files"):
			(path / part).mkdir(parents=True)
		own = {}
		if number % OWN_ADDON == 0:
			own = {"addons": [{"addon": f"Own {number}", "features": ["feature_0"], "limits": {}}]}
		token = token_of(signing_key, site, catalogue, 1, **own)
		known = {
			acceptance.SEQUENCE_KEY: 1,
			acceptance.LAST_KEY: {"token": token, "gates": acceptance.pack_gates(catalogue)},
			acceptance.CLOCK_KEY: int(time.time()),
			"host_name": f"http://{site}",
		}
		(path / "site_config.json").write_text(json.dumps({**config, **known}))
		(path / acceptance.FILE).write_text(json.dumps({"token": token, "catalogue": catalogue}))
	return api_key()


def api_key() -> str:
	"""KEY:SECRET of the tenant's own System Manager."""
	from frappe.core.doctype.user.user import generate_keys

	frappe.set_user("Administrator")
	users = frappe.get_all("User", {"name": ("not in", frappe.STANDARD_USERS), "enabled": 1}, pluck="name")
	secret = generate_keys(users[0])["api_secret"]
	frappe.db.commit()
	return f"{frappe.db.get_value('User', users[0], 'api_key')}:{secret}"


def serve(key: str) -> dict:
	"""In the folder of the sites, as a process that has just begun."""
	import frappe.app
	from werkzeug.test import Client

	client = Client(frappe.app.application)

	def insert(number: int) -> None:
		answer = client.post(
			f"/api/resource/{GATED}",
			json={"title": f"Memory {number} {time.time_ns()}", "content": "x"},
			headers={"Host": f"memory-{number}.localhost", "Authorization": f"token {key}"},
		)
		if answer.status_code != 200:
			raise SystemExit(
				f"memory-{number}: HTTP {answer.status_code}: {answer.get_data(as_text=True)[:2000]}"
			)
		answer.close()

	insert(0)
	found = {"begin": memory(), "seconds": []}
	for turn in ("once", "twice"):
		began = time.perf_counter()
		for number in range(SITES):
			insert(number)
		found["seconds"].append((time.perf_counter() - began) / SITES)
		found[turn] = memory()
	return found


def memory() -> float:
	"""MB of this process."""
	status = Path("/proc/self/status").read_text()
	line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
	return int(line.split()[1]) / 1000


if len(sys.argv) == 4:
	admin_site, site, folder = sys.argv[1:]
	frappe.init(site=admin_site)
	signing_key = frappe.conf.buildpro_signing_key
	frappe.destroy()
	frappe.init(site=site)
	frappe.connect()
	key = make_sites(signing_key, Path(folder))
	frappe.destroy()
	os.chdir(Path(folder) / "sites")
	# a new process, which knows none of the sites
	os.execv(sys.executable, [sys.executable, __file__, key])
else:
	print(json.dumps(serve(sys.argv[1])))
