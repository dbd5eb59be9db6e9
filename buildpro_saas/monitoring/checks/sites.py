"""Checks of tenants' sites, from outside in: do they answer, are they open, do their scheduler and their mail go on."""

from collections.abc import Iterator

from buildpro_saas.agent.health_facts import NO_FOLDER, NOT_ASKED, REFUSED
from buildpro_saas.monitoring.checks.bench import CACHE, MARIADB_DOWN, REDIS_DOWN, mariadb_of, redis_of
from buildpro_saas.monitoring.checks.check import (
	ANSWERS,
	BENCH,
	CRITICAL,
	INFO,
	MARIADB,
	REDIS,
	SERVICE,
	SITES,
	TENANT,
	WARNING,
	Check,
	Finding,
	benches_with,
	identity_of,
	missed,
)

HOUR = 3600
# A site that somebody uses has scheduled jobs each hour at least; one that nobody has used for days has them once a day.
STALE, STALE_DORMANT = 3 * HOUR, 30 * HOUR
MOST_FAILED, MOST_WAITING = 10, 500  # mails of one site
WEB_DOWN, SITE_DOWN, SCHEDULER_DOWN, PROXY_DOWN = "web.down", "site.down", "scheduler.down", "proxy.down"
LEAST = 3  # sites that fail alike, before what they share is said to be the cause
OK, UNAVAILABLE = 200, 503
FORWARDS = (301, 302, 307, 308)


def asked(facts: dict) -> Iterator[tuple[str, dict, str, dict, dict]]:
	"""(bench, its facts, tenant, the tenant's facts, what its site answered) of each site that was asked."""
	for name, bench in benches_with(facts, ANSWERS):
		for tenant, row in facts["tenants"].items():
			answer = bench[ANSWERS].get(row["site"])
			if row["bench"] == name and answer and answer["kind"] != NOT_ASKED:
				yield name, bench, tenant, row, answer


def is_up(answer: dict) -> bool:
	"""Whether the site itself has answered."""
	return answer["status"] == OK and answer["is_itself"]


def web_down(facts: dict) -> Iterator[Finding]:
	"""No site can be asked at all: nothing listens on the bench's web port."""
	for name, _bench in benches_with(facts, ANSWERS):
		answers = [answer for bench, *_rest, answer in asked(facts) if bench == name]
		reached = [answer for answer in answers if answer["kind"] != NO_FOLDER]
		if reached and all(answer["kind"] == REFUSED for answer in reached):
			yield Finding(
				*(WEB_DOWN, SERVICE, web_of(name)),
				f"The web server of {name} takes no connections: {reached[0]['error']}",
				"Start it (`bench start`, or `supervisorctl status` and `restart`), and see its log for why it ended.",
				severity=CRITICAL,
				bench=name,
			)


def web_of(bench: str) -> str:
	"""The subject of what is wrong with the web server of a bench."""
	return f"Web server of {bench}"


def sites_down(facts: dict) -> Iterator[Finding]:
	"""Sites that do not answer as themselves."""
	for name, bench, tenant, row, answer in asked(facts):
		if is_up(answer):
			continue
		if answer["status"] == UNAVAILABLE and row["closed"]:
			continue  # sites_closed tells it
		yield Finding(
			*(SITE_DOWN, TENANT, tenant, _sentence(row["site"], answer)),
			answer["hint"]
			or "`saas diagnose` names the first layer that is wrong; see the site's logs/ and the Error Log there.",
			severity=CRITICAL,
			bench=name,
			tenant=tenant,
			cause="" if answer["kind"] == NO_FOLDER else _cause(name, bench, answer),
		)


def _sentence(site: str, answer: dict) -> str:
	if not answer["status"]:
		return f"{site} does not answer: {answer['error']}"
	if answer["status"] == OK:
		return f"What answers under the name of {site} is not that site."
	return f"{site} answers {answer['status']}."


def _cause(name: str, bench: dict, answer: dict) -> str:
	"""What is known to be down that the site needs."""
	if missed(bench, MARIADB):
		return identity_of(MARIADB_DOWN, mariadb_of(name))
	if not missed(bench, REDIS) and bench[REDIS].get(CACHE, {}).get("error"):
		return identity_of(REDIS_DOWN, redis_of(name, CACHE))
	if answer["kind"] == REFUSED:
		return identity_of(WEB_DOWN, web_of(name))
	return ""


def sites_closed(facts: dict) -> Iterator[Finding]:
	"""Sites in maintenance: customers meet a closed door, whoever closed it."""
	for name, _bench, tenant, row, answer in asked(facts):
		if answer["status"] == UNAVAILABLE and row["closed"]:
			yield Finding(
				*("site.closed", TENANT, tenant, f"{row['site']} is closed. {row['closed']}"),
				f"Open it when you are done: `saas maintenance off --site {row['site']}`.",
				severity=INFO if row["closed_by_us"] else WARNING,
				bench=name,
				tenant=tenant,
			)


def behind_proxy(facts: dict) -> Iterator[Finding]:
	"""Sites that answer by themselves, and not through the bench's proxy."""
	for name, bench in benches_with(facts, ANSWERS):
		proxied = bench.get("proxied") or {}
		wrong = [
			(tenant, row, proxied[row["site"]])
			for bench_of, _bench, tenant, row, answer in asked(facts)
			if bench_of == name and is_up(answer) and not _is_served(proxied.get(row["site"]))
		]
		shared = len(wrong) >= LEAST and len(wrong) == len(proxied)
		if shared:
			yield Finding(
				*(PROXY_DOWN, SERVICE, f"Proxy of {name}"),
				f"Through the proxy of {name}, none of {len(proxied)} sites answers. {wrong[0][2]['error']}".strip(),
				"`saas proxy test`, then `systemctl status nginx`, and `saas proxy reload`.",
				severity=CRITICAL,
				bench=name,
			)
		for tenant, row, answer in wrong:
			yield Finding(
				*("site.proxy", TENANT, tenant, f"Through the proxy: {_sentence(row['site'], answer)}"),
				"`saas proxy show` says which names are set aside, and why.",
				severity=CRITICAL,
				bench=name,
				tenant=tenant,
				cause=identity_of(PROXY_DOWN, f"Proxy of {name}") if shared else "",
			)


