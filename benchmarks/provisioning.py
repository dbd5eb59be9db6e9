"""A tenant from scratch, from an image and from a standby site, against the same work with the bench's commands.

Two moments are timed: the first HTTP 200 from `/api/method/ping` under the site's own host name, and somebody's sign-in on a site whose
company is set up (the owner's; on the other side the Administrator's, whose password `new-site` was given).
"""

from __future__ import annotations

import json
import time
from datetime import date

from benchmarks.admin import COUNTRY, PLAN, TENANT, Admin
from benchmarks.series import Series, ratio
from dev.demo import PLAN_APPS
from dev.shell import DevError, say
from dev.site_client import SiteClient
from dev.sites import drop_site

NAME = "provisioning"
PASSWORD = "benchmark-Pw1"  # of sites that live for a minute on a loopback port
SCRATCH_ROUNDS = 2  # it takes as long as the bench commands, and no budget hangs on it
SET_UP = "frappe.desk.page.setup_wizard.setup_wizard.setup_complete"


def run(admin: Admin, rounds: int) -> dict:
	sides = {
		side: {"answer": Series(), "login": Series()} for side in ("hand", "scratch", "image", "standby")
	}

	def note(side: str, answer: float, login: float) -> None:
		sides[side]["answer"].add(answer)
		sides[side]["login"].add(login)
		say(f"  {side:8} answers after {answer:7.2f} s, sign-in after {login:7.2f} s")

	def note_tenant(side: str, way: str, **fields: str) -> None:
		made = admin.make(**fields)
		if made.way != way:
			raise DevError(f"{made.name} was made {made.way} and not {way}.")
		note(side, made.seconds_to_answer, made.seconds_to_login)

	for number in range(rounds):
		say(f"Round {number + 1} of {rounds}: bench commands, from scratch")
		note("hand", *by_hand(admin, f"hand{number}{admin.bench.site_suffix()}.localhost"))
		if number < SCRATCH_ROUNDS:
			note_tenant("scratch", "from scratch")
	admin.build_images()
	for number in range(rounds):
		say(f"Round {number + 1} of {rounds}: from an image, from a standby site")
		admin.fill_pool(1)
		# a database name of its own cannot be had from a standby site
		note_tenant("image", "from an image", database_name=f"benchmark{number}_db")
		note_tenant("standby", "from a standby site")
	return {side: {what: series.facts() for what, series in both.items()} for side, both in sides.items()} | {
		"apps": apps(admin),
		"scratch_ratio": ratio(sides["hand"]["answer"], sides["scratch"]["answer"]),
		"image_ratio": ratio(sides["hand"]["answer"], sides["image"]["answer"]),
		"standby_ratio": ratio(sides["hand"]["answer"], sides["standby"]["answer"]),
		"standby_signin_ratio": ratio(sides["hand"]["login"], sides["standby"]["login"]),
	}


def apps(admin: Admin) -> list[str]:
	"""The apps that sites of PLAN get."""
	there = admin.bench.apps()
	return ["buildpro_saas", *(app for app in PLAN_APPS[PLAN] if app in there)]


def by_hand(admin: Admin, site: str) -> tuple[float, float]:
	"""What an operator types; seconds until the site answers, and until somebody signs in with the company set up."""
	bench = admin.bench
	began = time.monotonic()
	root = ("--db-root-password", bench.db_root_password())
	bench.secret_command("new-site", site, *root, "--admin-password", PASSWORD, "--no-mariadb-socket")
	for app in apps(admin):
		bench.command("--site", site, "install-app", app)
	admin.wait_answer(site)
	answered = time.monotonic() - began
	bench.command("--site", site, "execute", SET_UP, "--kwargs", repr({"args": set_up_arguments()}))
	if not SiteClient(site, admin.port).login("Administrator", PASSWORD):
		raise DevError(f"{site} refuses the Administrator's password.")
	signed_in = time.monotonic() - began
	drop_site(bench, site)
	return answered, signed_in


def set_up_arguments() -> str:
	"""What a person would answer to the set-up wizard, ERPNext's part of it included."""
	year = date.today().year
	return json.dumps(
		{
			"language": "English",
			"lang": "English",
			"country": COUNTRY,
			"timezone": TENANT["time_zone"],
			"currency": TENANT["currency"],
			"full_name": TENANT["owner_name"],
			"email": "bea@benchmark.example",
			"password": PASSWORD,
			"company_name": TENANT["company"],
			"company_abbr": "BC",
			"chart_of_accounts": "Standard",
			"fy_start_date": f"{year}-01-01",
			"fy_end_date": f"{year}-12-31",
			"enable_telemetry": 0,
			"setup_demo": 0,
		}
	)


def tell(result: dict) -> list[str]:
	"""The result as lines of a Markdown table."""
	lines = [
		f"Apps: {', '.join(result['apps'])}. Seconds, median (least–most).",
		"",
		"| | rounds | answers (HTTP 200) | × | sign-in, company set up | × |",
		"| --- | --- | --- | --- | --- | --- |",
	]
	titles = {
		"hand": "bench commands",
		"scratch": "from scratch",
		"image": "from an image",
		"standby": "from a standby site",
	}
	hand = result["hand"]
	for side, title in titles.items():
		cells = [str(result[side]["answer"]["rounds"])]
		for what in ("answer", "login"):
			facts = result[side][what]
			cells += [
				f"{facts['median']:.2f} ({facts['min']:.2f}–{facts['max']:.2f})",
				f"{hand[what]['median'] / facts['median']:.1f}",
			]
		lines.append(f"| {title} | {' | '.join(cells)} |")
	return lines
