"""Jinja on tenants' sites: Frappe's environment, in which each dot and each call is judged."""

from functools import wraps
from typing import Any

from frappe import local
from frappe.utils import jinja as frappe_jinja
from jinja2 import Template, TemplateNotFound, nodes
from jinja2.defaults import DEFAULT_FILTERS
from jinja2.sandbox import SandboxedEnvironment

from buildpro_saas import site_role
from buildpro_saas.tenant_site.installed_apps_guard import APP
from buildpro_saas.tenant_site.sandbox import budget, names, namespace, reading


class TimedTemplate(Template):
	"""A template that is stopped when it takes too long (budget.py)."""

	def render(self, *args, **kwargs) -> str:
		with budget.running():
			return super().render(*args, **kwargs)


class TenantEnvironment(SandboxedEnvironment):
	"""The environment of Frappe's, of which a template sees what names.py lists."""

	template_class = TimedTemplate
	intercepted_binops = frozenset({"*", "**"})

	def __init__(self, base: SandboxedEnvironment):
		super().__init__(loader=base.loader, undefined=base.undefined, extensions=tuple(base.extensions))
		methods, filters = frappe_jinja.get_jinja_hooks()
		self.globals = namespace.restricted(base.globals, more=methods or {})
		allowed = {*DEFAULT_FILTERS, *names.FILTERS, *(filters or {})}
		self.filters = {name: function for name, function in base.filters.items() if name in allowed}
		self.tests = dict(base.tests)
		self.policies = dict(base.policies)

	def getattr(self, obj: Any, attribute: str) -> Any:
		"""`obj.attribute` in a template."""
		try:
			value = reading.read(obj, attribute, may_change=True)
		except AttributeError:
			try:
				return reading.replaced(obj[attribute])
			except (TypeError, LookupError):
				return self.undefined(obj=obj, name=attribute)
		return self._judged_format(value)

	def getitem(self, obj: Any, argument: Any) -> Any:
		"""`obj[argument]` in a template, and what filters such as map(attribute=…) ask for."""
		try:
			return reading.replaced(obj[argument])
		except (TypeError, LookupError, AttributeError):
			if not isinstance(argument, str):
				return self.undefined(obj=obj, name=argument)
		try:
			return self._judged_format(reading.read(obj, str(argument), may_change=True))
		except AttributeError:
			return self.undefined(obj=obj, name=argument)

	def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
		"""Asked by the filter `attr`."""
		reading.read(obj, attr, may_change=True)
		return super().is_safe_attribute(obj, attr, value)

	def _judged_format(self, value: Any) -> Any:
		"""A text's format with Jinja's own formatter, which reads attributes by this environment."""
		wrap = getattr(self, "wrap_str_format", None)  # older Jinjas do it as it is called
		return (wrap and wrap(value)) or value

	def call(__self, __context, __obj, *args, **kwargs) -> Any:
		"""Any call in a template."""
		budget.tick()
		reading.require_callable(__obj)
		return super().call(__context, __obj, *args, **kwargs)

	def call_binop(self, context, operator: str, left: Any, right: Any) -> Any:
		"""`*` and `**`, which could fill the machine's memory."""
		budget.require_small(operator, left, right)
		return super().call_binop(context, operator, left, right)

	def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
		"""Have each turn of a loop look at the time."""
		tree = super()._parse(source, name, filename)
		for loop in tree.find_all(nodes.For):
			call = nodes.Call(nodes.EnvironmentAttribute("tick"), [], [], None, None)
			loop.body.insert(0, nodes.ExprStmt(call, lineno=loop.lineno).set_environment(self))
		return tree

	@staticmethod
	def tick() -> None:
		budget.tick()

	def _load_template(self, name: str, *args, **kwargs) -> Template:
		if name.endswith((".py", ".pyc")):
			raise TemplateNotFound(name)  # an app's code is no template
		return super()._load_template(name, *args, **kwargs)


def told_plainly(original):
	"""`frappe.render_template` that raises what a template was refused for; from 16 on Frappe puts the traceback into a sentence of its own."""

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
	"""The first error of this app's own that led to the error."""
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
