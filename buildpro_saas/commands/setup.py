"""`saas setup`: what the control plane needs once before it can make tenants."""

import shlex
import sys
from urllib.parse import urlsplit

import click
import frappe
from frappe.utils.scheduler import enable_scheduler

from buildpro_saas.commands.admin_site import on_admin_site
from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.fleet import backup_keys, benches, database_account, doctor
from buildpro_saas.jobs import queue


def checked_address(context, parameter, value: str | None) -> str | None:
	"""An address with which get_url can begin a link: http(s), a host, perhaps a port. Raises click.BadParameter for any other."""
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
@click.option(
	"--may-pull/--may-not-pull",
	default=None,
	help="Whether `saas refresh` may pull the apps (git) on this bench.",
)
@click.option(
	"--pull-only",
	multiple=True,
	metavar="APP",
	help="The apps that it may pull; may be repeated; `all` for all of them.",
)
@click.option(
	"--build-command",
	help="What `saas refresh` may run to build assets, such as 'bench build'; empty: nothing.",
)
@click.option(
	"--restart-command",
	help="What it may run to restart the processes, such as 'sudo supervisorctl restart all'; empty: nothing.",
)
@on_admin_site
def setup(
	base_domain: str | None,
	public_address: str | None,
	host_name: str | None,
	support_contact: str | None,
	db_root_username: str,
	root_password_stdin: bool,
	may_pull: bool | None,
	pull_only: tuple[str, ...],
	build_command: str | None,
	restart_command: str | None,
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
	let_refresh(bench.name, may_pull, pull_only, build_command, restart_command)
	enable_scheduler()
	# tracebacks are in the Error Log; anybody may read an answer
	frappe.db.set_single_value("System Settings", "allow_error_traceback", 0)
	frappe.db.commit()
	click.echo(f"The scheduler of {frappe.local.site} is on.")
	click.echo(f"Provisioning jobs go to the queue {queue.name_for(bench)}.")
	click.echo(str(doctor.separation(bench.web_port)))
	if not backup_keys.recipient():
		click.echo(
			"No backup is taken before there is a recovery key: `saas recovery-key` makes it, and shows it once."
		)
	for sentence in [*doctor.redis_complaints(bench.name), *doctor.missing_for_backups(bench.name)]:
		click.echo(sentence)


def set_up_account(root: str, is_password_on_stdin: bool) -> None:
	"""Make the control plane's database account on this bench, unless it exists. A password on standard input makes it anew."""
	database_account.bring_up_to_date()
	if database_account.has_account() and not is_password_on_stdin:
		click.echo(f"The database account {database_account.user()} is there.")
		return
	password = ask_root_password(root, is_password_on_stdin)
	made = database_account.make_account(root, password)
	click.echo(f"Made the database account {made['user']}; its password is in a file of this bench.")


def let_refresh(
	bench: str, may_pull: bool | None, only: tuple[str, ...], build: str | None, restart: str | None
) -> None:
	"""Keep what `saas refresh` may do on the bench: what is given; asked for once, where somebody sits at the terminal; else nothing."""
	known = benches.rights_of_refresh(bench)
	is_given = (may_pull, only, build, restart) != (None, (), None, None)
	if not known.was_asked and not is_given and sys.stdin.isatty():
		may_pull = click.confirm("May `saas refresh` pull the apps of this bench (git pull)?", default=False)
		build = click.prompt("Which command may it run to build assets? Empty: none", default="")
		restart = click.prompt("Which command may it run to restart the processes? Empty: none", default="")
		is_given = True
	if is_given:
		known = benches.let_refresh(
			bench,
			known.may_pull if may_pull is None else may_pull,
			[app for app in only if app != "all"] if only else known.only,
			shlex.join(known.build) if build is None else build,
			shlex.join(known.restart) if restart is None else restart,
		)
	pulls = f"may pull {', '.join(known.only) or 'apps'}" if known.may_pull else "may not pull apps"
	click.echo(
		f"`saas refresh` {pulls}; it builds with {shlex.join(known.build) or 'nothing'!r}, and restarts with"
		f" {shlex.join(known.restart) or 'nothing'!r} (--may-pull, --build-command, --restart-command change that)."
	)


def ask_root_password(root: str, is_on_stdin: bool) -> str:
	"""The password of the MariaDB account that may make accounts: the first line of standard input, or asked for."""
	if is_on_stdin:
		return click.get_text_stream("stdin").readline().rstrip("\r\n")
	return click.prompt(f"MariaDB's password of {root}", hide_input=True, default="", show_default=False)


def set_up_bench(base_domain: str | None, public_address: str | None):
	"""Register this bench, and set what was given of its base domain and public address. Returns the Bench document."""
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
	"""Set base domain and support contact of SaaS Settings if they were given, and the default bench where there is none."""
	settings = frappe.get_single("SaaS Settings")
	before, settings.base_domain = settings.base_domain, base_domain or settings.base_domain
	settings.default_bench = settings.default_bench or bench
	settings.support_contact = support_contact or settings.support_contact
	settings.save()
	if before and before != settings.base_domain:
		click.echo(
			f"New tenants get sites under {settings.base_domain} from now on, no longer under {before}."
		)
		if kept := frappe.db.count("Tenant", {"site": ("like", f"%.{before}"), "status": ("!=", "Removed")}):
			click.echo(
				f"The sites of {kept} tenants keep their names under {before}: leave its DNS records as they are."
			)
	click.echo(f"A tenant's users are told to ask {settings.support_contact or '(no support contact yet)'}.")
