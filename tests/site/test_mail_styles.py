"""A mail's text names a style sheet: none but an app's is opened on a tenant's site."""

import pytest


def inlined(frappe, link: str) -> str:
	from buildpro_saas.tenant_site.sandbox import mail_styles

	mail_styles.keep()
	from frappe.email.email_body import inline_style_in_html

	page = f"<html><head><link rel=stylesheet href='{link}'></head><body><p>x</p></body></html>"
	return inline_style_in_html(page)


@pytest.fixture
def style(tmp_path):
	path = tmp_path / "style.css"
	path.write_text("p { font-family: of-the-operator }")
	return path


def test_a_file_of_the_machine_is_not_put_into_a_mail(request_of_a_tenant, style):
	assert "of-the-operator" not in inlined(request_of_a_tenant, str(style))
	assert "of-the-operator" not in inlined(request_of_a_tenant, f"assets/../../../../../../../../{style}")


def test_an_apps_style_is(request_of_a_tenant):
	import os

	path = next(
		os.path.join(folder, name)
		for folder, _folders, names in os.walk("assets", followlinks=True)
		for name in names
		if name.endswith(".css") and "email" in name
	)
	assert "style=" in inlined(request_of_a_tenant, path) or "<style" in inlined(request_of_a_tenant, path)


def test_elsewhere_it_is_as_ever(frappe, style):
	assert "of-the-operator" in inlined(frappe, str(style))
