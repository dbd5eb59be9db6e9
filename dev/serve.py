"""`make serve`: the bench in the foreground. Honcho runs what writes to the terminal; Ctrl-C or SIGTERM ends all of it."""

from __future__ import annotations

import contextlib
import signal
import subprocess

from dev.bench import Bench
from dev.home import REPO
from dev.services import SERVERS
from dev.shell import say


def serve(bench: Bench) -> None:
	"""Run the services until a signal comes or one of them ends, then stop all. MariaDB and Redis start beforehand, in
	the background: honcho starts everything at once, and the others need them ready."""
	bench.services().stop_all()
	services = bench.start(*SERVERS)
	procfile = services.write_procfile()
	say(f"Sites answer at http://SITE:{bench.home.ports()['web']}; Ctrl-C stops everything.")
	honcho = subprocess.Popen(
		[bench.home.tools / "bin/honcho", "-f", procfile, "-d", REPO, "start"],
		env=services.launcher_environment(),
	)
	signal.signal(signal.SIGTERM, lambda *_: honcho.terminate())
	try:
		while honcho.poll() is None:
			# The terminal sends Ctrl-C to honcho as well, which then ends its processes one after the other.
			with contextlib.suppress(KeyboardInterrupt):
				honcho.wait()
	finally:
		services.stop_all()
