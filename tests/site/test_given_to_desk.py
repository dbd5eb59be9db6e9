"""What Desk's own methods that the app overrides say to arguments that they cannot read: a sentence, no server error."""

import json

import pytest

DEEP = "[" * 100_000


@pytest.mark.parametrize(
	"page", ["", "[1]", '"x"', "{", "null", "{}", '{"name": [1]}', DEEP, 7, None, {"title": "Home"}]
)
def test_a_page_of_desk(site, frappe, page):
	from buildpro_saas.tenant_site import workspaces

	with pytest.raises(frappe.ValidationError, match="as a workspace of Desk with its name"):
		workspaces.get_desktop_page(page)
	assert "cards" in workspaces.get_desktop_page(json.dumps({"name": "Build", "title": "Build"}))


@pytest.mark.parametrize(
	("options", "said"),
	[
		({"doctype": ""}, "in which doctype"),
		({"doctype": ["User"]}, "doctype must be text; it is a list"),
		({"txt": 5}, "txt must be text; it is a number"),
		({"txt": "\ud800"}, "txt has half of a character"),
		({"query": {}}, "query must be text; it is an object"),
		({"page_length": "many"}, "page_length must be a whole number"),
		({"page_length": -1}, "page_length must be a whole number"),
		({"filters": "{"}, "cannot be searched with these options"),
		({"filters": {"name": ["="]}}, "cannot be searched with these options"),
		({"filters": {"nothing": 1}}, "cannot be searched with these options"),
		({"filters": DEEP}, "cannot be searched with these options"),
	],
)
@pytest.mark.parametrize("method", ["search_link", "search_widget"])
def test_a_search_of_a_link_field(site, frappe, method, options, said):
	from buildpro_saas.tenant_site import search

	options = {"doctype": "User", "txt": "", **options}
	with pytest.raises(frappe.ValidationError, match=said):
		getattr(search, method)(**options)
	getattr(search, method)(doctype="User", txt=None, page_length="5", filters='{"enabled": 1}')


@pytest.mark.parametrize("method", ["search_link", "search_widget"])
def test_a_search_by_a_query_that_is_not_there(site, frappe, method):
	"""Frappe of 2023 raises; later ones answer nothing, with 404."""
	from buildpro_saas.tenant_site import search

	try:
		assert getattr(search, method)(doctype="User", txt="", query="none") == []
		assert frappe.response.pop("http_status_code") == 404
	except frappe.ValidationError as error:
		assert "cannot be searched with these options" in str(error) or "is not installed" in str(error)


@pytest.mark.parametrize(
	("arguments", "said"),
	[
		({"text": None}, "text must be text"),
		({"text": "a", "limit": "x"}, "limit must be a whole number"),
		({"text": "a", "start": []}, "start must be a whole number"),
		({"text": "a", "limit": 10**30}, "limit must be a whole number"),
		({"text": "a", "doctype": {}}, "doctype must be text"),
	],
)
def test_the_global_search(site, frappe, arguments, said):
	from buildpro_saas.tenant_site import search

	with pytest.raises(frappe.ValidationError, match=said):
		search.search(**arguments)
	assert isinstance(search.search("a", "0", "5"), list)
