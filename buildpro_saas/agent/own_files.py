"""Files of ours among the machine's settings. Each says in its first line who made it; a file of somebody else is never written over."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from buildpro_saas.agent.errors import NotOursError

MADE_BY = "by `saas setup-"  # in the first line of every one


@dataclass(frozen=True)
class OwnFile:
	"""path: below the machine's root. comment: how a comment begins there. command: of `saas`, that makes the file. mode: who may read it."""

	path: str
	content: str
	comment: str = "#"
	command: str = "setup-firewall"
	mode: int = 0o644

	@property
	def text(self) -> str:
		"""The whole file: its first line says who made it."""
		return (
			f"{self.comment} Made by `saas {self.command}` of BuildPro SaaS: change it there.\n{self.content}"
		)


def put(root: Path, file: OwnFile, check: Callable[[Path], None] | None = None) -> None:
	"""Write the file in one step. Raises NotOursError where another's file is there.

	check: looks at the draft before it is the file; may raise, and then what was there stays.
	"""
	path = root / file.path
	check_ours(root, file.path)
	path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
	# hidden, and not of the name's own ending: apt, systemd, nginx and sudo leave drafts alone
	draft = path.with_name(f".{path.name}.draft")
	draft.write_text(file.text)
	draft.chmod(file.mode)
	try:
		if check:
			check(draft)
		os.replace(draft, path)
	finally:
		draft.unlink(missing_ok=True)


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
