"""The folder of temporary files is everybody's. A tenant's request or job uses there only what this process made for its site.

Frappe makes, uses and removes a temporary file within one request or job, and so within one process. Python's audit hook asks
here, so nothing is imported and no lock is taken.
"""

import os
import tempfile
from typing import Any

# Found out as this is imported. Python finds the folder by writing a file there, and holds a lock meanwhile. Inside the
# audit hook it would wait for that lock for ever. Frappe's code names `/tmp`, too.
FOLDERS = tuple({os.path.realpath(tempfile.gettempdir()), os.path.realpath("/tmp")})
MOST = 10_000  # noted at a time; the oldest are forgotten first
_made: dict[str, str] = {}  # path → the site for which this process made it


def is_made_by(real: str, site: Any) -> bool:
	"""Whether this process made the path, or a folder above it, for the site. real: a path in one of FOLDERS, without links in it."""
	while real not in FOLDERS and real != os.sep:
		if _made.get(real) == site.site:
			return True
		real = os.path.dirname(real)
	return False


def may_change(real: str, site: Any, is_creating: bool) -> bool:
	"""Whether the site's request or job may change the path. A new one may be made; with is_creating it is noted as the site's."""
	if is_made_by(real, site):
		return True
	if real in FOLDERS or os.path.lexists(real):
		return False
	if is_creating:
		if len(_made) >= MOST:
			_made.pop(next(iter(_made)), None)
		_made[real] = site.site
	return True


def forget(real: str) -> None:
	"""Forget a path that is removed or moved. What gets its name next is another's."""
	_made.pop(real, None)
