"""Runs a module or a script with a folder of packages beside the bench's env; the env's own packages come first. Runs in that env.

Usage: with_test_packages.py FOLDER -m MODULE [its arguments]
       with_test_packages.py FOLDER SCRIPT [its arguments]
"""

import os
import runpy
import site
import sys

folder, *rest = sys.argv[1:]
site.addsitedir(folder)
sys.path.insert(0, os.getcwd())
if rest[0] == "-m":
	sys.argv = rest[1:]
	runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
else:
	sys.argv = rest
	runpy.run_path(rest[0], run_name="__main__")
