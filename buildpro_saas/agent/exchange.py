"""Exchanges two folders in one step of the kernel's: whoever opens either meets the one or the other, as a whole."""

import ctypes
import errno
import os
from pathlib import Path

from buildpro_saas.agent.errors import AgentError

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
# How a kernel, a C library or a disk says that it cannot do it.
UNABLE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(one: Path, other: Path) -> None:
	"""Give each of the two the other's name. Both are there, on one disk.

	Raises AgentError where that disk cannot do it, and OSError otherwise; nothing has changed then.
	"""
	done = _libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
	if done == 0:
		return
	number = ctypes.get_errno()
	if number in (*UNABLE, errno.EXDEV):
		raise AgentError(
			f"{one} and {other} cannot be exchanged: {os.strerror(number)}.",
			"The sites and sites/.buildpro must be on one disk, whose file system has renameat2 (ext4, xfs, btrfs).",
		)
	raise OSError(number, os.strerror(number), os.fspath(one))
