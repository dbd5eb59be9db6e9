"""What one more site costs on a bench with few sites and with a hundred: tenants from an image, one after the other."""

from __future__ import annotations

import statistics

from benchmarks.admin import Admin
from dev.shell import say

NAME = "curve"
POINTS = (1, 10, 50, 100)
SITES = POINTS[-1]
WINDOW = 9  # sites around a point whose median counts: one alone would tell of the machine's noise


def run(admin: Admin, rounds: int) -> dict:
	admin.build_images()
	say(f"{SITES} tenants from an image, one after the other …")
	seconds = []
	for number in range(1, SITES + 1):
		name = admin.new_subdomain()
		admin.ask(name, database_name=f"curve{number}_db")
		admin.wait_active([name])
		seconds.append(round(admin.job(name)["duration"], 3))
		if number in POINTS or number % 10 == 0:
			say(f"  site {number:3}: {at(seconds, number):.2f} s")
	points = {str(point): round(at(seconds, point), 3) for point in POINTS}
	first, *_between, last = points.values()
	return {"seconds": seconds, "points": points, "growth": round(last / first - 1, 3)}


def at(seconds: list[float], number: int) -> float:
	"""The median of the WINDOW sites made around the one of that number (from 1)."""
	begin = max(0, min(number - 1 - WINDOW // 2, len(seconds) - WINDOW))
	return statistics.median(seconds[begin : begin + WINDOW])


def tell(result: dict) -> list[str]:
	points = sorted(
		result["points"].items(), key=lambda point: int(point[0])
	)  # JSON keeps names in another order
	told = ", ".join(f"site {number} {seconds:.2f} s" for number, seconds in points)
	return [f"A tenant's job, median of {WINDOW} around each: {told}; growth {result['growth'] * 100:.0f} %."]
