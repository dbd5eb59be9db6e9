"""Operators' actions and faults in any order: nothing of a customer's is lost, and nothing that is nobody's stays.

`make test` plays a few stories, each from a fixed seed; `make soak` new ones for as long as it is told (dev/README.md).
"""

import os
import shutil
import time

import pytest
import random_witness
from random_checks import Story
from random_faults import HOOK
from random_hands import Hands
from random_story import SEEDS, story

# Found by a soak: finished, moved before anybody signed in, and the admin site restored from an older backup.
FOUND = ("insert standby backed_up invite_owner Running|rest|move a|restore 0|cancel a|rest",)
STANDBY_SITES = 2  # for a story, at most
SECONDS, SEED, STORY = (f"BUILDPRO_SOAK_{name}" for name in ("SECONDS", "SEED", "STORY"))
PLAN = "Core"
STARTED = time.monotonic()

pytestmark = pytest.mark.fault


def stories() -> list:
	"""Those of the fixed seeds; in a soak those that were asked for, or as many new ones as could be played."""
	told = [each.split("|") for each in os.environ.get(STORY, "").split("||") if each]
	is_asked = told or any(os.environ.get(name) for name in (SEED, SECONDS))
	told = told if is_asked else [each.split("|") for each in FOUND]
	seeds = [int(each) for each in os.environ.get(SEED, "").split(",") if each]
	if seconds := os.environ.get(SECONDS):
		first = int(time.time()) % 10**7 * 100
		seeds += range(first, first + max(1, int(seconds) // 5))
	return [
		*(pytest.param([line.strip() for line in lines], id="|".join(lines)) for lines in told),
		*(pytest.param(story(seed), id=f"seed-{seed}") for seed in (seeds if is_asked else SEEDS)),
	]


@pytest.fixture(scope="module")
def stage(module_bench, tmp_path_factory, is_private):
	"""The bench with an image and no standby site, and the admin site's database as it is then."""
	module_bench.frappe.delete_doc_if_exists("Webhook", HOOK)  # of a run that was interrupted
	module_bench.image(PLAN)
	module_bench.discard_standby_sites({"status": "Ready"})
	folder = tmp_path_factory.mktemp("story")
	hands = Hands(module_bench, folder, is_private)
	hands.dump(folder / "before.sql")
	yield module_bench, folder, module_bench.everything()
	hands.witness.forget()


@pytest.fixture
def hands(stage, bench, is_private, lines):
	"""Hands on the bench with the standby sites that the story takes; afterwards all is as it was before the story."""
	_module_bench, folder, before = stage
	hands = Hands(bench, folder, is_private)
	hands.witness.forget()
	hands.witness.watch()
	for _n in range(min(STANDBY_SITES, sum(line.startswith("insert standby") for line in lines))):
		fill(bench)
	yield hands
	bench.release()
	hands.start_everything()
	for name in ("provisioning", "worker"):
		bench.services.stop(name, 5)
	sweep(bench, before)
	hands.load(folder / "before.sql")
	bench.tenants.clear()


@pytest.mark.parametrize("lines", stories())
def test_nothing_is_lost_and_nothing_stays(hands, stage, bench_command, lines, request):
	if time.monotonic() > STARTED + float(os.environ.get(SECONDS) or "inf"):
		request.session.shouldstop = "the soak's time is over"
	at_end = Story(hands, stage[2], bench_command)
	try:
		for line in lines:
			hands.play(line)
		at_end.settle()
		faults = at_end.faults()
	finally:
		print(f"\n{request.node.callspec.id}:", *hands.told, sep="\n  ")
	assert not faults, "; ".join(faults)


def fill(bench) -> None:
	"""One more standby site."""
	from buildpro_saas.fleet import standby

	image = bench.image(PLAN)
	kind, name = bench.frappe.db.get_value("Site Image", image, ["kind", "bench"])
	job = standby.start_filling(image, name, kind)
	bench.frappe.db.commit()
	bench.wait_for_end(job)


def sweep(bench, before: dict[str, set[str]]) -> None:
	"""Remove what the story left: folders, databases and users that were not there before it."""
	after = bench.everything()
	for path in after["folders"] - before["folders"]:
		shutil.rmtree(bench.path / "sites" / path, ignore_errors=True)
	with bench.root() as cursor:
		for name in after["databases"] - before["databases"] - {random_witness.DATABASE}:
			cursor.execute(f"drop database `{name}`")
		for name in after["users"] - before["users"]:
			cursor.execute("select Host from mysql.user where User = %s", (name,))
			for (host,) in cursor.fetchall():
				cursor.execute(f"drop user `{name}`@`{host}`")
