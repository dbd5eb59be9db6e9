"""Files of ours among the machine's settings. Each says in its first line who made it; a file of somebody else is never written over."""

import os
from dataclasses import dataclass
from pathlib import Path

from buildpro_saas.agent.errors import NotOursError

MADE_BY = "Made by `saas setup-firewall` of BuildPro SaaS: change it there."


@dataclass(frozen=True)
class OwnFile:
	"""path: below the machine's root. comment: how a comment begins there. The text gets the line of MADE_BY in front."""

	path: str
	content: str
	comment: str = "#"

	@property
	def text(self) -> str:
		"""The whole file."""
		return f"{self.comment} {MADE_BY}\n{self.content}"


def put(root: Path, file: OwnFile) -> None:
	"""Write the file in one step, readable by all and changed by root alone. Raises NotOursError where another's file is there."""
	path = root / file.path
	check_ours(root, file.path)
	path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
	# hidden, and not of the name's own ending: apt and systemd leave drafts alone
	draft = path.with_name(f".{path.name}.draft")
	draft.write_text(file.text)
	draft.chmod(0o644)
	os.replace(draft, path)


def withdraw(root: Path, path: str) -> None:
	"""Remove the file. Nothing where there is none. Raises NotOursError for another's."""
	check_ours(root, path)
	(root / path).unlink(missing_ok=True)


def check_ours(root: Path, path: str) -> None:
	"""Raise NotOursError where the file is there and somebody else's."""
	try:
		with (root / path).open() as found:
			is_ours = MADE_BY in found.readline()
	except FileNotFoundError:
		return
	except (OSError, UnicodeDecodeError):
		is_ours = False
	if not is_ours:
		raise NotOursError(
			f"{root / path} was not made by us, and is left alone.", "Move it away, then try again."
		)
