"""A random story: what operators and owners do to a bench and what breaks meanwhile, drawn from a seed and from nothing else.

A story is a list of lines, such as `insert standby backed_up invite_owner Completed` or `cancel b`: a method of Hands
(random_hands.py) and its words. Tenants are called a, b, c in the order of their insertion. A line may be refused by the product,
which is a part of the story.
"""

from random import Random

TENANTS = "abc"
LENGTH = 9  # lines at least
# What `make test` plays: the cheapest few among 250 000 that have every action, incident and way, each where it can do something.
SEEDS = (118053, 77611, 171840, 19733, 106950)
# Where a job may be met. The later a step, the more there is to lose.
MOMENTS = {
	("make_site", "Running"): 1,
	("make_site", "Completed"): 1,
	("configure", "Completed"): 1,
	("create_owner", "Completed"): 1,
	("check_reachable", "Running"): 1,
	("check_reachable", "Completed"): 2,
	("invite_owner", "Running"): 4,
	("invite_owner", "Completed"): 4,
}
LAST = ("invite_owner", "Completed")
WAYS = {"standby": 3, "image": 1}
# What happens to a tenant's job at its moment, and how often.
INCIDENTS = {
	"undisturbed": 4,
	"backed_up": 4,
	"callback_raises": 3,
	"worked_in": 3,
	"unwritten": 2,
	"killed": 2,
	"cancelled": 1,
	"moved": 1,
	"without_redis": 1,
	"without_mariadb": 1,
}
# What is done between, and how often: to one tenant, and to the whole bench.
OF_TENANT = {
	"cancel": 6,
	"retry": 3,
	"work": 3,
	"plan": 2,
	"suspend": 1,
	"past_due": 1,
	"resume": 1,
	"move": 2,
	"put_back": 1,
	"copy": 1,
	"again": 2,
	"delete": 1,
	"two_at_once": 2,
}
OF_ALL = {
	"insert": 4,
	"restore": 4,
	"reconcile": 3,
	"minute": 2,
	"rest": 2,
	"backup": 1,
	"kill_worker": 1,
	"kill_redis": 1,
	"kill_mariadb": 1,
}
# What tends to come next, to the same tenant {0}: each line of it with this chance. Things that come one by one at random seldom meet.
FOLLOWED = {
	"undisturbed": ("rest",),
	"backed_up": ("rest", "work {0}", "restore 0", "cancel {0}"),
	"callback_raises": ("minute", "cancel {0}"),
	"worked_in": ("cancel {0}",),
	"unwritten": ("two_at_once {0}",),
	"move": ("reconcile",),
	"copy": ("reconcile",),
	"restore": ("cancel {0}",),
}
CHANCE = 0.7
PLANS = ("Core", "Growth", "Enterprise")


def story(seed: int) -> list[str]:
	"""The lines of the story of that seed; the same ones on every machine."""
	dice = Random(seed)
	lines = _insert(dice, TENANTS[0])
	while len(lines) < LENGTH:
		inserted = sum(line.startswith("insert") for line in lines)
		action = _draw(dice, {**OF_TENANT, **OF_ALL})
		tenant = TENANTS[dice.randrange(inserted)]
		if action == "insert":
			lines += _insert(dice, TENANTS[inserted]) if inserted < len(TENANTS) else []
			continue
		backups = sum(line == "backup" or "backed_up" in line for line in lines)
		if action == "restore" and not backups:
			action = "backup"
		words = {"plan": [tenant, dice.choice(PLANS)], "restore": [str(dice.randrange(backups or 1))]}
		lines.append(" ".join([action, *words.get(action, [tenant] if action in OF_TENANT else [])]))
		lines += _what_follows(dice, action, tenant)
	return lines


def _insert(dice: Random, tenant: str) -> list[str]:
	way, incident = _draw(dice, WAYS), _draw(dice, INCIDENTS)
	step, status = LAST if incident == "callback_raises" else _draw(dice, MOMENTS)
	if incident == "cancelled":
		status = "Running"  # while a step is being recorded the job's row is locked: nobody can cancel then
	moment = "" if incident == "undisturbed" else f" {step} {status}"
	return [f"insert {way} {incident}{moment}", *_what_follows(dice, incident, tenant)]


def _what_follows(dice: Random, what: str, tenant: str) -> list[str]:
	return [line.format(tenant) for line in FOLLOWED.get(what, ()) if dice.random() < CHANCE]


def _draw(dice: Random, weights: dict) -> object:
	return dice.choices(list(weights), list(weights.values()))[0]
