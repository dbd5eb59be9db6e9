"""The words of a playbook: steps, how often they are tried, and what they are given. Knows nothing of storage."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar

from buildpro_saas.agent.door import Door, SiteDoor


class StepCancelledError(Exception):
	"""Raised out of a step by its checkpoint when staff asked to cancel the job."""


class WayClosedError(Exception):
	"""A way of making a site cannot be gone now; its message is the reason, and the next way is tried."""


class StepTimeoutError(TimeoutError):
	"""A step took longer than its timeout."""


@dataclass(frozen=True)
class RetryPolicy:
	"""How often a step is tried when a transient fault stops it, and how long to wait between: growing, in seconds."""

	attempts: int = 8
	first_delay: float = 2.0
	factor: float = 3.0
	longest_delay: float = 900.0

	def delay_after(self, attempts: int) -> float:
		"""Seconds to wait after that many attempts."""
		return min(self.first_delay * self.factor ** (attempts - 1), self.longest_delay)


@dataclass
class Context:
	"""What a step gets. Everything but the callables is plain data and survives a crash.

	inputs: the job's arguments, as they were when it was made. state: what earlier steps found out or made, by name;
	a step's returned dict is merged into it; `keep` merges and commits at once, for a step whose work is long. tenant, bench_row: the
	documents' fields, read afresh when the step first asks for them. bench: the agent's door of the job's bench. mark: what this job
	writes on all that it makes. operation: how the ids of this attempt's operations begin.
	"""

	job: str
	mark: str
	bench: Door
	operation: str
	inputs: dict[str, Any]
	state: dict[str, Any]
	read_tenant: Callable[[], dict[str, Any]] = field(repr=False)
	read_bench_row: Callable[[], dict[str, Any]] = field(repr=False)
	log: Callable[[str], None] = field(repr=False)
	checkpoint: Callable[[], None] = field(repr=False)
	keep: Callable[[dict[str, Any]], None] = field(repr=False)

	@cached_property
	def tenant(self) -> dict[str, Any]:
		"""The Tenant's fields, and the name of its site as `site`; {} for a job that is no tenant's."""
		return self.read_tenant()

	@cached_property
	def bench_row(self) -> dict[str, Any]:
		"""The Bench's fields."""
		return self.read_bench_row()

	@property
	def site(self) -> SiteDoor:
		"""The tenant's site on the bench, made or not."""
		return self.bench.site(self.state.get("site") or self.tenant["site"])

	def run(self, operation: str, timeout: float, **spec: Any) -> Any:
		"""Run an operation of the agent that takes its time, and return its result; its lines become the step's output."""
		return self.bench.run(operation, **self._followed(timeout), **spec)

	def run_on_site(self, method: str, timeout: float, **arguments: Any) -> Any:
		"""Call a function on the job's site by its dotted name, in a process of its own; for heavy work."""
		return self.site.run(method, **self._followed(timeout), **arguments)

	def _followed(self, timeout: float) -> dict[str, Any]:
		return {"id": self.operation, "timeout": timeout, "log": self.log, "checkpoint": self.checkpoint}


class Step(ABC):
	"""One idempotent piece of work. Subclass it, give it a title and `run`, and put an instance into a playbook.

	`run` looks before it acts, since it may have been done, wholly or in part, by a run that died. `undo` takes away
	what `run` made, only what carries the job's mark, and is just as repeatable.
	"""

	title: ClassVar[str]
	timeout: ClassVar[float] = 120.0  # seconds
	retry: ClassVar[RetryPolicy] = RetryPolicy()
	# A step whose work cannot be continued halfway (installers commit as they go) names the step to begin again from.
	redo_from: ClassVar[str | None] = None

	@property
	def key(self) -> str:
		"""The step's name in the job's record: the class's name in snake case."""
		name = type(self).__name__
		return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")

	def is_outdated(self, state: dict[str, Any], tenant: Any) -> bool:
		"""Whether staff have changed since what the step did (it handed on `state`) came from; asked for at Retry of a failed job.

		It is then done again, with all that comes after it. tenant: the job's Tenant document, None where it has none.
		"""
		return False

	@abstractmethod
	def run(self, context: Context) -> dict[str, Any] | None:
		"""Do the work; return what later steps need to know."""

	def undo(self, context: Context) -> None:  # noqa: B027 - most steps have nothing to take away
		"""Take away what `run` made. Nothing to do for steps that only change what an earlier step's undo removes."""


class BenchUse(Enum):
	"""How a job uses its bench."""

	NONE = "it does not matter what else goes on there"
	SHARED = "others may be at work there"
	EXCLUSIVE = "nothing else may be at work there"


@dataclass(frozen=True)
class Needs:
	"""What a job has from its first run to its end.

	site: its tenant's site to itself, so that no other job and no delivery writes there, not even while this one waits to be resumed.
	Nothing for a job without a tenant.
	"""

	site: bool = True
	bench: BenchUse = BenchUse.SHARED


@dataclass(frozen=True)
class Playbook:
	"""A named list of steps, and what becomes of the tenant meanwhile (design.md §2's statuses)."""

	name: str
	title: str
	steps: tuple[Step, ...]
	# whether its jobs are counted among those of which a bench runs a few at once
	is_heavy: bool = True
	needs: Needs = field(default_factory=Needs)
	# an RQ queue of its own, where the jobs must not wait behind the bench's heavy ones; None: the bench's
	queue: str | None = None
	# whether its jobs work through the rows of batches (batch_runner.py)
	is_for_many: bool = False
	# called with the job's bench (its name) once a run is over, whatever came of it; must not raise
	after_run: Callable[[str], None] | None = None
	way: str = ""
	tenant_while_running: str | None = None
	tenant_when_completed: str | None = None
	tenant_when_failed: str | None = None
	tenant_when_cancelled: str | None = None
	# called with the job's inputs when it is Running, Completed, Failed or Cancelled, in the transaction that writes that
	on_status: Callable[[dict[str, Any], str], None] | None = None
	# called before anything is undone; raises AgentError where what the job made must not be taken away any more
	check_undo: Callable[[Context], None] | None = None
	# called as a run begins; what later steps would have handed on, where all was done before and the record does not know it
	# (it is from an older backup): the job then ends as Completed. None where there is something to do
	find_finished: Callable[[Context], dict[str, Any] | None] | None = None
	# called as the job is about to end as Completed, when it can be cancelled no more; repeatable
	finish: Callable[[Context], None] | None = None

	def __post_init__(self):
		keys = [step.key for step in self.steps]
		if len(set(keys)) != len(keys):
			raise ValueError(f"Playbook {self.name} has a step twice: {', '.join(keys)}")

	@property
	def timeout(self) -> int:
		"""Seconds that the worker allows for one run of the whole: every step's timeout, with room for retries."""
		return int(sum(step.timeout for step in self.steps) * 2)

	def step(self, key: str) -> Step:
		"""The step of that key; KeyError when the playbook (of a newer version, perhaps) has none."""
		return next(step for step in self.steps if step.key == key)
