"""How much memory runs take: what one took, what one is expected to take, and what is free for them."""

import resource

import frappe

from buildpro_saas.agent import door

DOCTYPE = "Provisioning Job"
LAST = 10  # runs of a playbook by which the next one is reckoned
USUAL = 300.0  # MB, where none has run
# MB that stay free for what else the machine does: web requests, MariaDB, the tenants' own jobs.
RESERVE = 300.0
# Seconds in which a job that has just begun comes to take what it will: what is free does not tell of it yet.
GROWING = 60


def peak_memory_mb() -> float:
	"""The largest resident set, in MB, that this process or one of its ended children reached (getrusage(2): KiB)."""
	kib = max(
		resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
		resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
	)
	return round(kib / 1024, 1)


def expected_mb(bench: str, playbook: str) -> float:
	"""MB that a run of the playbook on the bench is expected to take: the most of its last ones."""
	ended = {"bench": bench, "playbook": playbook, "peak_memory": (">", 0)}
	peaks = frappe.get_all(DOCTYPE, ended, pluck="peak_memory", order_by="creation desc", limit=LAST)
	return max(peaks, default=USUAL)


def free_mb() -> float:
	"""MB that heavy jobs may still take on this machine, on which all benches are that are reached from here."""
	return max(door.here().do("free_memory") - RESERVE, 0)
