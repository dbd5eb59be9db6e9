"""Python's audit hook (PEP 578), and whom it asks: of files, addresses and programs, when a tenant's request or job is at work.

Whatever code opens a file or a connection goes through it. It cannot be taken off, and runs within whatever it is told of: so it imports
nothing and takes no lock.
"""

import sys

from buildpro_saas.tenant_site.sandbox import acting, addresses, files, programs

EVENTS = frozenset({"open", "subprocess.Popen", *files.CHANGES, *addresses.EVENTS})


def install() -> None:
	"""Have this process ask; once, for a hook of Python's cannot be taken off."""
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
		programs.judge(site, arguments[1])
	else:
		files.judge(event, arguments, site)
