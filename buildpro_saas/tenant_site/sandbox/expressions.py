"""Expressions that users write (conditions, formulas, virtual fields) on tenants' sites: Frappe's, with each dot judged."""

import ast
import unicodedata
from collections.abc import Callable
from functools import lru_cache, wraps
from types import CodeType
from typing import Any

from frappe.utils.safe_exec import FrappeTransformer
from RestrictedPython import compile_restricted
from RestrictedPython.Guards import guarded_iter_unpack_sequence

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox import budget, namespace, reading
from buildpro_saas.tenant_site.sandbox.refusal import refuse

OPERATORS = {ast.Mult: "*", ast.Pow: "**"}


class ExpressionTransformer(FrappeTransformer):
	"""RestrictedPython's rules; no value is kept under a name on the way, and `*` and `**` look at the size."""

	def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
		node = self.node_contents_visit(node)
		operator = OPERATORS.get(type(node.op))
		if not operator:
			return node
		arguments = [ast.Constant(operator), node.left, node.right]
		judged = ast.Call(ast.Name("_operator_", ast.Load()), arguments, [])
		return ast.fix_missing_locations(ast.copy_location(judged, node))

	def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
		self.error(node, "Assignment expressions are not allowed.")


def evaluate(code: str, eval_globals: dict | None = None, eval_locals: dict | None = None) -> Any:
	"""The value of the expression, as frappe.safe_eval has it.

	Raises:
		SyntaxError: it is none, or uses what RestrictedPython forbids.
		SandboxError: it asks for more than reading.
	"""
	names = {**(eval_globals or {})}
	if reading.is_namespace(names.get("frappe")):
		names = namespace.restricted(names)
	names = {name: reading.replaced(value) for name, value in names.items()}
	found = {**names, "int": int, "float": float, "long": int, "round": round, **GUARDS, "__builtins__": {}}
	with budget.running():
		return eval(_compiled(unicodedata.normalize("NFKC", code).strip()), found, eval_locals)


@lru_cache(maxsize=1024)
def _compiled(code: str) -> CodeType:
	return compile_restricted(code, filename="<safe_eval>", policy=ExpressionTransformer, mode="eval")


def _getattr(obj: Any, name: str) -> Any:
	return reading.read(obj, name, may_change=False)


def _getitem(obj: Any, key: Any) -> Any:
	if isinstance(key, str) and key.startswith("_"):
		refuse(key)
	return reading.replaced(obj[key])


def _apply(function: Callable, *args, **kwargs) -> Any:
	return function(*args, **kwargs)


def _operator(operator: str, left: Any, right: Any) -> Any:
	budget.require_small(operator, left, right)
	return left * right if operator == "*" else left**right


GUARDS = {
	"_operator_": _operator,
	"_getattr_": _getattr,
	"_getitem_": _getitem,
	"_getiter_": budget.ticking,
	"_apply_": _apply,
	"_iter_unpack_sequence_": guarded_iter_unpack_sequence,
}


def wrapped(original: Callable) -> Callable:
	"""`frappe.safe_eval` with the sandbox on tenants' sites."""

	@wraps(original)
	def safe_eval(
		code: str, eval_globals: dict | None = None, eval_locals: dict | None = None, **options
	) -> Any:
		if not site_role.is_tenant_site():
			return original(code, eval_globals, eval_locals, **options)
		return evaluate(code, eval_globals, eval_locals)

	return safe_eval
