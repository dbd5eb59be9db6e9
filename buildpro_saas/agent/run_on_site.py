"""What site_runner.SiteProcess starts: `python -m buildpro_saas.agent.run_on_site SITE RESULT_FD`. The order comes on standard input."""

import json
import os
import sys
import traceback
from typing import Any

import frappe

from buildpro_saas.agent.errors import hint_for, is_transient, sentence
from buildpro_saas.agent.site_context import entered, find
from buildpro_saas.agent.site_runner import adopt_orphans, end_descendants

LONGEST_SENTENCE = 4000  # characters: it is shown with the job


def main() -> int:
	"""Carry the order out and write {"result"} or {"error", "hint", "is_transient"} to the given file descriptor."""
	site, descriptor = sys.argv[1], int(sys.argv[2])
	adopt_orphans()
	order = json.load(sys.stdin)
	try:
		answer = {"result": carry_out(site, order["method"], order["arguments"])}
	except (Exception, SystemExit) as error:
		# the last frames say where; local variables, which may hold secrets, are not shown
		traceback.print_exc(limit=-6)
		answer = {"error": _sentence(error), "hint": hint_for(error), "is_transient": is_transient(error)}
	end_descendants()
	with os.fdopen(descriptor, "w") as out:
		out.write(frappe.as_json(answer))
	return 0 if "result" in answer else 1


def carry_out(site: str, method: str, arguments: dict) -> Any:
	"""Call `method` on the site. A function marked with `@connects_itself` gets frappe initialised but not connected."""
	with entered(site):
		function = find(method)
		if not getattr(function, "connects_itself", False):
			frappe.connect()
		return function(**arguments)


def connects_itself(function):
	"""Mark a function that opens the site's database itself, because it fills that database first."""
	function.connects_itself = True
	return function


def _sentence(error: BaseException) -> str:
	if isinstance(error, SystemExit):
		return f"The installer gave up (exit status {error.code})."
	return sentence(error)[:LONGEST_SENTENCE]


if __name__ == "__main__":
	sys.exit(main())
