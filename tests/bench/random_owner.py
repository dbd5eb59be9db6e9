"""A tenant of a story as its owner knows it, and what he does on his site."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pymysql

from dev.shell import DevError
from dev.site_client import SiteClient

PASSWORD = "Only-For-The-Story-71"
QUEUES = ("redis_queue", "redis_cache")


class Refused(Exception):
	"""The line cannot be played now; the text says why."""


@dataclass
class Customer:
	"""A tenant as its owner knows it, whatever the admin site's records say."""

	letter: str
	name: str
	site: str
	notes: list[str] = field(default_factory=list)  # what the owner wrote on his site
	lived: bool = False  # his site was finished once, or he worked in it
	has_worked: bool = False
	facts: dict[str, str] = field(default_factory=dict)  # of his site, from when it lived
	away: Path | None = None  # where an operator moved its folder
	copies: list[Path] = field(default_factory=list)

	@property
	def email(self) -> str:
		return f"owner@{self.name}.example"


class Owner:
	"""A part of Hands, which has the bench, its services and the customers."""

	def work(self, letter: str) -> str:
		"""The owner signs in on his site, writes a note and uploads a file."""
		customer = self._customer(letter)
		if not all(self.services.is_running(name) for name in QUEUES) or not self.has_account(customer):
			raise Refused("the owner has no account there yet, or the site is away")
		client = self.client(customer)
		status, answer = self.sign_in(client, customer)
		if status != 200:
			return f"he is not let in: {status} {str(answer)[:200]}"
		customer.has_worked = True
		note = f"note {len(customer.notes)} of {customer.name}"
		for doctype, values in (
			("ToDo", {"description": note}),
			("File", {"file_name": f"{note}.txt", "content": note, "is_private": 1}),
		):
			status, answer = client.request("POST", f"/api/resource/{doctype}", values)
			if status != 200:
				return f"he could not write: {status} {str(answer)[:200]}"
		customer.notes.append(note)
		return note

	def client(self, customer: Customer) -> SiteClient:
		return SiteClient(customer.site, self.services.port("web"))

	def site_of(self, customer: Customer):
		"""His site as the agent has it."""
		from buildpro_saas.agent.bench import Bench

		return Bench(self.bench.path).site(customer.site)

	def sign_in(self, client: SiteClient, customer: Customer) -> tuple[int, dict]:
		"""He chooses a password and signs in; returns the site's status and answer, (0, {}) where nobody listens."""
		self.site_of(customer).call("on_tenant.set_password", user=customer.email, password=PASSWORD)
		try:
			return client.request("POST", "/api/method/login", {"usr": customer.email, "pwd": PASSWORD})
		except DevError:
			return 0, {}

	def has_account(self, customer: Customer) -> bool:
		"""Whether the site is configured and in its place, and has its owner's user."""
		config = read_config(self.sites / customer.site)
		if not config.get("buildpro_tenant"):
			return False
		with self.bench.root() as cursor:
			try:
				cursor.execute(
					f"select 1 from `{config['db_name']}`.tabUser where name = %s", (customer.email,)
				)
			except (pymysql.err.ProgrammingError, pymysql.err.OperationalError):
				return False
			return bool(cursor.fetchall())


def read_config(folder: Path) -> dict:
	"""site_config.json of a folder; {} where there is none."""
	try:
		return json.loads((folder / "site_config.json").read_text())
	except FileNotFoundError:
		return {}
