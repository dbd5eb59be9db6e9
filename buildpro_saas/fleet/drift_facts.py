"""What is compared where a bench and the admin site's records differ, and what is found. Plain data; drift.py compares."""

from dataclasses import dataclass, field

from buildpro_saas.agent.facts import Folder
from buildpro_saas.domains.zone_drift import Departure

SITE_FOLDER, DATABASE, USER = "Site Folder", "Database", "Database User"
TENANT, IMAGE, STANDBY, SHADOW = "Tenant", "Image", "Standby Site", "Site Shadow"
BACKUP, BACKUP_STORE, OFFSITE_STORE = "Backup", "Backup Store", "Offsite Store"
DNS_RECORD, DNS_ZONE = "DNS Record", "DNS Zone"

# How the names of databases begin in which a backup sets tables aside, and of nothing else's (agent/database_dump.py).
SET_ASIDE = "_dump_"
IMAGE_DATABASE = "_image_"  # how the names of images' databases begin, and of nothing else's (steps/image.py)


@dataclass(frozen=True)
class Expected:
	"""A record of something that must be on the bench."""

	kind: str  # TENANT, IMAGE, STANDBY or SHADOW
	name: str
	status: str
	folder: str  # its path under sites/
	database: str
	mark: str | None = None  # what folder and database carry; None: whatever they carry
	has_user: bool = True


@dataclass(frozen=True)
class Living:
	"""A tenant of which something is on a bench."""

	name: str
	folder: str  # its path under sites/
	database: str | None
	elsewhere: str = ""  # its bench, where that is not the one that is looked at

	@property
	def place(self) -> str:
		"""Where its site belongs, in words."""
		return f"sites/{self.folder}" + (f" of the bench {self.elsewhere}" if self.elsewhere else "")


@dataclass(frozen=True)
class Believed:
	"""What the admin site's records claim, and what they expect to be there."""

	site: str  # the admin site's own name
	marks: frozenset[str]  # of jobs that have not ended or failed, of images and of standby sites
	folders: frozenset[str]  # paths under sites/
	databases: frozenset[str]
	expected: tuple[Expected, ...]
	living: tuple[Living, ...] = ()
	holding: frozenset[str] = frozenset()  # tenants of whose site a record says that somebody may hold it

	@property
	def prefix(self) -> str:
		"""How the marks of this admin site begin (lifecycle.start makes them)."""
		return f"{self.site}/"


@dataclass(frozen=True)
class Evidence:
	"""What more is known of things that no record claims."""

	marks: frozenset[str] = frozenset()  # marks of jobs on record that have ended
	filled: frozenset[str] = frozenset()  # databases that hold tables
	users: frozenset[str] = frozenset()  # database users that a record of ours names
	used: dict[str, str] = field(default_factory=dict)  # {database: what shows that people have used it}


@dataclass(frozen=True)
class Finding:
	"""One difference. `what` and `action` are sentences for staff."""

	kind: str
	subject: str
	what: str
	action: str
	is_ours: bool
	mark: str = ""
	is_removable: bool = False
	folder: Folder | None = None
	unmarked: str = ""  # the tenant's database that has lost its mark, which was `mark`
	departure: Departure | None = None  # of the DNS
	is_user_lost: bool = False  # the tenant lacks its database user, and nothing else
	is_held: bool = False  # the tenant's site is held by a job of which no record is left

	@property
	def key(self) -> tuple:
		"""Equal for the same thing with the same trouble. Another thing that has taken its name is another finding."""
		return (self.kind, self.subject, self.mark, self.is_ours)
