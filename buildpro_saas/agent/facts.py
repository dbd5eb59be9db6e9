"""Plain data that goes through the door, and names that the agent and its callers share."""

import re
from dataclasses import dataclass

# A folder under sites/ without a site_config.json is no site to Frappe, nor is anything below it.
HIDDEN = ".buildpro"
# Where an image's, a standby site's and a shadow's folders are, under sites/; "" for the sites themselves.
IMAGES, STANDBY, SHADOWS = f"{HIDDEN}/images", f"{HIDDEN}/standby", f"{HIDDEN}/shadows"
PLACES = ("", IMAGES, STANDBY, SHADOWS)

# Of site_config.json, what is the database's and not the site's; and what a shadow has of its own beside that.
OF_DATABASE = ("db_name", "db_user", "db_password", "encryption_key", "buildpro_job")
OF_SHADOW = (
	*OF_DATABASE,
	*("maintenance_mode", "allow_reads_during_maintenance", "pause_scheduler", "mute_emails"),
)

# In site_config.json of a site that staff have closed, or whose scheduler they have paused: {"by", "since", "message"}.
MAINTENANCE, PAUSED = "buildpro_maintenance", "buildpro_scheduler_paused"
# In site_config.json of a site that is held (agent/hold.py): what the keys were before; and who holds it while it is migrated.
HELD, HELD_BY = "buildpro_held", "buildpro_held_by"
# In site_config.json of a clone: {"of": the tenant that it is a clone of, "until": the day on which it ends}.
CLONE = "buildpro_clone"
# In Redis, before a site's name: how often its features were asked for. It is under the site's name, and outlives a clearing of caches.
USES = "buildpro_usage|"
# In the meta of a job that found its site held, and went back into its queue.
PUT_BACK = "buildpro_put_back"
# In site_config.json: the mark of the job that made the site; whether the site is its tenant's for good.
MARK = "buildpro_job"
FINISHED = "buildpro_finished"
# FINISHED in the site's database: a Single of this name. No DocType has the name, so no saving of a document removes it.
FINISHED_NOTE = "BuildPro SaaS Site"

# The name of a site's folder: no path, not hidden. Frappe's sites and our names of databases are such.
SITE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}"
# Database names that staff may choose: the guide's `customer1_db`.
CUSTOM_NAME = re.compile(r"[a-z][a-z0-9_]{0,57}_db")
# Keys of site_config.json that say where the database server is, and how to speak with it.
SERVER_KEYS = ("db_host", "db_port", "db_socket", "db_ssl_ca", "db_ssl_cert", "db_ssl_key")
# What to say where a site is there and its configuration is lost or damaged; and where the site itself is gone.
UNTOUCHED = "Its data is untouched: do not restore it."
CONFIG_BACK = f"Put back its own site_config.json, from a backup. {UNTOUCHED}"
USER_LOST = "He is made again within ten minutes, or at once with `saas restore-lost`; then press Retry."
RESTORE = "Find out who took it away, and restore it from its last backup."
# What came of a check of a bench's security: nothing is wrong; something is; it could not be looked at.
FINE, FOUND, NOT_SEEN = "Fine", "Found", "Not Seen"
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
	"""The folder of a site, an image or a standby site; or a draft, which is one half made or half removed."""

	place: str  # one of PLACES
	name: str  # the folder's own
	site: str  # the site's name; a draft's own name is made of it
	tail: str  # the end of the mark that a draft's name has; empty for no draft
	mark: str | None
	database: str | None  # the one that its site_config.json names
	user: str | None  # the database user that it names
	tenant: str | None  # the tenant that it is configured for
	is_finished: bool  # its job has handed it over to its tenant
	is_readable: bool  # False: its site_config.json cannot be read
	modified: float  # seconds since the epoch: when something directly in it last came or went
	held_by: str = ""  # who holds it, and since when, as a piece of a sentence; empty where nobody does
	is_half_migrated: bool = False  # whoever holds it was migrating the site itself

	@property
	def path(self) -> str:
		"""Where it is under sites/."""
		return f"{self.place}/{self.name}".lstrip("/")


@dataclass(frozen=True)
class Inventory:
	"""What is on a bench. Databases and users are listed where their names could be a site's and the account may see them."""

	folders: tuple[Folder, ...]
	databases: frozenset[str]
	marked: dict[str, str]  # {database: mark} of those whose mark begins with the prefix that was asked for
	users: frozenset[str]
	in_trash: frozenset[str] = frozenset()  # databases that the bench's trash keeps
	without_config: frozenset[str] = frozenset()  # folders of sites that have lost their site_config.json
	set_aside: frozenset[str] = frozenset()  # databases that dumps which were killed have left
	shut_out: frozenset[str] = frozenset()  # our sites whose database user the server does not let in


