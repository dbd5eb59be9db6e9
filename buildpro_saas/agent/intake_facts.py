"""What a site is that is to be taken in, as plain data: what its rows say, and what stands in the way."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
	"""What a site's rows say.

	apps: {name: version}. users: people who can sign in to Desk; others: those who can sign in elsewhere. companies: how many it has.
	owner: {"email", "name"} of its first System Manager, empty for none. region: {"country", "currency", "language", "time_zone"}, as far
	as known. customisations: {doctype: names}. speaks: {doctype: names} of what speaks with other systems by itself.
	"""

	apps: dict[str, str]
	users: int
	others: int
	companies: int
	owner: dict[str, str]
	company: str
	region: dict[str, str]
	customisations: dict[str, list[str]]
	is_scheduled: bool
	speaks: dict[str, list[str]]


@dataclass(frozen=True)
class Survey(Told):
	"""What a site, or a backup's, has that is to be taken in, and what stands in the way.

	older: those of its apps that are of an older version than the bench's. size: {"database", "files"}: bytes it takes once it is here.
	domains: host names that it has answered to. tenant: whose site it was, where it says so. left: keys of its site_config.json that do
	not come along. faults: sentences on why it cannot be taken in. notes: sentences on what is otherwise afterwards.
	"""

	server: str
	tables: int
	size: dict[str, int]
	older: list[str]
	domains: list[str]
	has_key: bool
	tenant: str | None
	left: list[str]
	faults: list[str]
	notes: list[str]
