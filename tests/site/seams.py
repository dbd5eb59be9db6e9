"""What this app uses of the framework, read out of its own code: names, the keywords that functions are called with, and hooks."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

APP = Path(__file__).parents[2] / "buildpro_saas"
MISSING = object()


@dataclass(frozen=True)
class Use:
	"""A dotted name of the framework's that our code has at a place; keywords: those of a call, None where it is not called."""

	name: str
	where: str
	keywords: tuple[str, ...] | None = None
	positional: int = 0


@cache
def uses() -> frozenset[Use]:
	"""Every use of a name that begins with `frappe`, or was imported from it."""
	found: set[Use] = set()
	for file in sorted(APP.rglob("*.py")):
		found.update(_of_file(file))
	return frozenset(found)


def _of_file(file: Path) -> Iterator[Use]:
	tree = ast.parse(file.read_text())
	names = {"frappe": "frappe"}
	for node in ast.walk(tree):
		if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "frappe":
			for alias in node.names:
				names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
				yield Use(f"{node.module}.{alias.name}", _place(file, node))
		elif isinstance(node, ast.Import):
			for alias in node.names:
				if alias.name.partition(".")[0] == "frappe":
					yield Use(alias.name, _place(file, node))
	shadowed = _own_names(tree)
	called = set()
	for node in ast.walk(tree):
		if isinstance(node, ast.Call) and (name := _dotted(node.func, names, shadowed)):
			called.add(id(node.func))
			keywords = tuple(each.arg for each in node.keywords if each.arg)
			starred = any(isinstance(each, ast.Starred) for each in node.args)
			yield Use(name, _place(file, node), keywords, 0 if starred else len(node.args))
		elif isinstance(node, ast.Attribute) and id(node) not in called:
			if name := _dotted(node, names, shadowed):
				yield Use(name, _place(file, node))


def _own_names(tree: ast.AST) -> set[str]:
	"""Names that are also a function's arguments or variables, and then not the framework's."""
	arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
	variables = {
		node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
	}
	return (arguments | variables) - {"frappe"}


def _dotted(node: ast.AST, names: dict[str, str], shadowed: set[str]) -> str | None:
	parts: list[str] = []
	while isinstance(node, ast.Attribute):
		parts.append(node.attr)
		node = node.value
	if not isinstance(node, ast.Name) or node.id not in names or node.id in shadowed:
		return None
	return ".".join([names[node.id], *reversed(parts)])


def _place(file: Path, node: ast.AST) -> str:
	return f"{file.relative_to(APP.parent)}:{node.lineno}"


@cache
def resolve(name: str) -> Any:
	"""What the framework has under the dotted name; MISSING where it has nothing."""
	parts = name.split(".")
	for end in range(len(parts), 0, -1):
		try:
			value = importlib.import_module(".".join(parts[:end]))
		except ModuleNotFoundError:
			continue
		for part in parts[end:]:
			value = getattr(value, part, MISSING)
			if value is MISSING:
				break
		else:
			return value
		return MISSING
	return MISSING
