"""Entitlements for the tests of apps that ask for features.

```python
from buildpro_saas.testing import entitled


def test_an_rfi_is_made():
    with entitled("rfi", plan="Growth", limits={"max_users": 5}):
        ...
```

Within the block, it replaces how this process finds what the site's entitlement decides. It writes nothing. Production code has no switch
for it: whoever can run this can already import and call anything. A Server Script can neither import nor call it, and it refuses on a site
that is not for tests.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from unittest.mock import patch

import frappe

from buildpro_saas import framework
from buildpro_saas.entitlements import layers, statement
from buildpro_saas.entitlements.decision import Decisions, decisions_of_statement
from buildpro_saas.tenant_site import entitlement

TENANT_ROLE = {"buildpro_role": "tenant"}
# (site, decisions) of the innermost block; another thread or request does not see it
_innermost: ContextVar[tuple[str, Decisions] | None] = ContextVar("buildpro_entitled", default=None)


@contextmanager
def entitled(
	*features: str,
	plan: str = "Test",
	limits: Mapping[str, int] | None = None,
	without: Iterable[str] = (),
	as_tenant: bool = True,
) -> Iterator[Decisions]:
	"""Within the block exactly these features may be used on the current site, and exactly these limits (hard) are in force.

	limits: {key: number}. without: features that are known but not in the plan. So are all features of the site's own catalogue and of an
	outer block. Any other name raises UnknownFeatureError as ever. as_tenant: doctypes and the rest are gated as on a tenant's site, whatever
	the site's role.

	Blocks nest. Each leaves everything as it was, also when it raises. Yields the decisions. Raises RuntimeError unless this is a test:
	`allow_tests` in the site's or bench's configuration, and frappe.flags.in_test.
	"""
	_refuse_outside_tests()
	site, catalogue = frappe.local.site, _catalogue({*features, *without}, set(limits or ()))
	hard = {key: {"value": value, "is_hard": True} for key, value in (limits or {}).items()}
	data = {"tenant": site, "site": site, "layers": layers.single_plan(plan, features, hard)}
	made = decisions_of_statement(statement.unsigned(data, valid_days=365), time.time(), catalogue)
	with ExitStack() as stack:
		if as_tenant:
			stack.enter_context(patch.dict(frappe.local.conf, TENANT_ROLE))
		stack.enter_context(patch.object(entitlement, "load", _loader(entitlement.load)))
		token = _innermost.set((site, made))
		entitlement.forget_in_request()
		try:
			yield made
		finally:
			_innermost.reset(token)
			entitlement.forget_in_request()


def _loader(original):
	def load() -> entitlement.Held:
		innermost = _innermost.get()
		# it is not kept in frappe.local, which other code may share
		return (
			entitlement.Held(innermost[1]) if innermost and innermost[0] == frappe.local.site else original()
		)

	return load


def _catalogue(features: set[str], limits: set[str]) -> dict:
	"""What is known within the block: what was known before, and what the block names."""
	before = entitlement.load_decisions()
	known = {"features": dict(before.features), "limits": dict(before.catalogue.get("limits") or {})}
	for kind, keys in (("features", features), ("limits", limits)):
		for key in keys:
			known[kind].setdefault(key, {"label": frappe.unscrub(key)})
	return known


def _refuse_outside_tests() -> None:
	# without a shell nobody can set either: Desk cannot write site_config.json, and flags begin empty in a request
	if not framework.is_in_test() or not frappe.conf.allow_tests:
		raise RuntimeError(
			"buildpro_saas.testing is for tests: allow them (bench --site SITE set-config allow_tests true) and run them with"
			" `bench run-tests`, or set frappe.flags.in_test."
		)
