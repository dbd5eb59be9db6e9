"""Puts budget.py into what Jinja compiles: each turn of a loop ticks, and what operators make is counted."""

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import markup_join, str_join

# What is repeated counts by its parts. A list or dict that is made anew in each turn takes more memory than another part.
STEPS_OF_CONTAINER = 4
COMPARED_RIGHT = ("in", "notin")
CONTAINERS = (nodes.List, nodes.Dict, nodes.Tuple)


def put_looks(tree: nodes.Template) -> nodes.Template:
	"""Put looks at the time into loops, macros, blocks and the text as a whole, and judge what is compared."""
	_tick_in(tree.body, tree, _put_into(tree))
	return tree


def _put_into(node: nodes.Node) -> int:
	"""Change the node and all within it. Returns how many parts it has."""
	steps = STEPS_OF_CONTAINER if isinstance(node, CONTAINERS) else 1
	for child in node.iter_child_nodes():
		steps += _put_into(child)
	if isinstance(node, nodes.For | nodes.Macro | nodes.CallBlock | nodes.Block):
		_tick_in(node.body, node, steps)
		if isinstance(node, nodes.For) and node.test is not None:
			node.test = nodes.Or(_call("tick", nodes.Const(1)), node.test, lineno=node.lineno)
	elif isinstance(node, nodes.Compare):
		node.expr = _weighed(node.expr)
		for operand in node.ops[:-1]:
			operand.expr = _weighed(operand.expr)
		if node.ops[-1].op in COMPARED_RIGHT:
			node.ops[-1].expr = _weighed(node.ops[-1].expr)
	elif isinstance(node, nodes.Pair):
		node.key = _weighed(node.key)
	return steps


def _tick_in(body: list[nodes.Node], within: nodes.Node, steps: int) -> None:
	body.insert(0, nodes.ExprStmt(_call("tick", nodes.Const(steps)), lineno=within.lineno))


def _weighed(node: nodes.Expr) -> nodes.Expr:
	return node if isinstance(node, nodes.Const) else _call("weighed", node)


def _call(name: str, *arguments: nodes.Expr) -> nodes.Call:
	return nodes.Call(nodes.EnvironmentAttribute(name), list(arguments), [], None, None)


class JudgingGenerator(CodeGenerator):
	"""Jinja's compiler. It calls the environment itself for `~`, for slices, and for what put_looks has put in."""

	def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
		if not isinstance(node.node, nodes.EnvironmentAttribute):
			super().visit_Call(node, frame, forward_caller=forward_caller)
			return
		self.write(f"environment.{node.node.name}(")
		for argument in node.args:
			self.visit(argument, frame)
		self.write(")")

	def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
		self.write("environment.joined(context, (")
		for part in node.nodes:
			self.visit(part, frame)
			self.write(", ")
		self.write("))")

	def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
		is_slice = isinstance(node.arg, nodes.Slice)
		if is_slice:
			self.write("environment.made(")
		super().visit_Getitem(node, frame)
		if is_slice:
			self.write(")")


def joined(context: Any, parts: tuple) -> Any:
	"""The parts of a `~`, one after the other, as Jinja does it."""
	return (markup_join if context.eval_ctx.autoescape else str_join)(parts)
