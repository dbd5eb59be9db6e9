"""What `bench --site all migrate` does, for the sites that are named: one after the other, in one process. The last line: its seconds."""

import sys
import time

from frappe.migrate import SiteMigration


def main() -> None:
	began = time.monotonic()
	for site in sys.argv[1:]:
		SiteMigration().run(site=site)
	print(time.monotonic() - began)


if __name__ == "__main__":
	main()
