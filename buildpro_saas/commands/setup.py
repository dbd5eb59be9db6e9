"""`saas setup`: what the control plane needs once before it can make tenants."""

from urllib.parse import urlsplit

import click
import frappe
from frappe.utils.scheduler import enable_scheduler

from buildpro_saas.commands.admin_site import on_admin_site
from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.fleet import benches, database_account, doctor
from buildpro_saas.jobs import queue


def checked_address(context, parameter, value: str | None) -> str | None:
	"""An address as get_url can begin a link with it: http(s), a host, perhaps a port. Raises click.BadParameter."""
	if not value:
		return None
	parts = urlsplit(value)
	try:
		is_address = (
			parts.scheme in ("http", "https") and parts.hostname and parts.netloc.rpartition("@")[0] == ""
		)
		is_address = (
			is_address and (parts.port is None or parts.port > 0) and not (parts.query or parts.fragment)
		)
	except ValueError:  # of a port that is none
		is_address = False
	if not is_address or parts.path not in ("", "/"):
		raise click.BadParameter("give it as https://admin.example.com, without a path.")
	return f"{parts.scheme}://{parts.netloc}"


@click.command("setup")
@click.option("--base-domain", help="Domain under which tenants get their sites, such as example.com.")
@click.option("--public-address", help="Address of this bench that DNS records point to.")
@click.option(
	"--host-name",
	callback=checked_address,
	help="Where staff reach this site, such as https://admin.example.com; links in its mails begin so.",
)
@click.option(
	"--support-contact", help="Whom a tenant's users are told to ask: an e-mail address or a sentence's end."
)
@click.option(
	"--db-root-username", default="root", show_default=True, help="MariaDB's account that may make accounts."
)
@click.option(
	"--root-password-stdin",
	is_flag=True,
	help="Read that account's password from standard input's first line instead of asking; makes the control plane's"
	" account anew.",
)
@on_admin_site
def setup(
	base_domain: str | None,
	public_address: str | None,
	host_name: str | None,
	support_contact: str | None,
	db_root_username: str,
	root_password_stdin: bool,
) -> None:
	"""Make the control plane's database account, register this bench, and switch the scheduler on.

	Repeatable.

	MariaDB's root password is asked for once, used for one connection, and kept nowhere.
	"""
	base_domain = base_domain and check_domain(base_domain)  # before anything is made
	set_up_account(db_root_username, root_password_stdin)
	bench = set_up_bench(base_domain, public_address)
	address = benches.set_host_name(host_name, bench.as_dict())
	click.echo(f"Links in this site's mails begin with {address} (--host-name changes that).")
	set_up_settings(bench.name, base_domain, support_contact)
	enable_scheduler()
	# the Error Log has them; an answer's reader may be anybody
	frappe.db.set_single_value("System Settings", "allow_error_traceback", 0)
	frappe.db.commit()
	click.echo(f"The scheduler of {frappe.local.site} is on.")
	click.echo(f"Provisioning jobs go to the queue {queue.name_for(bench)}.")
	click.echo(str(doctor.separation(bench.web_port)))
	for sentence in doctor.redis_complaints():
		click.echo(sentence)


def set_up_account(root: str, is_password_on_stdin: bool) -> None:
	database_account.bring_up_to_date()
	if database_account.has_account() and not is_password_on_stdin:
		click.echo(f"The database account {database_account.user()} is there.")
		return
	password = ask_root_password(root, is_password_on_stdin)
	made = database_account.make_account(root, password)
	click.echo(f"Made the database account {made['user']}; its password is in a file of this bench.")


def ask_root_password(root: str, is_on_stdin: bool) -> str:
	"""The password of MariaDB's account that may make accounts: from standard input's first line, or asked for."""
	if is_on_stdin:
		return click.get_text_stream("stdin").readline().rstrip("\r\n")
	return click.prompt(f"MariaDB's password of {root}", hide_input=True, default="", show_default=False)


def set_up_bench(base_domain: str | None, public_address: str | None):
	bench = frappe.get_doc("Bench", ensure_local_bench())
	wanted = {"base_domain": base_domain, "public_address": public_address}
	bench.update({field: value for field, value in wanted.items() if value})
	bench.save()
	apps = ", ".join(f"{row.app} {row.version}" for row in bench.apps)
	click.echo(
		f"Bench {bench.name}: {apps}. Tenants get sites under {bench.domain or '(no base domain yet)'}."
	)
	return bench


def set_up_settings(bench: str, base_domain: str | None, support_contact: str | None) -> None:
	settings = frappe.get_single("SaaS Settings")
	settings.base_domain = settings.base_domain or base_domain
	settings.default_bench = settings.default_bench or bench
	settings.support_contact = support_contact or settings.support_contact
	settings.save()
	click.echo(f"A tenant's users are told to ask {settings.support_contact or '(no support contact yet)'}.")
