"""Tests in which root takes another user's place: only where that user reaches this checkout."""

import stat
import sys
import tempfile
from pathlib import Path

import pytest
from proxied_bench import is_root

from buildpro_saas.agent import proxy


def others_reach(path: str) -> bool:
	"""Whether every user may enter the folders above a file: not where it lies below root's home, say."""
	return all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(path).parents)


def let_others_enter(folder: Path) -> None:
	"""Open pytest's own folders to all users; on a lane there is one more of them."""
	shared = Path(tempfile.gettempdir())
	while folder != shared and folder.is_relative_to(shared):
		folder.chmod(0o755)
		folder = folder.parent


as_another_user = pytest.mark.skipif(
	not (is_root() and others_reach(sys.executable) and others_reach(proxy.__file__)),
	reason="only root takes another user's place, and only where that user reaches this checkout",
)
