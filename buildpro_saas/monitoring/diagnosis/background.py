"""What the site does in the background: scheduler, workers and queues, mail. Pure."""

from buildpro_saas.fleet import site_state
from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts, span
from buildpro_saas.monitoring.diagnosis.layers import MAIL, SCHEDULER, WORKERS
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong

QUIET = (
	15 * 60
)  # seconds since the scheduler's last job: the framework's most frequent ones run each four minutes
LONG = 60  # seconds that a job waits, or that a worker is gone
MAIL_WAITS = 30 * 60
DAY = 86400
FLOOD = 100  # jobs of one site in a queue


def look(facts: Facts) -> list[Seen]:
	"""What was seen of the scheduler, the workers with their queues, and the mail."""
	return [*_scheduler(facts), *_workers(facts), *_mail(facts)]


def _scheduler(facts: Facts) -> list[Seen]:
	folder, tables, machine = facts.look("folder"), facts.look("tables"), facts.look("machine")
	config = folder.get("told", {})
	found = [*_switched_off(config, tables.get("scheduler")), *_not_running(tables.get("scheduler"), machine)]
	if found:
		return found
	if not tables.get("scheduler"):
		return [
			unknown(
				SCHEDULER, f"The site's own word was not read: {tables['fault'] or 'it has no such tables.'}"
			)
		]
	ran = tables["scheduler"]["ran"]
	return [
		ok(
			SCHEDULER,
			f"Its last job began {span(max(ran, 0))} ago."
			if ran is not None
			else "No job of it was due yet.",
		)
	]


def _switched_off(config: dict, told: dict | None) -> list[Seen]:
	found = []
	if config.get("pause_scheduler") and not config.get("buildpro_held_by"):
		says = next(
			(each for each in site_state.of(config) if each.startswith("Scheduler")),
			"The scheduler is paused.",
		)
		found.append(
			wrong(SCHEDULER, faults.SCHEDULER_PAUSED, says, "`saas scheduler TENANT --resume --wait`.")
		)
	if config.get("disable_scheduler") or (told and not told["is_enabled"]):
		how = "`bench --site SITE enable-scheduler`; look for disable_scheduler in the configuration."
		found.append(wrong(SCHEDULER, faults.SCHEDULER_OFF, "The site's scheduler is switched off.", how))
	elif site_state.is_closed(config):
		how = "It goes on as the site is opened."
		found.append(wrong(SCHEDULER, faults.SCHEDULER_OFF, "It does not run while the site is closed.", how))
	return found


def _not_running(told: dict | None, machine: dict) -> list[Seen]:
	ran = told["ran"] if told else None
	is_quiet = ran is None or ran > QUIET
	last = (
		f"Its last job of this site began {span(ran)} ago."
		if ran is not None
		else "No job of this site has begun yet."
	)
	if not machine["fault"] and not machine["schedulers"] and is_quiet:
		how = "Start it (`supervisorctl start all`; in development `bench start`): nothing of any site happens by itself."
		return [wrong(SCHEDULER, faults.SCHEDULER_DOWN, "No scheduler of this bench runs.", how, last)]
	if not told:
		return []
	if told["active"] is not None and told["active"] > told["dormant_days"] * DAY:
		days = f"Nobody has used the site for {span(told['active'])}: its jobs run once a day."
		return [
			wrong(SCHEDULER, faults.SCHEDULER_DORMANT, days, "Nothing: it wakes as somebody signs in.", last)
		]
	if ran is not None and is_quiet and told["is_enabled"]:
		how = (
			"Look at the layer Workers, and at logs/scheduler.log of the site; restart the bench's scheduler."
		)
		return [
			wrong(
				SCHEDULER,
				faults.SCHEDULER_STUCK,
				f"It runs, and has begun no job of this site for {span(ran)}.",
				how,
			)
		]
	return []


# -- workers ---------------------------------------------------------------------------------------------------------


