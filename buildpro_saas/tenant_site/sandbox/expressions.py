"""Evaluates expressions that users write (conditions, formulas, virtual fields). On tenants' sites each attribute is judged."""

import ast
import operator
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache, partial, wraps
from types import CodeType
from typing import Any

from frappe.utils.safe_exec import FrappeTransformer
from RestrictedPython import compile_restricted
from RestrictedPython.Guards import guarded_iter_unpack_sequence

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox import budget, namespace, reading, sizes
from buildpro_saas.tenant_site.sandbox.refusal import refuse

OPERATORS: dict[type[ast.operator], tuple[str, Callable]] = {
	ast.Add: ("+", operator.add),
	ast.Sub: ("-", operator.sub),
	ast.Mult: ("*", operator.mul),
	ast.FloorDiv: ("//", operator.floordiv),
	ast.Mod: ("%", operator.mod),
	ast.Pow: ("**", operator.pow),
	ast.LShift: ("<<", operator.lshift),
	ast.BitOr: ("|", operator.or_),
	ast.BitAnd: ("&", operator.and_),
	ast.BitXor: ("^", operator.xor),
}
BY_SIGN = dict(OPERATORS.values())


class ExpressionTransformer(FrappeTransformer):
	"""RestrictedPython's rules and these: no `:=`; operators, calls, f-strings and comparisons look at sizes; functions tick."""

	def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
		node = self.node_contents_visit(node)
		if type(node.op) not in OPERATORS:
			return node
		return _called("_operator_", node, ast.Constant(OPERATORS[type(node.op)][0]), node.left, node.right)

	def visit_Call(self, node: ast.Call) -> ast.AST:
		node = super().visit_Call(node)
		if isinstance(node.func, ast.Name) and node.func.id == "_apply_":
			return node
		node.args.insert(0, node.func)
		node.func = ast.copy_location(ast.Name("_apply_", ast.Load()), node)
		return node

	def visit_Compare(self, node: ast.Compare) -> ast.AST:
		node = self.node_contents_visit(node)
		node.left = _weighed(node.left)
		last = node.comparators[-1]
		node.comparators = [_weighed(each) for each in node.comparators[:-1]]
		node.comparators.append(_weighed(last) if isinstance(node.ops[-1], ast.In | ast.NotIn) else last)
		return node

	def visit_Dict(self, node: ast.Dict) -> ast.AST:
		node = self.node_contents_visit(node)
		node.keys = [key and _weighed(key) for key in node.keys]
		return node

	def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
		node = super().visit_DictComp(node)
		node.key = _weighed(node.key)
		return node

	def visit_Set(self, node: ast.Set) -> ast.AST:
		node = self.node_contents_visit(node)
		node.elts = [each if isinstance(each, ast.Starred) else _weighed(each) for each in node.elts]
		return node

	def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
		node = super().visit_SetComp(node)
		node.elt = _weighed(node.elt)
		return node

	def visit_Starred(self, node: ast.Starred) -> ast.AST:
		node = super().visit_Starred(node)
		node.value = _called("_spread_", node, node.value)
		return node

	def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
		node = super().visit_Lambda(node)
		node.body = ast.copy_location(ast.BoolOp(ast.Or(), [_called("_tick_", node), node.body]), node)
		return node

	def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
		node = self.node_contents_visit(node)
		return _called("_joined_", node, *node.values)

	def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
		node = self.node_contents_visit(node)
		return _called(
			"_formatted_",
			node,
			node.value,
			ast.Constant(node.conversion),
			node.format_spec or ast.Constant(""),
		)

	def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
		self.error(node, "Assignment expressions are not allowed.")


def _called(name: str, within: ast.AST, *arguments: ast.expr) -> ast.Call:
	"""A call of one of GUARDS, which stands where `within` stands."""
	call = ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), within)
	return ast.fix_missing_locations(call)


def _weighed(node: ast.expr) -> ast.expr:
	return node if isinstance(node, ast.Constant) else _called("_weighed_", node, node)


def evaluate(code: str, eval_globals: dict | None = None, eval_locals: dict | None = None) -> Any:
	"""Return the value of the expression. Takes what frappe.safe_eval takes.

	Raises:
		SyntaxError: it is no expression, or uses what RestrictedPython forbids.
		SandboxError: it asks for more than reading.
		SandboxTimeoutError: it took too long.
	"""
	names = {**(eval_globals or {})}
	if reading.is_namespace(names.get("frappe")):
		names = namespace.restricted(names)
	names = {name: reading.replaced(value) for name, value in names.items()}
	with budget.running():
		compiled, steps = _compiled(unicodedata.normalize("NFKC", code).strip())
		found = {**names, **FUNCTIONS, **GUARDS, "_getiter_": partial(budget.ticking, steps=steps)}
		return eval(compiled, {**found, "__builtins__": {}}, eval_locals)


@lru_cache(maxsize=1024)
def _compiled(code: str) -> tuple[CodeType, int]:
	"""The compiled expression, and how many parts it has: each turn of a comprehension counts as so many."""
	compiled = compile_restricted(code, filename="<safe_eval>", policy=ExpressionTransformer, mode="eval")
	return compiled, sum(1 for _node in ast.walk(ast.parse(code, mode="eval")))


def _getattr(obj: Any, name: str) -> Any:
	return reading.read(obj, name, may_change=False)


def _getitem(obj: Any, key: Any) -> Any:
	if isinstance(key, str) and key.startswith("_"):
		refuse(key)
	value = reading.replaced(obj[budget.weighed(key)])
	return budget.made(value, "slice") if isinstance(key, slice) else value


def _apply(function: Callable, *args, **kwargs) -> Any:
	budget.tick()
	sizes.before_call(function, args, kwargs)
	return budget.made(function(*args, **kwargs), "call")


def _operator(sign: str, left: Any, right: Any) -> Any:
	sizes.before_operator(sign, left, right)
	return budget.made(BY_SIGN[sign](left, right), sign)


def _spread(items: Iterable) -> list:
	"""What a `*` in front of a list stands for."""
	return budget.made(list(items if hasattr(items, "__len__") else budget.ticking(items)), "*")


def _formatted(value: Any, conversion: int, spec: str) -> str:
	"""`{value!conversion:spec}` of an f-string."""
	sizes.format_spec(value, spec)
	converted = {-1: lambda each: each, ord("s"): str, ord("r"): repr, ord("a"): ascii}[conversion](value)
	return budget.made(format(converted, spec), "format")


def _joined(*parts: str) -> str:
	"""The parts of an f-string. The parts of its format come here, too."""
	return budget.made("".join(parts), "f-string")


FUNCTIONS = {"int": int, "float": float, "long": int, "round": sizes.function("round", round)}
GUARDS = {
	"_operator_": _operator,
	"_getattr_": _getattr,
	"_getitem_": _getitem,
	"_apply_": _apply,
	"_weighed_": budget.weighed,
	"_spread_": _spread,
	"_formatted_": _formatted,
	"_joined_": _joined,
	"_tick_": budget.tick,
	"_iter_unpack_sequence_": guarded_iter_unpack_sequence,
}


def wrapped(original: Callable) -> Callable:
	"""`frappe.safe_eval`: `evaluate` on tenants' sites, Frappe's own elsewhere."""

	@wraps(original)
	def safe_eval(
		code: str, eval_globals: dict | None = None, eval_locals: dict | None = None, **options
	) -> Any:
		if not site_role.is_tenant_site():
			return original(code, eval_globals, eval_locals, **options)
		return evaluate(code, eval_globals, eval_locals)

	return safe_eval