@dataclass(frozen=True)
class Remains:
	"""What is left of a tenant's site of which a part is lost (lost_site.py)."""

	lost: list[str]  # as pieces of a sentence; [] for a whole site
	left_alone: list[str]  # what has its names and is not shown to be its own, as pieces of a sentence
	mark: str | None  # of its folder; None where that is lost
	database_mark: str | None  # of its database; None where that is lost
	has_user: bool  # its database user is there, and no database of his
	is_name_taken: bool  # something that is not its own has its folder's name
	unmovable: str  # what its database holds for which it keeps its name, such as "views"
	is_shut_out: bool = False  # nothing is lost but its database user, whom the server does not let in


@dataclass(frozen=True)
class Contents:
	"""What a database holds: its tables, those of them with rows, and its sequences' states (database_copy.SEQUENCE's columns)."""

	tables: list[str]
	filled: list[str]
	sequences: dict[str, list[int]]
	size: int  # bytes, data and indexes


@dataclass(frozen=True)
class Manifest:
	"""What a database holds, so that a copy can be held against it: taken while nothing of it changes.

	tables: {name: [rows, checksum]}. schema: a digest of all columns and indexes. size: bytes, data and indexes.
	"""

	tables: dict[str, list[int]]
	schema: str
	size: int


@dataclass(frozen=True)
class Migrated:
	"""What a migrate of a shadow has done.

	patches: (name, seconds) of each that was run. jobs: what it enqueued for the site, as release_jobs takes it. config: keys of
	site_config.json that it changed; None for one that it removed. left: what it would do again at once (pending_migration.reasons).
	"""

	patches: list[tuple[str, float]]
	jobs: list[dict]
	config: dict[str, object]
	left: list[str]


@dataclass(frozen=True)
class Entry:
	"""One thing in the trash. Raises TypeError when its values are of another kind, as those of a damaged note."""

	name: str
	kind: str  # FOLDER or DATABASE
	subject: str  # where it was: its path under sites/, or the database's name
	mark: str
	database: str | None  # of a folder the one that it names; of a database its name in the trash
	removed_at: str  # the bench's time, ISO 8601
	age: float = 0.0  # seconds for which somebody has seen it here
	looked_at: float = 0.0  # seconds since the epoch: when its age was counted last

	def __post_init__(self) -> None:
		texts = (self.subject, self.mark, self.removed_at, self.database or "")
		numbers = (self.age, self.looked_at)
		is_note = all(isinstance(text, str) for text in texts) and self.kind in (FOLDER, DATABASE)
		if not (is_note and all(isinstance(number, int | float) for number in numbers)):
			raise TypeError(f"The note of {self.name} has values of another kind.")

	@property
	def is_in_place(self) -> bool:
		"""Whether it is a database that has kept its name, for what does not move with tables; nobody can sign in there."""
		return self.kind == DATABASE and self.database == self.subject


@dataclass(frozen=True)
class Setting:
	"""One variable of a MariaDB server: what it is, and the least that it should be."""

	name: str
	value: int
	wanted: int

	@property
	def is_enough(self) -> bool:
		"""Whether the server's value is at least the wanted one."""
		return self.value >= self.wanted


@dataclass(frozen=True)
class Use:
	"""Whether somebody may have used a site. sign: what shows it, as a piece of a sentence, or empty. is_in_place: its folder is in its place."""

	sign: str
	is_in_place: bool


@dataclass(frozen=True)
class Answer:
	"""What a web server answered under a site's name. is_itself: it was that very site."""

	url: str
	status: int
	is_itself: bool


@dataclass(frozen=True)
class Room:
	"""Bytes that a backup takes once it is loaded: on the disk of the sites, and on MariaDB's."""

	files: int
	database: int


@dataclass(frozen=True)
class Judged:
	"""What a backup in a folder is, which can be loaded on the bench.

	server: what made the dump. others: {"views", "triggers", "sequences", "routines": names}. apps: {name: version}; older: those of an
	older version than the bench's. files: {"private", "public": how many}. tenant: whose site it was, where it says so. notes:
	sentences on what is done otherwise than the backup has it.
	"""

	server: str
	tables: int
	others: dict[str, list[str]]
	apps: dict[str, str]
	older: list[str]
	files: dict[str, int]
	room: Room
	has_key: bool
	has_manifest: bool
	tenant: str | None
	notes: list[str]


@dataclass(frozen=True)
class Loaded:
	"""What was loaded into a shadow. held: what its database has. files: {"private", "public": how many}. is_compared: with a manifest."""

	held: Manifest
	files: dict[str, int]
	is_compared: bool


@dataclass(frozen=True)
class AdminStore:
	"""A store that has backups of an admin site. key: of the store, as only the recovery key opens it, in base64."""

	store: str
	site: str
	key: str


@dataclass(frozen=True)
class Recovered:
	"""An admin site that was made anew from its backup. older: its apps that the bench has newer by now."""

	site: str
	backup: str
	taken_at: str
	tables: int
	older: list[str]


@dataclass(frozen=True)
class Check:
	"""One thing that was looked at for the security of a bench and its machine.

	state: FINE, FOUND or NOT_SEEN. sentence: what is so. command: what to run, or to do; empty where nothing is to be done.
	"""

	subject: str
	state: str
	sentence: str
	command: str = ""
