"""What the tests of shadows write on a tenant's site, and read there."""

import frappe


def write(title: str) -> None:
	"""A note, and a private file beside it, each with the other's name in it."""
	frappe.get_doc({"doctype": "Note", "title": title, "content": title}).insert(ignore_permissions=True)
	frappe.get_doc(
		{"doctype": "File", "file_name": f"{title}.txt", "content": title, "is_private": 1}
	).insert(ignore_permissions=True)


def titles() -> list[str]:
	"""The notes whose file is there, on the disk too."""
	found = []
	for title in frappe.get_all("Note", pluck="title", order_by="title"):
		name = frappe.db.get_value("File", {"file_name": ("like", f"{title}%")})
		if name and frappe.get_doc("File", name).get_content() == title:
			found.append(title)
	return found


def database() -> str:
	return frappe.conf.db_name


def secret() -> str:
	"""A password that the site's own key encrypts."""
	from frappe.utils.password import get_decrypted_password, set_encrypted_password

	set_encrypted_password("User", "Administrator", "hidden", "api_secret")
	return get_decrypted_password("User", "Administrator", "api_secret")


def known_secret() -> str | None:
	"""The same password; None where the site's key does not decrypt it, which some frameworks answer and others raise."""
	from frappe.utils.password import get_decrypted_password

	try:
		return get_decrypted_password("User", "Administrator", "api_secret", raise_exception=False)
	except frappe.ValidationError:
		return None


def sign_in_as(old: dict) -> list:
	"""What a web request is told that has read this site_config.json and has not signed in to MariaDB yet: [kind, HTTP status]."""
	from frappe import local
	from frappe.database import get_db

	kept, conf = local.db, dict(local.conf)
	local.conf.update(old)
	names = {"user": old["db_name"], "password": old["db_password"]}
	local.db = get_db(host=local.conf.db_host, port=local.conf.db_port, **names)
	local.request = object()
	try:
		local.db.sql("select 1")
	except Exception as error:
		return [type(error).__name__, getattr(error, "http_status_code", None)]
	finally:
		local.db, local.request = kept, None
		local.conf.update(conf)
	return ["signed in", None]


def ask_for_second_factor() -> None:
	"""Have the site ask everybody but Administrator for a code from an app."""
	frappe.db.set_single_value("System Settings", "enable_two_factor_auth", 1)
	frappe.db.set_single_value("System Settings", "two_factor_method", "OTP App")
	frappe.db.set_value("Role", "All", "two_factor_auth", 1)
	frappe.db.commit()
	frappe.clear_cache()


def write_later(title: str) -> None:
	"""A note that a worker of the site's is to write."""
	frappe.enqueue("frappe.client.insert", doc={"doctype": "Note", "title": title, "content": title})


def notes() -> list[str]:
	return frappe.get_all("Note", pluck="title", order_by="title")


def standing() -> str:
	"""How the site's statement stands, in one word; PLAN where it counts."""
	from buildpro_saas.tenant_site import entitlement

	return entitlement.current_decisions().standing.name
