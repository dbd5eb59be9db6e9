"""Runs one `bench` command whose arguments come as a JSON list on standard input. Runs in the bench's env, in sites/.

Frappe takes root's and the Administrator's passwords as options only, and every user of a machine can read the
command lines of its processes. So the options come this way, and Frappe's own entry point finds them in sys.argv.
"""

import json
import sys

from frappe.utils.bench_helper import main

sys.argv = ["bench", "frappe", *json.load(sys.stdin)]
main()
