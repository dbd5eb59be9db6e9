"""Where requests go that come under a name that a site had; what a renamed tenant's database is called."""

import json
from itertools import islice
from types import SimpleNamespace

import pytest

from buildpro_saas.agent import redirects
from buildpro_saas.agent.facts import CUSTOM_NAME
from buildpro_saas.agent.redirects import Redirect
from buildpro_saas.fleet import renames
from buildpro_saas.tenant_site import former_names

OLD, NEW = "old.example.com", "https://new.example.com"


def test_a_name_leads_until_its_day(tmp_path):
	assert redirects.find(tmp_path, OLD, 0) is None
	redirects.put(tmp_path, OLD, Redirect(NEW, 100))
	assert redirects.find(tmp_path, OLD, 99.9) == Redirect(NEW, 100)
	assert redirects.find(tmp_path, OLD, 100) is None
	redirects.forget(tmp_path, OLD)
	redirects.forget(tmp_path, OLD)
	assert redirects.find(tmp_path, OLD, 0) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": "x", "until": "soon"}', "\x00"])
def test_a_file_that_cannot_be_read_leads_nowhere(tmp_path, text):
	redirects.put(tmp_path, OLD, Redirect(NEW, 100))
	(tmp_path / redirects.FOLDER / OLD).write_text(text)
	assert redirects.find(tmp_path, OLD, 0) is None


def test_what_is_kept_is_no_secret_and_nothing_else(tmp_path):
	redirects.put(tmp_path, OLD, Redirect(NEW, 100))
	assert json.loads((tmp_path / redirects.FOLDER / OLD).read_text()) == {"url": NEW, "until": 100}


@pytest.mark.parametrize(
	("path", "query", "wanted"),
	[
		("/", b"", "/"),
		("/app/note/a b", b"", "/app/note/a%20b"),
		("//evil.example/x", b"", "//evil.example/x"),
		("/a\r\nSet-Cookie: x", b"", "/a%0D%0ASet-Cookie:%20x"),
		("/files/ü.pdf", b"a=%2F&b=1", "/files/%C3%BC.pdf?a=%2F&b=1"),
	],
)
def test_path_and_query_stay_what_they_were(path, query, wanted):
	"""The target always begins with the new host: a path like //evil.example is a path there."""
	assert former_names.target(SimpleNamespace(path=path, query_string=query)) == wanted


@pytest.mark.parametrize(
	("database", "old", "new", "named"),
	[
		("customer1_db", "customer1", "northwind", "northwind_db"),
		("the_customer1_erp_db", "customer1", "northwind", "the_northwind_erp_db"),
		("acme_north_db", "acme-north", "acme-south-1", "acme_south_1_db"),
		("customer10_db", "customer1", "northwind", ""),
		("mycustomer1_db", "customer1", "northwind", ""),
		("shared_db", "customer1", "northwind", ""),
		("_1f2e3d4c5b6a7988", "1f2e3d4c5b6a7988", "northwind", ""),
		(None, "customer1", "northwind", ""),
	],
)
def test_a_database_that_is_named_after_its_tenant_gets_the_tenants_new_name(database, old, new, named):
	assert renames.database_made_of(database, old, new) == named


@pytest.mark.parametrize("wanted", ["northwind_db", "7up_db", f"{'long_' * 20}db", "a_db"])
def test_such_a_name_is_legal_and_there_is_always_another_one(wanted):
	names = list(islice(renames._database_names(wanted), 120))
	assert all(CUSTOM_NAME.fullmatch(name) for name in names) and len(set(names)) == 120
