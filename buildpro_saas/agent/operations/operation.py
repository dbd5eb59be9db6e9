"""An operation is a function with a name. Its arguments are checked, and its result is plain data.

The function's own signature is its specification. pydantic, which every Frappe has, checks what is asked against it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict

from buildpro_saas.agent.errors import AgentError

# These arguments of a function are no part of its specification: the bench, and the progress of a long operation.
GIVEN = ("bench", "progress")


class Kind(Enum):
	"""How an operation runs."""

	QUICK = "answered at once"
	THREAD = "beside, in the same process: it waits for the server nearly all of the time"
	PROCESS = "in a process of the bench's own Python: apps' code, which takes memory, prints and exits"


@dataclass(frozen=True)
class Operation:
	"""One named operation."""

	name: str
	function: Callable
	kind: Kind

	def call(self, bench: Any, spec: dict, **given: Any) -> Any:
		"""Run the function with a checked specification; its result is plain data."""
		result = self.function(bench, **given, **self.checked(spec))
		return self._result.dump_python(result, mode="json")

	def prepare(self) -> None:
		"""Make the checks ready now. Otherwise the first call does it."""
		self._spec, self._result

	def load(self, result: Any) -> Any:
		"""Turn the plain data into the type that the function returns."""
		return self._result.validate_python(result)

	def checked(self, spec: dict) -> dict:
		"""The specification as the function's arguments. Raises AgentError for an unknown name, a missing one or a wrong type."""
		try:
			return self._spec.validate_python(spec)
		except ValidationError as error:
			raise AgentError(self._sentence(error.errors()[0])) from None

	def _sentence(self, fault: dict) -> str:
		name = ".".join(map(str, fault["loc"]))
		if fault["type"] == "extra_forbidden":
			return f"The operation {self.name} does not know {name!r}: it takes {', '.join(self._fields) or 'nothing'}."
		if fault["type"] == "missing":
			return f"The operation {self.name} needs {name!r}."
		return f"{name!r} of the operation {self.name} is wrong: {fault['msg']}."

	@cached_property
	def _spec(self) -> TypeAdapter:
		spec = TypedDict("Spec", self._fields)
		spec.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
		return TypeAdapter(spec)

	@cached_property
	def _fields(self) -> dict[str, Any]:
		hints = get_type_hints(self.function, include_extras=True)
		return {
			name: hints[name] if each.default is inspect.Parameter.empty else NotRequired[hints[name]]
			for name, each in inspect.signature(self.function).parameters.items()
			if name not in GIVEN
		}

	@cached_property
	def _result(self) -> TypeAdapter:
		return TypeAdapter(get_type_hints(self.function, include_extras=True)["return"])


_known: dict[str, Operation] = {}


def quick(function: Callable) -> Callable:
	"""Make the function an operation that is answered at once."""
	return _register(function, Kind.QUICK)


def in_thread(function: Callable) -> Callable:
	"""Make the function an operation that runs in a thread of this process. It also takes `progress` (running.Progress)."""
	return _register(function, Kind.THREAD)


def in_process(function: Callable) -> Callable:
	"""Make the function an operation that runs in a process of its own.

	The function itself returns only the process's order (site_runner.Order). The result is what the process answers.
	"""
	return _register(function, Kind.PROCESS)


def find(name: str) -> Operation:
	"""The operation of that name. Raises AgentError when there is none."""
	try:
		return _known[name]
	except KeyError:
		raise AgentError(
			f"This bench knows no operation {name!r}.",
			"Bring buildpro_saas on it to the admin site's version.",
		) from None


def names() -> list[str]:
	"""All operations, sorted."""
	return sorted(_known)


def _register(function: Callable, kind: Kind) -> Callable:
	there = _known.get(function.__name__)
	if there and there.function.__module__ != function.__module__:
		raise ValueError(
			f"{function.__module__} and {there.function.__module__} both have an operation {there.name}."
		)
	_known[function.__name__] = Operation(function.__name__, function, kind)
	return function