def _workers(facts: Facts) -> list[Seen]:
	found = facts.look("queues")
	if why := found["fault"] or found["says"]:
		return [unknown(WORKERS, f"Queues were not seen: {why}")]
	queues = found["queues"]
	told = [each for name, queue in queues.items() for each in _queue(facts.target.site, name, queue)]
	lost = [each for each in found["lost"] if each["seconds"] > LONG]
	if lost:
		evidence = [
			f"{each['what']} of {each['site']}, begun {span(each['seconds'])} ago" for each in lost[:5]
		]
		how = "It is given up by itself; `saas end-job TENANT JOB --why …` does so now. Was memory short? See the layer Memory."
		told.append(
			wrong(
				WORKERS,
				faults.JOB_LOST,
				"The worker of a job died.",
				f"{how} The first is {lost[0]['id']}.",
				*evidence,
			)
		)
	if told:
		return told
	numbers = [
		f"{name}: {queue['workers']} workers, {queue['waiting']} wait" for name, queue in queues.items()
	]
	failed = (
		[f"{found['failed']} jobs of the site have failed: its RQ Job list says why."]
		if found["failed"]
		else []
	)
	return [ok(WORKERS, "Each queue has a worker, and nothing waits for long.", *numbers, *failed)]


def _queue(site: str, name: str, queue: dict) -> list[Seen]:
	if not queue["workers"]:
		waiting = f" {queue['waiting']} jobs wait for one." if queue["waiting"] else ""
		how = f"Start one: `bench worker --queue {name}`, or `supervisorctl start all`."
		return [wrong(WORKERS, faults.NO_WORKER, f"The queue {name} has no worker.{waiting}", how)]
	if queue["oldest"] <= LONG:
		return []
	wait = f"In the queue {name} {queue['waiting']} jobs wait, the first for {span(queue['oldest'])}."
	busy = sorted(queue["busy"], key=lambda job: -job["seconds"])
	evidence = [
		f"a worker is at {job['what'] or 'a job'} of {job['site']} for {span(job['seconds'])}: {job['id']}"
		for job in busy
	]
	if queue["of_site"] > FLOOD:
		evidence.append(f"{queue['of_site']} of those that wait are {site}'s own.")
	if len(busy) < queue["workers"]:
		how = "A worker takes nothing: restart the workers (`supervisorctl restart all`)."
	else:
		how = f"`saas end-job TENANT {busy[0]['id']} --why …`, for the tenant whose job it is; or start more workers of {name}."
	return [wrong(WORKERS, faults.QUEUE_STUCK, wait, how, *evidence)]


# -- mail ------------------------------------------------------------------------------------------------------------


def _mail(facts: Facts) -> list[Seen]:
	tables, config = facts.look("tables"), facts.look("folder").get("told", {})
	mail = tables.get("mail")
	if not mail:
		return [
			unknown(MAIL, f"The site's own word was not read: {tables['fault'] or 'it has no such tables.'}")
		]
	if config.get("mute_emails") or config.get("disable_emails"):
		return [ok(MAIL, "The site sends no mail: its configuration says so.")]
	found = []
	for server in mail["servers"]:
		if server["says"]:
			told = (
				f"The mail account's server {server['place']} does not answer: {server['says'].rstrip('.')}."
			)
			how = "Correct the Email Account on the site. May the site connect there? `saas doctor`, buildpro_reachable."
			found.append(wrong(MAIL, faults.MAIL_BROKEN, told, how))
	if mail["failed"]:
		why = f" The last one: {mail['why']}." if mail["why"] else ""
		told = f"{mail['failed']} mails failed in the last day.{why}"
		found.append(
			wrong(
				MAIL,
				faults.MAIL_FAILED,
				told,
				"The site's list Email Queue says why; correct its Email Account.",
			)
		)
	if mail["waiting"] and mail["oldest"] > MAIL_WAITS:
		told = f"{mail['waiting']} mails wait, the oldest for {span(mail['oldest'])}."
		found.append(
			wrong(MAIL, faults.MAIL_WAITS, told, "They are sent by a job of the scheduler: see there.")
		)
	return found or [ok(MAIL, f"{mail['waiting']} mails wait; none failed in the last day.")]
