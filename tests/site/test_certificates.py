"""A tenant names files of certificates and keys: only those of his site are opened. OpenSSL opens them, which no audit hook sees."""

import ssl
import subprocess
from pathlib import Path

import pytest
import requests

FIELDS = ("local_ca_certs_file", "local_private_key_file", "local_server_certificate_file")


@pytest.fixture
def certificate(frappe):
	"""A key with its certificate, in the site's private files."""
	path = Path(frappe.get_site_path("private", "files", "of-a-tenant.pem")).absolute()
	command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
	subprocess.run([*command, "-keyout", str(path), "-out", f"{path}.crt"], check=True, capture_output=True)
	crt = Path(f"{path}.crt")
	path.write_text(path.read_text() + crt.read_text())
	crt.unlink()
	yield path
	path.unlink()


@pytest.mark.parametrize("field", FIELDS)
def test_ldap_settings_name_a_file_of_the_operators(request_of_a_tenant, certificate, tmp_path, field):
	frappe = request_of_a_tenant
	settings = frappe.get_single("LDAP Settings")
	for path in ("/etc/passwd", "../../site_config.json", str(tmp_path / "key.pem")):
		settings.set(field, path)
		with pytest.raises(frappe.PermissionError, match="private/files"):
			settings.run_method("before_validate")
	settings.set(field, str(certificate))
	settings.run_method("before_validate")


def test_ldap_settings_that_were_saved_before_are_not_used(request_of_a_tenant, tmp_path, certificate):
	from ldap3 import Tls

	frappe = request_of_a_tenant
	outside = tmp_path / "key.pem"
	outside.write_text(certificate.read_text())
	# as frappe.integrations…ldap_settings.connect_to_ldap makes it
	tls = Tls(validate=ssl.CERT_NONE, version=ssl.PROTOCOL_TLS_CLIENT)
	tls.private_key_file = tls.certificate_file = str(outside)

	class Connection:
		socket = None
		server = None

	with pytest.raises(frappe.PermissionError, match="private/files"):
		tls.wrap_socket(Connection(), do_handshake=False)


def test_a_link_in_the_sites_files_leads_nowhere_else(request_of_a_tenant, certificate, tmp_path):
	frappe = request_of_a_tenant
	outside = tmp_path / "key.pem"
	outside.write_text(certificate.read_text())
	link = certificate.with_name("link.pem")
	link.symlink_to(outside)
	try:
		with pytest.raises(frappe.PermissionError, match="private/files"):
			ssl.create_default_context().load_cert_chain(str(link))
	finally:
		link.unlink()


def test_what_is_the_sites_and_the_systems_is_read(request_of_a_tenant, certificate):
	context = ssl.create_default_context()
	context.load_cert_chain(str(certificate))
	context.load_verify_locations(cafile=requests.certs.where())
	context.load_verify_locations(cadata=certificate.read_text())


def test_the_operator_reads_as_ever(frappe, tmp_path, certificate):
	outside = tmp_path / "key.pem"
	outside.write_text(certificate.read_text())
	ssl.create_default_context().load_cert_chain(str(outside))
