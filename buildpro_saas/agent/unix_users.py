"""Which Unix users the processes of this machine run as, as Linux tells it."""

import os
import pwd
from pathlib import Path

TABLES = ("tcp", "tcp6")
LISTENING = "0A"
PORT_AT, STATE_AT, UID_AT = 1, 3, 7  # columns of /proc/net/tcp (man 5 proc)


def own() -> str:
	"""The user that this process runs as."""
	return name_of(os.geteuid())


def owner(path: Path) -> str:
	"""The user whom a file belongs to. Raises FileNotFoundError."""
	return name_of(os.stat(path).st_uid)


def listening_on(port: int, tables: Path = Path("/proc/net")) -> set[str]:
	"""The users of this machine's processes that listen on a TCP port; empty for none, and where the system does not say."""
	found = set()
	for table in TABLES:
		if not (tables / table).exists():
			continue
		for line in (tables / table).read_text().splitlines()[1:]:
			columns = line.split()
			if columns[STATE_AT] == LISTENING and int(columns[PORT_AT].rpartition(":")[2], 16) == port:
				found.add(name_of(int(columns[UID_AT])))
	return found


def name_of(uid: int) -> str:
	"""The user's name; the number where it has none."""
	try:
		return pwd.getpwuid(uid).pw_name
	except KeyError:
		return str(uid)
