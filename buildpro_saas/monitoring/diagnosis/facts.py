"""What a diagnosis goes by: the tenant, what the records say of it, and what was seen of its site. Plain data."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
	"""A tenant's site, and where it is asked for.

	host: the name by which people reach it. leads_to: the name to which that one sends them; "" where it answers itself. is_managed: the
	bench's proxy is ours. is_asked: the host is looked up and walked to; not where it is a name of this machine alone. addresses: where
	names of the bench have to lead; none where nobody has said so. connect_to: the address at which the bench's proxy is asked. is_local: the
	bench is the admin site's own.
	"""

	tenant: str
	site: str
	bench: str
	host: str
	web_port: int
	https_port: int = 443
	http_port: int = 80
	is_managed: bool = False
	is_asked: bool = False
	leads_to: str = ""
	addresses: tuple[str, ...] = ()
	connect_to: str = "127.0.0.1"
	is_local: bool = True


@dataclass(frozen=True)
class Facts:
	"""All that was seen.

	way, at_proxy: domains.walk's stages as plain data, to the host as the DNS leads and at the bench's own proxy. bench: agent.diagnosis.looks;
	{} where the bench did not answer, and bench_fault says why. records: records.py's; {} where records_fault says why. now: seconds since the
	epoch, as the bench answered.
	"""

	target: Target
	way: list[dict[str, Any]] = field(default_factory=list)
	at_proxy: list[dict[str, Any]] = field(default_factory=list)
	bench: dict[str, dict[str, Any]] = field(default_factory=dict)
	bench_fault: str = ""
	records: dict[str, Any] = field(default_factory=dict)
	records_fault: str = ""
	now: float = 0.0

	def look(self, name: str) -> dict[str, Any]:
		"""One look at the bench: what it found with "fault": "", or {"fault": why there is nothing}."""
		return self.bench.get(name) or {"fault": self.bench_fault or "It was not looked at."}


def span(seconds: float) -> str:
	"""A length of time as people say it."""
	for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
		if seconds >= 2 * length:
			return f"{seconds / length:.0f} {unit}"
	return f"{seconds:.0f} s"
