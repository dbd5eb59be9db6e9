"""`bench init` by bench's own function, because the command refuses to run as root. Runs in the tools' env.

Standard input: JSON with the arguments of bench.utils.system.init.
"""

import json
import sys

from bench.utils.system import init

init(**json.load(sys.stdin))