def _is_served(answer: dict | None) -> bool:
	"""Whether a browser gets there; where nothing was asked, nothing is wrong."""
	return not answer or answer["kind"] == NOT_ASKED or is_up(answer) or answer["status"] in FORWARDS


def schedulers(facts: dict) -> Iterator[Finding]:
	"""Sites whose scheduled jobs do not run. Where that is so of all, it is the bench's scheduler."""
	for name, bench in benches_with(facts, SITES):
		seen = [
			(tenant, row, found) for tenant, row, found in _sites_of(facts, name, bench) if not row["paused"]
		]
		stale = [each for each in seen if _is_stale(each[2])]
		shared = len(stale) >= LEAST and len(stale) == len([each for each in seen if each[2]["is_enabled"]])
		if shared:
			yield Finding(
				*(SCHEDULER_DOWN, SERVICE, f"Scheduler of {name}"),
				f"On no site of {name} do scheduled jobs run: the bench's scheduler, or its workers, stand still.",
				"Start it (`bench start`, or supervisor's ...-schedule), and see that workers take its jobs.",
				severity=CRITICAL,
				bench=name,
			)
		for tenant, row, found in stale:
			hours = found["last_run"] / HOUR
			yield Finding(
				*(
					"site.scheduler",
					TENANT,
					tenant,
					f"Scheduled jobs of {row['site']} last ran {hours:.0f} hours ago.",
				),
				f"See RQ Job there for one that hangs, and `bench --site {row['site']} doctor`.",
				bench=name,
				tenant=tenant,
				cause=identity_of(SCHEDULER_DOWN, f"Scheduler of {name}") if shared else "",
			)
		for tenant, row, found in seen:
			if not found["is_enabled"]:
				yield Finding(
					*(
						"site.scheduler",
						TENANT,
						tenant,
						f"The scheduler of {row['site']} is switched off there.",
					),
					f"If nobody wants that: `bench --site {row['site']} enable-scheduler`.",
					bench=name,
					tenant=tenant,
				)


def _is_stale(found: dict) -> bool:
	limit = STALE_DORMANT if found["is_dormant"] else STALE
	return found["is_enabled"] and found["last_run"] is not None and found["last_run"] > limit


def mails(facts: dict) -> Iterator[Finding]:
	"""Mail that could not be sent, and mail that piles up."""
	for name, bench in benches_with(facts, SITES):
		for tenant, row, found in _sites_of(facts, name, bench):
			said = []
			if found["mails_failed"] >= MOST_FAILED:
				said.append(f"{found['mails_failed']} mails of {row['site']} could not be sent.")
			if found["mails_waiting"] >= MOST_WAITING:
				said.append(f"{found['mails_waiting']} mails of {row['site']} wait to be sent.")
			if said:
				yield Finding(
					*("site.mail", TENANT, tenant, " ".join(said)),
					"See Email Queue and Email Account there: the record of a mail has the refusal. Send them again, or delete them.",
					bench=name,
					tenant=tenant,
				)


def unreadable(facts: dict) -> Iterator[Finding]:
	"""Sites whose database could not be asked though the server answers."""
	for name, bench in benches_with(facts, SITES):
		for tenant, row in facts["tenants"].items():
			found = bench[SITES].get(row["site"]) or {}
			if row["bench"] == name and found.get("error"):
				yield Finding(
					*(
						"site.unreadable",
						TENANT,
						tenant,
						f"{row['site']} could not be read: {found['error']}",
					),
					"See that the database that its site_config.json names is there: `saas drift`.",
					bench=name,
					tenant=tenant,
					cause=identity_of(SITE_DOWN, tenant),
				)


def _sites_of(facts: dict, name: str, bench: dict) -> Iterator[tuple[str, dict, dict]]:
	for tenant, row in facts["tenants"].items():
		found = bench[SITES].get(row["site"])
		if row["bench"] == name and found and not found.get("error"):
			yield tenant, row, found


def unasked(facts: dict) -> Iterator[Finding]:
	"""Sites for which no time was left: their state is not known."""
	for name, bench in benches_with(facts, ANSWERS):
		left = [site for site, answer in bench[ANSWERS].items() if answer["kind"] == NOT_ASKED]
		if left:
			yield Finding(
				*(
					"site.unasked",
					BENCH,
					name,
					f"{len(left)} sites of {name} were not asked: others took all of the time.",
				),
				"Many sites do not answer in time: see the alerts of this bench, and its load.",
				bench=name,
			)


CHECKS = (
	Check("Web servers answer", web_down, (WEB_DOWN,), needs=ANSWERS),
	Check("Sites answer under their names", sites_down, (SITE_DOWN,), needs=ANSWERS),
	Check("Sites are open", sites_closed, ("site.closed",), needs=ANSWERS),
	Check("All sites were asked", unasked, ("site.unasked",), needs=ANSWERS, looks=3),
	Check("Sites answer through the proxy", behind_proxy, ("site.proxy", PROXY_DOWN), needs=ANSWERS),
	Check("Schedulers go on", schedulers, ("site.scheduler", SCHEDULER_DOWN), needs=SITES, looks=3),
	Check("Mail goes out", mails, ("site.mail",), needs=SITES),
	Check("Sites' databases can be read", unreadable, ("site.unreadable",), needs=SITES),
)
