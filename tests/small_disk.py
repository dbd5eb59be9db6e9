"""Folders on which there is little room, or none."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# on tests that mount one
for_root = pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted by root only")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
	"""The folder is a disk of its own within the block, of that size (`16k`, `1m`). For root only."""
	subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
	try:
		yield
	finally:
		subprocess.run(["umount", folder], check=True)


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
	"""The folder is a disk of its own within the block, on which there is no room. For root only."""
	with small_disk(folder, "16k"):
		with pytest.raises(OSError, match="No space left"):
			(folder / ".filler").write_bytes(b"x" * 65536)
		yield
