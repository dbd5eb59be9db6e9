"""Python's audit hook (PEP 578). While a tenant's request or job is at work, it asks files.py, addresses.py and programs.py.

Python calls it whenever any code opens a file or a connection, or starts a program. It cannot be taken off. It runs inside
the event that it judges, so it imports nothing and takes no lock.
"""

import sys

from buildpro_saas.tenant_site.sandbox import acting, addresses, files, programs

EVENTS = frozenset({"open", "subprocess.Popen", *files.CHANGES, *addresses.EVENTS})


def install() -> None:
	"""Add the hook to this process, once: Python has no way to take one off."""
	if not getattr(sys, "buildpro_guards", False):
		sys.buildpro_guards = True
		sys.addaudithook(_on_event)


def _on_event(event: str, arguments: tuple) -> None:
	if event not in EVENTS:
		return
	site = acting.site()
	if site is None:
		return
	if event in addresses.EVENTS:
		addresses.judge(site, arguments)
	elif event == "subprocess.Popen":
		programs.judge(site, arguments[1], arguments[2])
	else:
		files.judge(event, arguments, site)
