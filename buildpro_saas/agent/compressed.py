"""Opens a file as it is, or unpacked where it is packed by gzip or Zstandard: by its first bytes, whatever it is called."""

import gzip
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from buildpro_saas.agent import program
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.program import Running

# How such files begin: RFC 1952, RFC 8878.
GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# What gzip raises for a file that ends too early or is damaged.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
	"""The file's content, unpacked. Raises AgentError where it is damaged or cut off, also at the end of the block."""
	with path.open("rb") as file:
		begins = file.peek(4)[:4]
		try:
			if begins.startswith(GZIP):
				with gzip.open(file) as unpacked:
					yield unpacked
			elif begins == ZSTANDARD:
				with _unpacked_by_zstd(path) as unpacked:
					yield unpacked
			else:
				yield file
		except DAMAGED as error:
			raise _damaged(path, str(error)) from None


@contextmanager
def _unpacked_by_zstd(path: Path) -> Iterator[BinaryIO]:
	found = shutil.which("zstd")
	if not found:
		raise AgentError(
			f"{path.name} is packed by zstd, which is not on this machine.", "Install the package zstd."
		)
	command = [found, "--decompress", "--stdout", "--quiet"]
	with (
		path.open("rb", buffering=0) as file,
		program.running(command, stdin=file.fileno(), stdout=subprocess.PIPE) as unpacking,
	):
		try:
			yield unpacking.process.stdout
		except AgentError:
			_check_ended_well(unpacking, path)  # what is wrong with the content has its cause there
			raise
		_check_ended_well(unpacking, path)


def _check_ended_well(unpacking: Running, path: Path) -> None:
	"""Raise AgentError where it has failed. One that was not read to its end has not."""
	if not unpacking.process.stdout.read(1) and unpacking.wait(lambda: None):
		raise _damaged(path, unpacking.said[:300]) from None


def _damaged(path: Path, why: str) -> AgentError:
	return AgentError(
		f"{path.name} cannot be unpacked: it is cut off or damaged ({why}).",
		"Take another copy of it, or another backup.",
	)
