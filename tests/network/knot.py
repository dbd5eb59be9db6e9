"""A real DNS server: knot, in a folder of its own, on a loopback address and port."""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.query

KEY, SECRET = "buildpro-key", "c2VjcmV0LW9mLXRoZS10ZXN0cy1zZWNyZXQtb2YtdGhlLXRlc3Rz"
SOA = "@ 300 SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 60\n@ 300 NS ns.{zone}.\nns 300 A {address}\n"


@dataclass
class Knot:
	"""A server with zones: name → the lines of its zone file after SOA and NS. Those in signed are signed by it."""

	program: str
	folder: Path
	zones: dict[str, str]
	port: int
	address: str = "127.0.0.1"
	signed: list[str] = field(default_factory=list)
	extra: str = ""  # lines of a zone's section

	def __enter__(self) -> "Knot":
		self.folder.mkdir(parents=True, exist_ok=True)
		for zone, lines in self.zones.items():
			head = SOA.format(zone=zone, address=self.address)
			(self.folder / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n{head}{lines}\n")
		(self.folder / "knot.conf").write_text(self._configuration())
		with (self.folder / "log").open("w") as log:
			self._process = subprocess.Popen(
				[self.program, "-c", self.folder / "knot.conf"], stdout=log, stderr=log, cwd=self.folder
			)
		self._wait()
		return self

	def __exit__(self, *_error) -> None:
		self.stop()

	def stop(self) -> None:
		"""End it."""
		self._process.terminate()
		self._process.wait(30)

	def _configuration(self) -> str:
		zones = "".join(
			f"  - domain: {zone}\n    file: {zone}.zone\n    acl: update\n    zonefile-sync: -1\n    zonefile-load: whole\n"
			f"    journal-content: changes\n    semantic-checks: off\n{self.extra}"
			+ ("    dnssec-signing: on\n    zonefile-load: difference\n" if zone in self.signed else "")
			for zone in self.zones
		)
		return (
			f"server:\n  listen: {self.address}@{self.port}\n  rundir: {self.folder}\n"
			f"log:\n  - target: stderr\n    any: info\n"
			f"key:\n  - id: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
			f"acl:\n  - id: update\n    key: {KEY}\n    action: [update, transfer]\n"
			f"database:\n  storage: {self.folder}\n"
			f"template:\n  - id: default\n    storage: {self.folder}\nzone:\n{zones}"
		)

	def _wait(self) -> None:
		until = time.monotonic() + 60
		while True:
			try:
				if all(self._has(zone) for zone in self.zones):
					return
			except (dns.exception.DNSException, OSError):
				pass
			assert self._process.poll() is None and time.monotonic() < until, (
				self.folder / "log"
			).read_text()
			time.sleep(0.05)

	def _has(self, zone: str) -> bool:
		return bool(self.ask(zone, "DNSKEY" if zone in self.signed else "SOA").answer)

	def ask(self, name: str, kind: str) -> dns.message.Message:
		"""What it says."""
		query = dns.message.make_query(name, kind)
		return dns.query.tcp(query, self.address, timeout=5, port=self.port)

	def values(self, name: str, kind: str) -> list[str]:
		"""The values that it gives for a name."""
		return sorted(
			rdata.to_text().strip('"')
			for rrset in self.ask(name, kind).answer
			for rdata in rrset
			if rrset.rdtype
		)

	def provider(self, zone: str):
		"""The provider for one of its zones, by updates (RFC 2136)."""
		from buildpro_saas.domains.dns_providers import provider_of

		return provider_of("rfc2136", self.credentials(), zone)

	def credentials(self) -> dict:
		"""As a DNS Provider has them."""
		return {"server": self.address, "port": self.port, "key_name": KEY, "key_secret": SECRET}
