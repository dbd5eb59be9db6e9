"""With real data on ERPNext: what was taken in has the same trial balance and the same stock ledger."""

import json
import os

import pytest


@pytest.fixture(scope="module")
def shop(module_bench):
	"""A customer with ERPNext, whose books have something in them."""
	if "erpnext" not in (module_bench.path / "sites/apps.txt").read_text().split():
		pytest.skip("this bench has no ERPNext")
	tenant = module_bench.active_tenant("Growth")
	module_bench.on_site(tenant.name, "on_books.post")
	return tenant


def test_the_books_are_the_same(module_bench, shop, bench_command, tmp_path):
	bench = module_bench
	done = bench_command("--site", shop.site, "backup", "--with-files", "--backup-path", str(tmp_path))
	assert done.returncode == 0, done.stderr
	(noted,) = tmp_path.glob("*site_config_backup.json")
	config = json.loads(noted.read_text())
	# a site that is nobody's tenant
	noted.write_text(
		json.dumps({key: value for key, value in config.items() if not key.startswith("buildpro_")})
	)
	subdomain = f"t{os.urandom(4).hex()}"
	bench.tenants.append(subdomain)
	asked = (
		"adopt",
		"--files",
		str(tmp_path),
		"--subdomain",
		subdomain,
		"--plan",
		"Growth",
		"--wait",
		"--json",
	)
	done = bench_command("--site", bench.frappe.local.site, "saas", *asked)
	assert done.returncode == 0, done.stdout + done.stderr
	bench.frappe.db.commit()  # to see what the command has written
	before = bench.on_site(shop.name, "on_books.books")
	assert any(row[1:] != [0] * 6 for row in before["trial_balance"]) and len(before["stock_ledger"]) >= 2
	assert bench.on_site(subdomain, "on_books.books") == before
