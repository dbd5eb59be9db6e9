"""The web workers, and the framework on the site: its folder, its configuration, whether it is open, apps, assets, migrate. Pure."""

from buildpro_saas.fleet import site_state
from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts
from buildpro_saas.monitoring.diagnosis.layers import ANSWER, SITE, WEB
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong

SLOW = 2.0  # seconds for an answer to a ping
HTTP_OK, CLOSED, NOT_FOUND, ERROR = 200, 503, 404, 500
RESTART = "Restart them (`supervisorctl restart all`, or `bench restart`); the log is logs/web.error.log of the bench."
TOLD = 5  # of a kind that are named


def look(facts: Facts) -> list[Seen]:
	"""What was seen of the web workers, of the site itself, and what it answers."""
	return [_web(facts), *_site(facts), _answer(facts)]


def _web(facts: Facts) -> Seen:
	web = facts.look("web")
	if web["fault"]:
		return unknown(WEB, f"They were not asked: {web['fault']}")
	where = f"port {web['port']} of the bench's machine"
	if web["trouble"] == "refused":
		told = f"Nobody listens on {where}."
		return wrong(
			WEB,
			faults.WEB_DOWN,
			told,
			f"Start the bench's web workers. {RESTART} The Bench's Web Port must be theirs.",
		)
	if web["trouble"] == "late":
		told = f"Something listens on {where}, and gives no answer in {web['seconds']:.1f} s: all workers are busy, or they hang."
		return wrong(WEB, faults.WEB_BUSY, told, f"`saas slow` says with what. {RESTART}")
	if web["trouble"]:
		return wrong(
			WEB, faults.WEB_DOWN, f"What listens on {where} does not speak HTTP ({web['says']}).", RESTART
		)
	return ok(WEB, f"They answer on {where} in {web['seconds']:.2f} s.")


def _answer(facts: Facts) -> Seen:
	"""What a visitor gets in the end."""
	web = facts.look("web")
	if web["fault"] or web["trouble"]:
		return unknown(ANSWER, "The site gave no answer.")
	status, named = web["status"], f" ({web['says']})" if web["says"] else ""
	noted = facts.look("tables").get("errors")
	log = [f"Its Error Log has {noted} rows of the last hour."] if noted else []
	told = f"Asked for {facts.target.site}, the web workers answer {status}{named} in {web['seconds']:.2f} s."
	if status >= ERROR:
		how = "The reason is in the site's Error Log, or in logs/frappe.log and logs/web.error.log."
		return wrong(ANSWER, faults.ANSWERS_WRONG, told, how, *log)
	if status == NOT_FOUND:
		how = "Is the site's folder there? Does the bench choose sites by their names (`dns_multitenant`)?"
		return wrong(ANSWER, faults.ANSWERS_WRONG, told, how)
	slow = [f"That is slow: more than {SLOW:g} s."] if web["seconds"] > SLOW else []
	return ok(ANSWER, told, *slow, *log)


# -- the site --------------------------------------------------------------------------------------------------------


def _site(facts: Facts) -> list[Seen]:
	folder = facts.look("folder")
	if folder["fault"]:
		return [unknown(SITE, f"It was not looked at: {folder['fault']}")]
	where = f"sites/{facts.target.site}"
	if not folder["is_there"]:
		how = "Find out who took it away: `saas drift` says where it may be. Else `saas restore-lost TENANT` makes it of its last backup."
		return [wrong(SITE, faults.FOLDER_MISSING, f"The folder {where} is not there.", how)]
	if folder["config"] == "missing":
		how = "Put back its own, of a backup. Its data is untouched: do not restore it."
		return [
			wrong(SITE, faults.CONFIG_MISSING, f"{where} has no site_config.json that names a database.", how)
		]
	if folder["config"] == "damaged":
		how = "Correct it, or put back the one of a backup. Its data is untouched: do not restore it."
		return [wrong(SITE, faults.CONFIG_BROKEN, folder["says"], how)]
	found = [*_closed(folder["told"]), *_apps(facts, folder), *_assets(folder), *_migrate(facts)]
	return found or [ok(SITE, f"{where} is there, open, and up to date with the apps.")]


def _closed(config: dict) -> list[Seen]:
	if not site_state.is_closed(config):
		return []
	told = site_state.of(config)
	if config.get("buildpro_held_by"):
		how = (
			"The job that is named lets it go. Where that has failed: `saas retry JOB`, or `saas cancel JOB`."
		)
		return [wrong(SITE, faults.HELD, "A job holds the site.", how, *told)]
	how = "`saas maintenance TENANT --off --wait` opens it again."
	return [wrong(SITE, faults.IN_MAINTENANCE, " ".join(told) or "The site is in maintenance.", how)]


def _apps(facts: Facts, folder: dict) -> list[Seen]:
	installed = facts.look("tables").get("installed") or []
	if lacks := [app for app in installed if app not in folder["apps"]]:
		how = "Get it there with `bench get-app`, or take it off the site with `bench remove-from-installed-apps`."
		return [
			wrong(
				SITE,
				faults.APP_MISSING,
				f"The site has the app {', '.join(lacks)}, and the bench has not.",
				how,
			)
		]
	return []


def _assets(folder: dict) -> list[Seen]:
	if not (lacks := folder["assets"]):
		return []
	told = f"{len(lacks)} built files are missing: Desk's pages come without their scripts."
	return [
		wrong(
			SITE, faults.ASSETS_MISSING, told, "`bench build`, then restart the web workers.", *lacks[:TOLD]
		)
	]


def _migrate(facts: Facts) -> list[Seen]:
	migrate = facts.look("migrate")
	if migrate["fault"]:
		return [unknown(SITE, f"Whether a migrate is pending was not seen: {migrate['fault']}")]
	if not migrate["reasons"]:
		return []
	told = "The apps are newer than the site: a migrate is pending."
	return [
		wrong(SITE, faults.MIGRATE_PENDING, told, "`saas migrate TENANT --wait`.", *migrate["reasons"][:TOLD])
	]
