"""Prints the requirements of one group of optional dependencies, a line each. Runs in the bench's env.

Usage: extra_requirements.py PYPROJECT GROUP
"""

import sys

try:
	import tomllib
except ModuleNotFoundError:  # Python 3.10
	import tomli as tomllib

with open(sys.argv[1], "rb") as file:
	project = tomllib.load(file)["project"]
print("\n".join(project["optional-dependencies"][sys.argv[2]]))
