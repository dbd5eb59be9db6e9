"""What an account has asked of its authority, and until when it is to wait. Limits are counted by that (domains/authority_limits.py)."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from buildpro_saas.agent.certificate_facts import DAY, Asked
from buildpro_saas.agent.certificate_store import put_private
from buildpro_saas.agent.errors import TransientError
from buildpro_saas.agent.site_config import write_text

ASKED, WAITS = "history.jsonl", "waits.json"
KEPT = 8 * DAY  # the longest limit counts a week
LONGEST_WAIT = 8 * DAY  # even where the authority says to wait for longer: its limits count a week
LARGEST = 400_000  # bytes; what is older than KEPT is dropped from a longer file
LOCK_SECONDS = 30
WHOLE = ""  # the wait that holds for all certificates of the account


class History:
	"""The history of the account in a folder."""

	def __init__(self, folder: Path):
		self.folder = folder

	def all(self) -> list[Asked]:
		"""What was asked within KEPT seconds, the oldest first. A line that a crash cut off is left out."""
		oldest = time.time() - KEPT
		return [each for each in map(_read, self._lines()) if each and each.at >= oldest]

	def note(self, asked: Asked) -> None:
		"""Add it, down to the disk. Orders are noted before they are placed: what is counted too much does no harm."""
		line = json.dumps(asdict(asked)) + "\n"
		with self._locked():
			self._shorten()
			with (self.folder / ASKED).open("a") as file:
				os.chmod(file.fileno(), 0o600)
				# a line of its own, also behind one that a crash cut off
				file.write("\n" + line)
				file.flush()
				os.fsync(file.fileno())

	def wait(self, certificate: str, until: float, sentence: str) -> None:
		"""Have nobody ask for the certificate (WHOLE: for any) until then."""
		with self._locked():
			now = time.time()
			waits = {key: value for key, value in self._waits().items() if value["until"] > now}
			put_private(self.folder / WAITS, {**waits, certificate: {"until": until, "sentence": sentence}})

	def wait_as_told(self, certificate: str, names: list[str], until: float, sentence: str) -> None:
		"""Have nobody ask until then, as the authority's sentence has it: for this certificate, or for any where it speaks of none.

		names: of the certificate; a sentence may name one, its parent, or their "exact set".
		"""
		hosts = [name.removeprefix("*.") for name in names]
		parents = [parent for host in hosts if "." in (parent := host.partition(".")[2])]
		is_of_name = "exact set" in sentence or any(each in sentence for each in (*hosts, *parents))
		self.wait(certificate if is_of_name else WHOLE, min(until, time.time() + LONGEST_WAIT), sentence)

	def waits_until(self, certificate: str) -> float:
		"""When the authority may be asked for the certificate again; 0 for now."""
		known = self._waits()
		until = max((known[key]["until"] for key in (WHOLE, certificate) if key in known), default=0.0)
		return until if until > time.time() else 0.0

	def check(self, certificate: str) -> None:
		"""Raises TransientError while the authority has said to wait."""
		if until := self.waits_until(certificate):
			known = self._waits()
			key = max(
				(key for key in (WHOLE, certificate) if key in known), key=lambda key: known[key]["until"]
			)
			when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until))
			raise TransientError(
				f"The authority has said to wait until {when}. It said: {known[key]['sentence']}"
			)

	def _locked(self) -> FileLock:
		return FileLock(self.folder / ".history.lock", timeout=LOCK_SECONDS)

	def _lines(self) -> list[str]:
		try:
			return (self.folder / ASKED).read_text().splitlines()
		except FileNotFoundError:
			return []

	def _shorten(self) -> None:
		path = self.folder / ASKED
		if path.exists() and path.stat().st_size > LARGEST:
			write_text(path, "".join(json.dumps(asdict(each)) + "\n" for each in self.all()))

	def _waits(self) -> dict:
		try:
			return json.loads((self.folder / WAITS).read_text())
		except (FileNotFoundError, ValueError):
			return {}


def _read(line: str) -> Asked | None:
	try:
		return Asked(**json.loads(line))
	except (ValueError, TypeError):
		return None
