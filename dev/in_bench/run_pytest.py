"""Runs pytest from a folder of packages beside the bench's env; the env's own packages come first. Runs in that env.

Usage: run_pytest.py FOLDER [pytest's arguments]
"""

import os
import site
import sys

site.addsitedir(sys.argv[1])
sys.path.insert(0, os.getcwd())

import pytest

sys.exit(pytest.main(sys.argv[2:]))
