"""A machine of which /etc and /run are a test's own: a mount namespace in which root sets things up for real, with a real sudo."""

import subprocess
from pathlib import Path

# what is mounted there is gone with this process
HOLD = """
set -e
cp -a /etc "$1/" && mount --bind "$1/etc" /etc
mkdir "$1/run" && mount --bind "$1/run" /run
mount --bind "$1/systemctl" "$2"
echo ready
exec sleep infinity
"""
SECONDS = 60


def why_not() -> str:
	"""Why root can have no such machine here; empty where he can."""
	tried = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"]
	done = subprocess.run(tried, capture_output=True, text=True, check=False)
	return done.stderr.strip()


class OwnMachine:
	"""folder: where its /etc and /run lie. systemctl: a script that stands for systemd, which does not run there."""

	def __init__(self, folder: Path, systemctl: str):
		self.folder = folder
		(folder / "systemctl").write_text(systemctl)
		(folder / "systemctl").chmod(0o755)

	def __enter__(self) -> "OwnMachine":
		words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", HOLD, "hold"]
		words += [str(self.folder), "/usr/bin/systemctl"]
		self._holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
		assert self._holder.stdout.readline() == "ready\n"
		return self

	def __exit__(self, *_exc) -> None:
		self._holder.kill()
		self._holder.wait()
		self._holder.stdout.close()

	def run(self, *words: object, user: str = "root", **options) -> subprocess.CompletedProcess:
		"""Run a command there, as that user; its end is not checked."""
		inside = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--"]
		if user != "root":
			inside += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
		return subprocess.run(
			[*inside, *map(str, words)],
			capture_output=True,
			text=True,
			timeout=SECONDS,
			check=False,
			**options,
		)
