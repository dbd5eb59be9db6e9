"""What of a bench helps somebody who helps with one of its sites: configuration and ends of logs, without secrets and people.

Secrets are known here, on the bench, and are taken out here: what leaves it has none.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pymysql

from buildpro_saas import redaction
from buildpro_saas.agent import account
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.diagnosis import connection, log_end
from buildpro_saas.agent.diagnosis.connection import connected, rows
from buildpro_saas.agent.errors import AgentError

TAIL = 200 << 10  # bytes of each log
# Of the bench: no other site's rows or statements are in them. database.log has statements with their literals, and is left out.
OF_BENCH = (
	"web.log",
	"web.error.log",
	"worker.log",
	"worker.error.log",
	"schedule.log",
	"schedule.error.log",
	"bench.log",
)
OF_SITE = ("frappe.log", "scheduler.log")
PEOPLE = "select full_name, first_name, last_name, email, name, mobile_no, phone, username from tabUser limit 20000"
UNSEEN = (
	"The names of its people could not be read: only the addresses were taken out. Look before you send it."
)


def take(bench: Bench, conf: Mapping, site: str, people: Iterable[str]) -> dict[str, str]:
	"""{file: its text, redacted}. people: names and addresses that the records have, beside those of the site's users."""
	try:
		config = bench.site(site).config
	except AgentError as error:
		config, damaged = {}, str(error)
	else:
		damaged = ""
	secrets = redaction.secrets_in(config) | redaction.secrets_in(conf) | _of_account(bench)
	users, unseen = _users(config)
	known = {*people, *users}
	own, common = (
		_json(redaction.redacted_values(redaction.without_secrets(each), secrets, known))
		for each in (config, conf)
	)
	texts = {
		**{f"logs/{name}": text for name, text in _ends(bench.path / "logs", OF_BENCH)},
		**{f"logs/site/{name}": text for name, text in _ends(bench.site(site).path / "logs", OF_SITE)},
	}
	found = {name: redaction.redacted(text, secrets, known) for name, text in texts.items()}
	configs = {"config/site_config.json": damaged or own, "config/common_site_config.json": common}
	return {**configs, **found, **({"NOTE.txt": unseen} if unseen else {})}


def _json(config: object) -> str:
	return json.dumps(config, indent=1, sort_keys=True, default=str)


def _of_account(bench: Bench) -> set[str]:
	try:
		return {account.read(bench).password}
	except AgentError:
		return set()


def _users(config: Mapping) -> tuple[set[str], str]:
	"""(names and addresses of the site's users, a sentence where they could not be read)."""
	if not config.get("db_name"):
		return set(), UNSEEN
	try:
		with connected(connection.of_site(config), str(config["db_name"])) as cursor:
			found = {str(each) for row in rows(cursor, PEOPLE) for each in row if each}
	except pymysql.Error:
		return set(), UNSEEN
	return found - {"Guest", "Administrator", "admin", "guest"}, ""


def _ends(folder: Path, names: Iterable[str]) -> Iterable[tuple[str, str]]:
	for name in names:
		try:
			yield name, log_end.read(folder / name, TAIL)
		except FileNotFoundError:
			continue
		except OSError as error:
			yield name, f"It cannot be read here ({error.strerror})."
