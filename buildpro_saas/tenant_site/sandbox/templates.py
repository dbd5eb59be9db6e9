"""Jinja on tenants' sites: Frappe's environment, in which each attribute and each call is judged."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial, wraps
from types import BuiltinMethodType, CodeType, MethodType
from typing import Any

from frappe import local
from frappe.utils import jinja as frappe_jinja
from jinja2 import Template, TemplateNotFound, nodes
from jinja2.defaults import DEFAULT_FILTERS
from jinja2.sandbox import SandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from jinja2.utils import _PassArg, pass_context, pass_environment
from markupsafe import Markup

from buildpro_saas import site_role
from buildpro_saas.tenant_site.installed_apps_guard import APP
from buildpro_saas.tenant_site.sandbox import budget, compiling, names, namespace, reading, sizes

# Compiled texts, the newest of this process. A text compiles to the same code on each site.
MOST_KEPT, LONGEST_KEPT = 256, 50_000  # texts; characters of one
_kept: dict[tuple, CodeType] = {}


class TimedTemplate(Template):
	"""A template that is stopped when it takes too long (budget.py)."""

	def render(self, *args, **kwargs) -> str:
		with budget.running():
			return super().render(*args, **kwargs)


class JudgedFormatter(SandboxedFormatter):
	"""Jinja's formatter, which judges widths and counts what it makes."""

	def format_field(self, value: Any, format_spec: str) -> str:
		sizes.format_spec(value, format_spec)
		return budget.made(super().format_field(value, format_spec), "format")


class JudgedEscapeFormatter(JudgedFormatter, SandboxedEscapeFormatter):
	"""The same, for a text of HTML."""


def _format(formatter: SandboxedFormatter, text: str, /, *args, **kwargs) -> str:
	return type(text)(formatter.vformat(text, args, kwargs))


def _format_map(formatter: SandboxedFormatter, text: str, mapping: dict) -> str:
	return type(text)(formatter.vformat(text, (), mapping))


class TenantEnvironment(SandboxedEnvironment):
	"""Frappe's environment, in which a template sees what names.py lists."""

	template_class = TimedTemplate
	code_generator_class = compiling.JudgingGenerator
	intercepted_binops = frozenset({"+", "*", "**", "%", "//", "-"})
	tick, made, weighed = staticmethod(budget.tick), staticmethod(budget.made), staticmethod(budget.weighed)

	def __init__(self, base: SandboxedEnvironment):
		super().__init__(loader=base.loader, undefined=base.undefined, extensions=tuple(base.extensions))
		methods, filters = frappe_jinja.get_jinja_hooks()
		self.globals = namespace.restricted(base.globals, more=methods or {})
		allowed = {*DEFAULT_FILTERS, *names.FILTERS, *(filters or {})}
		self.filters = {
			name: _judged_filter(name, function) for name, function in base.filters.items() if name in allowed
		}
		self.filters["attr"] = _judged_filter("attr", _attribute)
		self.filter_names = frozenset(self.filters)  # which the compiler looks up
		self.tests = {
			name: _judged_test(name, test) if name in sizes.COMPARING_TESTS else test
			for name, test in base.tests.items()
		}
		self.policies = dict(base.policies)
		self.finalize = budget.weighed

	def getattr(self, obj: Any, attribute: str) -> Any:
		"""`obj.attribute` in a template."""
		try:
			value = reading.read(obj, attribute, may_change=True)
		except AttributeError:
			try:
				return reading.replaced(obj[attribute])
			except (TypeError, LookupError):
				return self.undefined(obj=obj, name=attribute)
		return self.judged_format(value)

	def getitem(self, obj: Any, argument: Any) -> Any:
		"""`obj[argument]` in a template, and what filters such as map(attribute=…) ask for."""
		if not isinstance(argument, str):
			budget.weighed(argument)
		try:
			return reading.replaced(obj[argument])
		except (TypeError, LookupError, AttributeError):
			if not isinstance(argument, str):
				return self.undefined(obj=obj, name=argument)
		try:
			return self.judged_format(reading.read(obj, str(argument), may_change=True))
		except AttributeError:
			return self.undefined(obj=obj, name=argument)

	def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
		"""Judge an attribute for the filter `attr`. Raises SandboxError for one that is refused."""
		reading.read(obj, attr, may_change=True)
		return super().is_safe_attribute(obj, attr, value)

	def judged_format(self, value: Any) -> Any:
		"""A text's `format` as Jinja's own formatter, which reads attributes through this environment; else the value as it is."""
		if not isinstance(value, MethodType | BuiltinMethodType) or value.__name__ not in reading.FORMAT:
			return value
		text = value.__self__
		if not isinstance(text, str):
			return value
		formatter = (
			JudgedEscapeFormatter(self, escape=text.escape)
			if isinstance(text, Markup)
			else JudgedFormatter(self)
		)
		return partial(_format_map if value.__name__ == "format_map" else _format, formatter, text)

	def call(__self, __context, __obj, *args, **kwargs) -> Any:
		"""Judge any call in a template, look at the time, and count what it makes."""
		budget.tick()
		reading.require_callable(__obj)
		sizes.before_call(__obj, args, kwargs)
		return budget.made(super().call(__context, __obj, *args, **kwargs), "call")

	def call_binop(self, context, operator: str, left: Any, right: Any) -> Any:
		"""Refuse an operator that would fill the machine's memory."""
		sizes.before_operator(operator, left, right)
		return budget.made(super().call_binop(context, operator, left, right), operator)

	def joined(self, context, parts: tuple) -> Any:
		"""What `~` makes of its parts."""
		budget.require_light(parts, "~")
		return budget.made(compiling.joined(context, parts), "~")

	def concat(self, parts: Iterable[str]) -> str:
		"""The pieces of a text, a macro or a block, one after the other."""
		parts = list(parts)
		budget.count(sum(map(len, parts)), "text")
		return "".join(parts)

	def compile(self, source, name=None, filename=None, raw=False, defer_init=False):
		"""Compile a text within its time: a long one takes long. Frappe makes an environment for each request, so the code is kept."""
		key = (source, name, filename, defer_init, self.filter_names)
		if raw or not isinstance(source, str) or len(source) > LONGEST_KEPT:
			with budget.running():
				return super().compile(source, name, filename, raw, defer_init)
		if (code := _kept.get(key)) is None:
			with budget.running():
				code = super().compile(source, name, filename, raw, defer_init)
			if len(_kept) >= MOST_KEPT:
				_kept.pop(next(iter(_kept)), None)
			_kept[key] = code
		return code

	def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
		return compiling.put_looks(super()._parse(source, name, filename))

	def _load_template(self, name: str, *args, **kwargs) -> Template:
		if name.endswith((".py", ".pyc")):
			raise TemplateNotFound(name)  # an app's code is no template
		return super()._load_template(name, *args, **kwargs)


