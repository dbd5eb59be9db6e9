"""Asks the bench's web workers for a site, past DNS and proxy."""

import http.client
import re
import time
from typing import Any

PATH = "/api/method/ping"
SECONDS = 2.5
REFUSED, LATE, BROKEN = "refused", "late", "broken"
# What went wrong, as the framework's answer names it; nothing else of the answer is taken along.
KIND = re.compile(rb'"exc_type"\s*:\s*"(\w{1,60})"')
LONGEST = 64 << 10  # bytes of an answer


def look(site: str, port: int) -> dict[str, Any]:
	"""{"port", "status", "seconds", "trouble", "says"}: what the web workers on that port of this machine answer for the site.

	status: of HTTP; 0 for none. trouble: REFUSED (nobody listens), LATE (no answer in SECONDS), BROKEN (it is not HTTP's); "" for an answer.
	says: the kind of the error that the answer names.
	"""
	began = time.monotonic()
	connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
	found: dict[str, Any] = {"port": port, "status": 0, "trouble": "", "says": ""}
	try:
		connection.request("GET", PATH, headers={"Host": site, "Accept": "application/json"})
		answer = connection.getresponse()
		found["status"] = answer.status
		if kind := KIND.search(answer.read(LONGEST)):
			found["says"] = kind[1].decode()
	except ConnectionRefusedError:
		found["trouble"] = REFUSED
	except TimeoutError:
		found["trouble"] = LATE
	except (OSError, http.client.HTTPException) as error:
		found |= {"trouble": BROKEN, "says": type(error).__name__}
	finally:
		connection.close()
	return {**found, "seconds": round(time.monotonic() - began, 3)}
