"""What goes through the door as plain data, and the names that the agent and its callers share."""

import re
from dataclasses import dataclass

# A folder under sites/ without a site_config.json is no site to Frappe, nor is anything below it.
HIDDEN = ".buildpro"
# Where an image's and a standby site's folders are, under sites/; "" for the sites themselves.
IMAGES, STANDBY = f"{HIDDEN}/images", f"{HIDDEN}/standby"
PLACES = ("", IMAGES, STANDBY)

# In site_config.json: the mark of the job that made the site; whether the site is its tenant's for good.
MARK = "buildpro_job"
FINISHED = "buildpro_finished"
# The same of the second in the site's database: a Single of this name, which no DocType has, so that no saving of a document takes it away.
FINISHED_NOTE = "BuildPro SaaS Site"

# A site's folder: no path, not hidden. Frappe's own sites, and our names of databases, are such.
SITE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}"
# Database names that staff may choose: the guide's `customer1_db`.
CUSTOM_NAME = re.compile(r"[a-z][a-z0-9_]{0,57}_db")
# Keys of site_config.json with which Frappe finds a database server, and speaks with it as that wants.
SERVER_KEYS = ("db_host", "db_port", "db_socket", "db_ssl_ca", "db_ssl_cert", "db_ssl_key")
# What to say where a site's configuration alone is lost or damaged, and where the site is.
UNTOUCHED = "Its data is untouched: do not restore it."
CONFIG_BACK = f"Put back its own site_config.json, from a backup. {UNTOUCHED}"
RESTORE = "Find out who took it away, and restore it from its last backup."
# Kinds of an entry of the trash.
FOLDER, DATABASE = "Site Folder", "Database"


@dataclass(frozen=True)
class App:
	"""An app of the bench: name, version and, where its folder is a git checkout, branch and commit."""

	app: str
	version: str
	branch: str = ""
	commit: str = ""


@dataclass(frozen=True)
class Folder:
	"""A site's folder, an image's or a standby site's, or what is left of one half made or half removed (a draft)."""

	place: str  # one of PLACES
	name: str  # the folder's own
	site: str  # the site's name, which a draft's is made of
	tail: str  # what a draft's name says of its mark; empty where it is none
	mark: str | None
	database: str | None  # that its site_config.json names
	user: str | None  # the same of the database user
	tenant: str | None  # that it was configured for
	is_finished: bool  # its job has handed it over to that tenant
	is_readable: bool  # False: its site_config.json is none
	modified: float  # seconds since the epoch: when something directly in it last came or went

	@property
	def path(self) -> str:
		"""Where it is under sites/."""
		return f"{self.place}/{self.name}".lstrip("/")


@dataclass(frozen=True)
class Inventory:
	"""What is on a bench; databases and users as far as their names could be a site's and the account may see them."""

	folders: tuple[Folder, ...]
	databases: frozenset[str]
	marked: dict[str, str]  # {database: mark} of those whose mark begins with the prefix that was asked for
	users: frozenset[str]
	in_trash: frozenset[str] = frozenset()  # databases that the bench's trash keeps
	without_config: frozenset[str] = frozenset()  # folders of sites that have lost their site_config.json


@dataclass(frozen=True)
class Contents:
	"""What a database holds: its tables, those of them with rows, and its sequences' states (database_copy.SEQUENCE's columns)."""

	tables: list[str]
	filled: list[str]
	sequences: dict[str, list[int]]
	size: int  # bytes, data and indexes


@dataclass(frozen=True)
class Entry:
	"""One thing in the trash. Raises TypeError for a note that is none."""

	name: str
	kind: str  # FOLDER or DATABASE
	subject: str  # where it was: its path under sites/, or the database's name
	mark: str
	database: str | None  # a folder: that it names; a database: what it is called meanwhile
	removed_at: str  # the bench's time, ISO 8601
	age: float = 0.0  # seconds that it has been seen here
	looked_at: float = 0.0  # seconds since the epoch: when its age was counted last

	def __post_init__(self) -> None:
		texts = (self.subject, self.mark, self.removed_at, self.database or "")
		numbers = (self.age, self.looked_at)
		is_note = all(isinstance(text, str) for text in texts) and self.kind in (FOLDER, DATABASE)
		if not (is_note and all(isinstance(number, int | float) for number in numbers)):
			raise TypeError(f"The note of {self.name} has values of another kind.")


@dataclass(frozen=True)
class Setting:
	"""One variable of a MariaDB server: what it is, and the least that it should be."""

	name: str
	value: int
	wanted: int

	@property
	def is_enough(self) -> bool:
		return self.value >= self.wanted


@dataclass(frozen=True)
class Use:
	"""Whether somebody may have used a site, as a piece of a sentence (empty: nothing shows it); whether its folder is in its place."""

	sign: str
	is_in_place: bool


@dataclass(frozen=True)
class Answer:
	"""What a web server answered under a site's name, and whether it was that very site."""

	url: str
	status: int
	is_itself: bool
