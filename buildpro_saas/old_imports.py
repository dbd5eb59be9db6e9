"""The guide's import path, `from erpnext.projects.api.feature_gating import check_feature_access`, without touching ERPNext.

ERPNext has no module of that name. A finder at the end of Python's list of finders provides it. The last finder is asked only for what
no other has found. So it can hide no module that is there, even if ERPNext gets one some day. It is registered when our package is
imported. bench imports it for every command (the commands of all apps), so also in workers, in the scheduler and in the console. A web
process imports it with the first request (our hooks).
"""

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGE = "erpnext.projects.api"
MODULE = f"{PACKAGE}.feature_gating"


class OldImports(MetaPathFinder, Loader):
	"""Finds and makes the two modules, and no others."""

	def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
		"""Python asks with the path of the parent package, which it has imported: ERPNext is there."""
		if name == MODULE or name == PACKAGE:
			return ModuleSpec(name, self, is_package=name == PACKAGE)
		return None

	def exec_module(self, module: ModuleType) -> None:
		"""The module has the public names of buildpro_saas.feature_gating; the package has nothing."""
		if module.__name__ != MODULE:
			return
		ours = importlib.import_module("buildpro_saas.feature_gating")
		module.__doc__ = ours.__doc__
		module.__all__ = list(ours.__all__)
		for name in ours.__all__:
			setattr(module, name, getattr(ours, name))


def register() -> None:
	"""Put the finder last, once."""
	if not any(isinstance(finder, OldImports) for finder in sys.meta_path):
		sys.meta_path.append(OldImports())
