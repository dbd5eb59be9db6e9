"""Where the framework fills in a text with str.format that is neither in its code nor a translation of one that is."""

import ast
from collections.abc import Iterator
from pathlib import Path

METHODS = ("format", "format_map", "vformat")
TRANSLATED = ("_", "_lt")
WRAPPED = ("cstr", "dedent", "strip")
# Functions of this name that are none of a text's.
NO_TEXT = ("frappe", "sqlparse")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def formatted(package: Path) -> set[tuple[str, str]]:
	"""(file below the package, the text as its code has it) of each such call, without tests."""
	found = set()
	for file in sorted(package.rglob("*.py")):
		place = file.relative_to(package)
		if "tests" in place.parts or file.name.startswith("test_") or "node_modules" in place.parts:
			continue
		found.update((place.as_posix(), text) for text in _of_code(file.read_text()))
	return found


def _of_code(code: str) -> Iterator[str]:
	tree = ast.parse(code)
	for scope in (tree, *(each for each in ast.walk(tree) if isinstance(each, FUNCTIONS))):
		names = _assigned(scope) | (_assigned(tree) if scope is not tree else {})
		for node in _own(scope):
			if isinstance(node, ast.Attribute) and node.attr in METHODS:
				text = node.value
				if getattr(text, "id", None) not in NO_TEXT and not _is_of_code(
					text, _assigned(tree) | names
				):
					yield ast.unparse(text)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
	"""What is in the scope, not in functions in it."""
	for child in ast.iter_child_nodes(scope):
		if not isinstance(child, FUNCTIONS):
			yield child
			yield from _own(child)


def _assigned(scope: ast.AST) -> dict[str, list[ast.AST]]:
	"""{name: what is assigned to it} in the scope; a name that gets its value otherwise has what is no text of the code."""
	found: dict[str, list[ast.AST]] = {}
	if isinstance(scope, FUNCTIONS):
		arguments = scope.args
		for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
			found.setdefault(each.arg, []).append(each)
	for node in _own(scope):
		if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
			targets = node.targets if isinstance(node, ast.Assign) else [node.target]
			for target in targets:
				if isinstance(target, ast.Name):
					found.setdefault(target.id, []).append(node.value)
				else:  # of a tuple
					for each in ast.walk(target):
						if isinstance(each, ast.Name):
							found.setdefault(each.id, []).append(target)
		elif isinstance(node, ast.For | ast.comprehension):
			is_of_code = isinstance(node.iter, ast.Tuple | ast.List)
			for each in ast.walk(node.target):
				if isinstance(each, ast.Name):
					found.setdefault(each.id, []).extend(node.iter.elts if is_of_code else [node.iter])
		elif isinstance(node, ast.With | ast.AsyncWith):
			for item in node.items:
				if isinstance(item.optional_vars, ast.Name):
					found.setdefault(item.optional_vars.id, []).append(item.context_expr)
	return found


def _is_of_code(text: ast.AST | None, names: dict[str, list[ast.AST]], depth: int = 3) -> bool:
	"""Whether the text is in the code, or one of the code's translated."""
	if isinstance(text, ast.Constant):
		return True
	if isinstance(text, ast.BinOp) and isinstance(text.op, ast.Add):
		return _is_of_code(text.left, names, depth) and _is_of_code(text.right, names, depth)
	if isinstance(text, ast.IfExp):
		return _is_of_code(text.body, names, depth) and _is_of_code(text.orelse, names, depth)
	if isinstance(text, ast.Call):
		function = text.func
		name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
		if name in (*TRANSLATED, *WRAPPED):
			inner = text.args[0] if text.args else getattr(function, "value", None)
			return _is_of_code(inner, names, depth)
	if isinstance(text, ast.Name) and depth:
		values = names.get(text.id)
		return bool(values) and all(_is_of_code(value, names, depth - 1) for value in values)
	return False
