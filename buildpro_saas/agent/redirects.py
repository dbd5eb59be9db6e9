"""Where requests are sent that come under a name that a site of this bench had: one small file for each name, which any web process reads.

The file says until when it counts. So a name is free again at that moment, also where nobody comes to remove the file.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.facts import HIDDEN

FOLDER = f"{HIDDEN}/renamed"  # below sites/


@dataclass(frozen=True)
class Redirect:
	"""Requests go to `url` (scheme, host, perhaps a port; no slash at its end) until then (seconds since the epoch)."""

	url: str
	until: float


def put(sites: Path, name: str, redirect: Redirect) -> None:
	"""Send what comes under the name somewhere else. sites: the bench's folder of sites. name: a plain host name."""
	folder = sites / FOLDER
	folder.mkdir(parents=True, exist_ok=True)
	site_config.write_json(folder / name, asdict(redirect))


def find(sites: Path, name: str, now: float) -> Redirect | None:
	"""Where to send what comes under the name at that moment; None where nobody had it, or its time is over.

	name: a plain host name (strict_names.is_host_name). A file that cannot be read counts for nothing.
	"""
	try:
		noted = json.loads((sites / FOLDER / name).read_text())
		found = Redirect(str(noted["url"]), float(noted["until"]))
	except (OSError, ValueError, KeyError, TypeError):
		return None
	return found if now < found.until else None


def forget(sites: Path, name: str) -> None:
	"""Send nobody away from the name any more. Repeatable."""
	(sites / FOLDER / name).unlink(missing_ok=True)