@pass_environment
def _attribute(environment: TenantEnvironment, obj: Any, name: Any) -> Any:
	"""The filter `attr`. Older Jinjas read the attribute by themselves."""
	try:
		return environment.judged_format(reading.read(obj, str(name), may_change=True))
	except AttributeError:
		return environment.undefined(obj=obj, name=name)


@lru_cache(maxsize=sizes.MOST_JUDGED)
def _judged_filter(name: str, function: Callable) -> Callable:
	"""The filter, judged (sizes), and its result counted. It takes the context and passes on what the filter takes."""
	passed, rule = _PassArg.from_obj(function), sizes.filter_rule(name, function)

	@pass_context
	@wraps(function)
	def judged(context, value: Any, *args, **kwargs) -> Any:
		budget.tick()
		given = sizes.judge_filter(name, rule, value, args, kwargs)
		if passed is None:
			result = function(given, *args, **kwargs)
		elif passed is _PassArg.context:
			result = function(context, given, *args, **kwargs)
		elif passed is _PassArg.eval_context:
			result = function(context.eval_ctx, given, *args, **kwargs)
		else:
			result = function(context.environment, given, *args, **kwargs)
		return result if result is value else budget.made(result, name)

	# wraps() has copied what the filter takes
	return pass_context(judged)


@lru_cache(maxsize=sizes.MOST_JUDGED)
def _judged_test(name: str, test: Callable) -> Callable:
	"""A test that compares, which judges what it is given."""

	@wraps(test)
	def judged(*args) -> Any:
		budget.require_light(args, name)
		return test(*args)

	return judged


def told_plainly(original):
	"""`frappe.render_template`, which raises the refusal itself.

	From 16 on Frappe raises an error of its own in its place, with the traceback in its text.
	"""

	@wraps(original)
	def render_template(*args, **kwargs) -> str:
		said = len(local.message_log)
		try:
			return original(*args, **kwargs)
		except Exception as error:
			refusal = _refusal_behind(error)
			if refusal is None or refusal is error:
				raise
			del local.message_log[said + 1 :]  # the refusal's own comes first
			raise refusal from None

	return render_template


def _refusal_behind(error: BaseException | None) -> BaseException | None:
	"""The earliest error of this app's own in the chain that led to the error; None where there is none."""
	found = None
	while error is not None:
		if type(error).__module__.partition(".")[0] == APP:
			found = error
		error = error.__cause__ or error.__context__
	return found


def wrapped(original):
	"""`frappe.get_jenv` with the sandbox on tenants' sites; elsewhere Frappe's own environment."""

	@wraps(original)
	def get_jenv(*args, **kwargs):
		base = original(*args, **kwargs)
		if not site_role.is_tenant_site():
			return base
		made = getattr(local, "buildpro_jenv", None)
		if not made or made[0] is not base:
			made = local.buildpro_jenv = (base, TenantEnvironment(base))
		return made[1]

	return get_jenv
