"""The words of a playbook: steps, how often they are tried, and what they get. Nothing here knows how jobs are stored."""

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
	"""A way of making a site cannot be gone now. The message is the reason. The next way is tried."""


class StepTimeoutError(TimeoutError):
	"""A step took longer than its timeout."""


class StepWaits(Exception):
	"""A step waits for what other jobs do: its worker is given back, and it is run again after so many seconds. It is no attempt.

	batch: for whose end it waits; then it is run again at once.
	"""

	def __init__(self, seconds: float, batch: str = ""):
		super().__init__(f"It is run again in {seconds:.0f} s.")
		self.seconds, self.batch = seconds, batch


@dataclass(frozen=True)
class RetryPolicy:
	"""How often a step is tried when a transient fault stops it, and how long to wait in between. Delays are in seconds, and grow."""

	attempts: int = 8
	first_delay: float = 2.0
	factor: float = 3.0
	longest_delay: float = 900.0

	def delay_after(self, attempts: int, asked: float = 0.0) -> float:
		"""Seconds to wait after that many attempts. asked: so long at least, since whoever is asked wants to be left alone."""
		return max(min(self.first_delay * self.factor ** (attempts - 1), self.longest_delay), asked)


@dataclass
class Context:
	"""What a step gets. All but the callables is plain data and survives a crash.

	inputs: the job's arguments, as they were when it was made. state: what earlier steps found or made, by name. A step's returned
	dict is merged into it. `keep` merges and commits at once, for a step whose work is long. tenant, bench_row: the documents' fields,
	read when the step first asks for them. bench: the agent's door of the job's bench. mark: what this job writes on all that it
	makes. operation: how the ids of this attempt's operations begin.
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
		"""The Tenant's fields, with the name of its site as `site`; {} for a job without a tenant."""
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
		"""Run a long operation of the agent, and return its result. Its lines become the step's output. timeout: seconds."""
		return self.bench.run(operation, **self._followed(timeout), **spec)

	def run_on_site(self, method: str, timeout: float, **arguments: Any) -> Any:
		"""Call a function on the job's site by its dotted name, in a process of its own; for heavy work. timeout: seconds."""
		return self.site.run(method, **self._followed(timeout), **arguments)

	def _followed(self, timeout: float) -> dict[str, Any]:
		return {"id": self.operation, "timeout": timeout, "log": self.log, "checkpoint": self.checkpoint}


class Step(ABC):
	"""One piece of work that can be repeated. Subclass it, give it a title and `run`, and put an instance into a playbook.

	`run` looks before it acts: a run that died may have done the work, wholly or in part. `undo` takes away what `run` made, only what
	carries the job's mark, and can be repeated, too.
	"""

	title: ClassVar[str]
	timeout: ClassVar[float] = 120.0  # seconds
	retry: ClassVar[RetryPolicy] = RetryPolicy()
	# The step to begin again from, for work that cannot be continued halfway (installers commit as they go).
	redo_from: ClassVar[str | None] = None

	@property
	def key(self) -> str:
		"""The step's name in the job's record: the class's name in snake case."""
		name = type(self).__name__
		return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")

	def is_outdated(self, state: dict[str, Any], tenant: Any) -> bool:
		"""Whether staff have changed what this step's work came from. Asked when a failed job is retried.

		If so, the step is done again, with all that comes after it. state: what the steps have handed on. tenant: the job's Tenant
		document, None where it has none.
		"""
		return False

	@abstractmethod
	def run(self, context: Context) -> dict[str, Any] | None:
		"""Do the work; return what later steps need to know."""

	def undo(self, context: Context) -> None:  # noqa: B027 - most steps have nothing to take away
		"""Take away what `run` made. A step needs none where an earlier step's undo removes what it changed."""


class BenchUse(Enum):
	"""How a job uses its bench."""

	NONE = "it does not matter what else goes on there"
	SHARED = "others may be at work there"
	EXCLUSIVE = "nothing else may be at work there"


@dataclass(frozen=True)
class Needs:
	"""What a job has from its first run to its end, also while it waits to be resumed.

	site: its tenant's site to itself, so that no other job and no delivery writes there. Without a tenant it has no site.
	"""

	site: bool = True
	bench: BenchUse = BenchUse.SHARED


@dataclass(frozen=True)
class Playbook:
	"""A named list of steps, and the statuses that its tenant has meanwhile and afterwards (tenant_status.py)."""

	name: str
	title: str
	steps: tuple[Step, ...]
	# whether its jobs take one of the bench's slots for heavy jobs
	is_heavy: bool = True
	needs: Needs = field(default_factory=Needs)
	# an RQ queue of its own, for jobs that must not wait behind heavy ones; None: the bench's queue
	queue: str | None = None
	# whether its jobs work through the rows of batches (batch_runner.py)
	is_for_many: bool = False
	# called with the name of the job's bench after each run, whatever came of it; must not raise
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
	# called as a run begins. It returns what the steps would have handed on, where all was done before and the record does not know
	# it, because the record is from an older backup; the job then ends as Completed. It returns None where there is work to do
	find_finished: Callable[[Context], dict[str, Any] | None] | None = None
	# called just before the job ends as Completed, when it can be cancelled no more; repeatable
	finish: Callable[[Context], None] | None = None

	def __post_init__(self):
		keys = [step.key for step in self.steps]
		if len(set(keys)) != len(keys):
			raise ValueError(f"Playbook {self.name} has a step twice: {', '.join(keys)}")
		for at, step in enumerate(self.steps):
			if step.redo_from and step.redo_from not in keys[: at + 1]:
				raise ValueError(
					f"Playbook {self.name}: {step.key} begins again from {step.redo_from}, which is no step before it."
				)

	@property
	def timeout(self) -> int:
		"""Seconds that a worker allows for one run: twice the sum of the steps' timeouts, for retries."""
		return int(sum(step.timeout for step in self.steps) * 2)

	def step(self, key: str) -> Step:
		"""The step of that key. Raises KeyError when the playbook has none: the job's record may be of another version."""
		for step in self.steps:
			if step.key == key:
				return step
		raise KeyError(f"The playbook {self.name} has no step {key}.")
