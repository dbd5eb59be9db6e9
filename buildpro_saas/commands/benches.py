"""`saas add-bench`."""

import click
import frappe

from buildpro_saas.commands.admin_site import on_admin_site
from buildpro_saas.commands.setup import ask_root_password
from buildpro_saas.control_plane.doctype.bench.bench import register
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.fleet import benches, database_account


@click.command("add-bench")
@click.argument("path", type=click.Path(exists=True, file_okay=False, resolve_path=True))
@click.option("--name", help="What the Bench is called; its folder's name when left out.")
@click.option("--base-domain", help="Domain of its tenants' sites; that of SaaS Settings when left out.")
@click.option(
	"--db-root-username",
	default="root",
	show_default=True,
	help="Its MariaDB's account that may make accounts.",
)
@click.option(
	"--root-password-stdin",
	is_flag=True,
	help="Read that account's password from standard input's first line instead of asking; makes the bench's account anew.",
)
@on_admin_site
def add_bench(
	path: str,
	name: str | None,
	base_domain: str | None,
	db_root_username: str,
	root_password_stdin: bool,
) -> None:
	"""Register the bench in the folder PATH of this machine, so that tenants can be put on it.

	Repeatable. It must have buildpro_saas; what is done there runs with its own Python, MariaDB and Redis. Only a shell may name a folder: its
	Python runs with this user's rights.
	"""
	bench = frappe.get_doc("Bench", register(path, name))
	if base_domain:
		bench.base_domain = check_domain(base_domain)
		bench.save()
	frappe.db.commit()
	if root_password_stdin or not benches.has_account(bench.name):
		password = ask_root_password(db_root_username, root_password_stdin)
		made = database_account.make_account(db_root_username, password, bench.name)
		click.echo(f"Made the database account {made['user']}; its password is in a file of that bench.")
	frappe.get_doc("Bench", register(path, name))  # with what is known of its database server by now
	frappe.db.commit()
	apps = ", ".join(f"{row.app} {row.version}" for row in bench.apps)
	click.echo(
		f"Bench {bench.name}: {apps}. Tenants get sites under {bench.domain or '(no base domain yet)'}."
	)
