"""What a check is, and what it finds. Plain data in, plain data out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

INFO, WARNING, CRITICAL = "Info", "Warning", "Critical"
ORDER = (INFO, WARNING, CRITICAL)
TENANT, BENCH, SERVICE = "Tenant", "Bench", "Service"
# What the facts have of each bench, asked for apart: one may be missing while the others are there.
MACHINE, MARIADB, REDIS, WORKERS, SITES, ANSWERS = (
	*("machine", "mariadb", "redis", "workers", "sites", "answers"),
)
RECORDS = "records"  # of the admin site itself
SECURITY = "security"  # looked at once a day, for it takes seconds


@dataclass(frozen=True)
class Finding:
	"""One thing that is wrong. What is wrong with one subject in one check is one finding, however it is worded.

	subject: a Tenant's or Bench's name, or words for a service. advice: what to do. cause: the identity of another finding that brings
	this one about; "" for none. tenant: the Tenant that it is about, whatever the subject is.
	"""

	check: str
	subject_kind: str
	subject: str
	sentence: str
	advice: str = ""
	severity: str = WARNING
	bench: str = ""
	tenant: str = ""
	cause: str = ""

	@property
	def identity(self) -> str:
		"""What makes it the same finding at the next look."""
		return identity_of(self.check, self.subject)


@dataclass(frozen=True)
class Check:
	"""Something that is looked at.

	keys: what its findings are called, its own name first. look: from the facts (monitoring/facts.py) to what is wrong. needs: the part of a
	bench's facts without which nothing is known. looks: in so many looks in a row it is found before anybody is told. stands_off: nothing
	is said of a tenant, or a bench, that our own jobs are at work on.
	"""

	title: str
	look: Callable[[dict], Iterable[Finding]]
	keys: tuple[str, ...]
	needs: str = RECORDS
	looks: int = 2
	stands_off: bool = True

	@property
	def key(self) -> str:
		"""The check's name."""
		return self.keys[0]


def identity_of(check: str, subject: str) -> str:
	"""The identity of what a check finds of a subject."""
	return f"{check}|{subject}"


def worst(severities: Iterable[str]) -> str:
	"""The worst of these severities; "" for none."""
	return max(severities, key=ORDER.index, default="")


def missed(bench: dict, part: str) -> str:
	"""Why a part of a bench's facts is missing, as a sentence; "" where it is there."""
	if bench.get("missed"):
		return bench["missed"]
	found = bench.get(part)
	if found is None:
		return "It was not asked for."
	return found.get("missed", "") if isinstance(found, dict) else ""


def benches_with(facts: dict, part: str) -> list[tuple[str, dict]]:
	"""(name, its facts) of each bench of which that part is there."""
	return [(name, bench) for name, bench in facts["benches"].items() if not missed(bench, part)]
