"""The folder of temporary files is everybody's: a tenant's request or job uses there what this process has made for its site, and no more.

What Frappe makes there it uses and removes within one request or job, so within one process. Asked by Python's audit hook: no lock, no import.
"""

import os
import tempfile
from typing import Any

# Found out before any file is judged: Python tries the folder by writing into it, and holds a lock meanwhile that it does not take twice.
# Frappe writes `/tmp` into its code.
FOLDERS = tuple({os.path.realpath(tempfile.gettempdir()), os.path.realpath("/tmp")})
MOST = 10_000  # noted at a time; the oldest are forgotten first
_made: dict[str, str] = {}  # path: the site for which this process has made it


def is_made_by(real: str, site: Any) -> bool:
	"""Whether this process has made it, or a folder that it is in, for the site. real: a path without links in it, in one of FOLDERS."""
	while real not in FOLDERS and real != os.sep:
		if _made.get(real) == site.site:
			return True
		real = os.path.dirname(real)
	return False


def may_change(real: str, site: Any, is_creating: bool) -> bool:
	"""Whether the site's request or job may change it. What is not there yet may be made, and is noted as the site's."""
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
	"""It is removed or moved: what gets its name next is another's."""
	_made.pop(real, None)
