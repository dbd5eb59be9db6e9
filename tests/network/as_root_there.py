"""Does what `saas setup-firewall` has the agent do, in the network namespace that this process was started in: a word, a root folder, values."""

import json
import sys
from pathlib import Path

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.firewall import Firewall
from buildpro_saas.agent.firewall_rules import Rules

WISHES = {"ssh_ports": [22], "ssh_from": [], "opened": ["80", "443"], "trusted": []}


def main(word: str, root: str, given: dict) -> object:
	own = Firewall(Path(root))
	if word == "apply":
		seconds = given.pop("seconds")
		return own.apply(Rules.of(**{**WISHES, **given}), seconds)
	return getattr(own, word)(**given)


if __name__ == "__main__":
	try:
		print(json.dumps({"result": main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))}))
	except AgentError as error:
		print(json.dumps({"error": str(error), "hint": error.hint}))
