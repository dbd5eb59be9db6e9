"""Frappe's scheduler for our sites of a bench that is not ours. Runs in the bench's env, in sites/.

Usage: schedule_sites.py STATE, the file of existing_bench.py. `bench schedule` would also run the events of the bench's
other sites, on our queues.
"""

import json
import sys
import time
from pathlib import Path

from frappe.utils.scheduler import enqueue_events_for_site
from our_sites import our_sites

SECONDS = 30

while True:
	for site in our_sites(Path("."), json.loads(Path(sys.argv[1]).read_text())):
		enqueue_events_for_site(site=site)
	time.sleep(SECONDS)
