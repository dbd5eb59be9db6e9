"""The bench's machine: disks, memory, and the time. Pure."""

from buildpro_saas.entitlements import clock
from buildpro_saas.entitlements.acceptance import CLOCK_KEY, number
from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts, span
from buildpro_saas.monitoring.diagnosis.layers import CLOCK, DISK, MEMORY
from buildpro_saas.monitoring.diagnosis.seen import OK, Seen, ok, unknown, wrong

LITTLE = 0.05  # of a disk, or of memory
STOPS = 200 * 10**6  # bytes with which nothing can be saved any more
LEAST_MB = 150
APART = 5  # seconds between two clocks
MB, GB = 10**6, 10**9


def look(facts: Facts) -> list[Seen]:
	"""What was seen of disks, memory and clock."""
	machine = facts.look("machine")
	if machine["fault"]:
		return [unknown(layer, f"It was not looked at: {machine['fault']}") for layer in (DISK, MEMORY)] + [
			_clock(facts)
		]
	return [*_disks(facts, machine), _memory(machine), _clock(facts)]


def _disks(facts: Facts, machine: dict) -> list[Seen]:
	mariadb = facts.look("mariadb").get("server", {}).get("disk") or {}
	found = {**machine["disks"], **({"MariaDB's data": mariadb} if mariadb else {})}
	told = [each for name, disk in found.items() for each in _disk(name, disk)]
	free = [
		f"{name}: {disk['free_bytes'] / GB:.1f} of {disk['bytes'] / GB:.1f} GB free"
		for name, disk in found.items()
	]
	return [each for each in told if each.state != OK] or [ok(DISK, "There is room.", *free)]


def _disk(name: str, disk: dict) -> list[Seen]:
	how = "`saas disk-usage` says what takes it, what may go, and how much that frees."
	found = []
	if disk["bytes"] and disk["free_bytes"] < LITTLE * disk["bytes"]:
		used = 100 * (1 - disk["free_bytes"] / disk["bytes"])
		told = f"The disk of {name} is {used:.0f} % full: {disk['free_bytes'] / GB:.1f} GB are free."
		found.append(wrong(DISK, faults.DISK_FULL, told, how, stops=disk["free_bytes"] < STOPS))
	if disk["inodes"] and disk["free_inodes"] < LITTLE * disk["inodes"]:
		told = f"The disk of {name} can take {disk['free_inodes']} more files, of {disk['inodes']}."
		stops = disk["free_inodes"] < 1000
		found.append(
			wrong(
				DISK,
				faults.INODES_GONE,
				told,
				f"{how} Folders with very many files are what counts here.",
				stops=stops,
			)
		)
	return found


def _memory(machine: dict) -> Seen:
	told = f"{machine['free']} of {machine['memory']} MB are free"
	evidence = [
		f"{machine['swap']} MB are swapped out; load {machine['load']} on {machine['cpus']} processors.",
		*(
			[f"The kernel has ended {machine['kills']} processes for want of memory since it began."]
			if machine["kills"]
			else []
		),
	]
	if machine["free"] < max(LITTLE * machine["memory"], LEAST_MB):
		how = "`ps -eo rss,cmd --sort -rss | head` says who has it; restart the web workers, or give the machine more."
		return wrong(MEMORY, faults.MEMORY_LOW, f"{told}.", how, *evidence)
	return ok(MEMORY, f"{told}.", *evidence)


def _clock(facts: Facts) -> Seen:
	how = (
		"Set it right: `timedatectl set-ntp true` (docs/troubles.md). What follows of it is mended by itself."
	)
	config = facts.look("folder").get("told", {})
	now, known = facts.now, number(config, CLOCK_KEY)
	if not now:
		return unknown(CLOCK, "The bench did not say what time it has.")
	if known and clock.is_behind(now, known):
		told = f"The bench's clock is {span(known - now)} behind a time that has been."
		return wrong(CLOCK, faults.CLOCK_OFF, told, how)
	offsets = {
		"MariaDB's clock": facts.look("mariadb").get("server", {}).get("offset", 0.0),
		"The bench's clock": facts.records.get("offset", 0.0),
	}
	for whose, offset in offsets.items():
		if abs(offset) > APART:
			way = "ahead" if offset > 0 else "behind"
			than = "the bench's" if whose.startswith("MariaDB") else "the admin site's"
			return wrong(CLOCK, faults.CLOCK_OFF, f"{whose} is {span(abs(offset))} {way} of {than}.", how)
	leap = clock.is_leap(now, known)
	return ok(
		CLOCK,
		"The clocks agree.",
		*([f"The site has not noted the time for {span(now - known)}."] if leap else []),
	)
