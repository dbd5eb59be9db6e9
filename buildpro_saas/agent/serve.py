"""The helper that neighbour.Neighbour starts on another bench: `python -m buildpro_saas.agent.serve PARENT`, in its sites/.

A question is a line of JSON on standard input: [method of Host, its arguments…]. An answer is a line on standard output:
{"result"} or {"error"}.
"""

import json
import os
import select
import sys
import threading
from pathlib import Path
from typing import TextIO

from buildpro_saas.agent import errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.operations.host import Host
from buildpro_saas.agent.site_runner import end_descendants

METHODS = ("do", "start", "look", "cancel")


def main() -> int:
	"""Answer questions until standard input is closed."""
	end_with(int(sys.argv[1]))
	answers = _own_output()
	host = Host(Bench(Path.cwd().parent))
	try:
		for line in sys.stdin:
			answers.write(answer(host, line) + "\n")
			answers.flush()
	finally:
		end_descendants()
	return 0


def answer(host: Host, line: str) -> str:
	"""The answer to a question, as JSON."""
	try:
		method, *arguments = json.loads(line)
		if method not in METHODS:
			raise errors.AgentError(f"A bench is not asked to {method!r}.")
		return json.dumps({"result": getattr(host, method)(*arguments)})
	except Exception as error:
		return json.dumps({"error": errors.as_plain(error)})


def end_with(parent: int) -> None:
	"""End this process when the parent ends, whatever it is doing. The processes that it runs end with it."""
	watched = os.pidfd_open(parent)
	if os.getppid() != parent:  # it died before we asked
		os._exit(1)

	def watch() -> None:
		select.select([watched], [], [])
		end_descendants()
		os._exit(1)

	threading.Thread(target=watch, daemon=True).start()


def _own_output() -> TextIO:
	"""Keep standard output for the answers alone. What an app prints goes to standard error."""
	answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
	os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
	return answers


if __name__ == "__main__":
	sys.exit(main())
