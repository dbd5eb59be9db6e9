"""A real authority on loopback: Debian's pebble, with pebble-challtestsrv as the DNS that it asks, and nginx for the files of HTTP-01."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import requests
from loopback_ports import free_ports
from made_certificates import Maker

from buildpro_saas.agent.certificate_facts import Authority

READY_SECONDS = 60
EAB_KID, EAB_HMAC = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def wait_for_port(port: int, process: subprocess.Popen, log: Path) -> None:
	"""Return once somebody listens there; fails with the log where the process has ended."""
	until = time.monotonic() + READY_SECONDS
	while time.monotonic() < until:
		with closing(socket.socket()) as probe:
			if probe.connect_ex(("127.0.0.1", port)) == 0:
				return
		assert process.poll() is None, log.read_text()
		time.sleep(0.05)
	raise AssertionError(f"Nothing listens on {port}: {log.read_text()}")


class Program:
	"""A server of a test, with its log."""

	def __init__(self, folder: Path, name: str, command: list[str], port: int, **environment: str):
		self._log = folder / f"{name}.log"
		with self._log.open("w") as log:
			self.process = subprocess.Popen(
				command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **environment}
			)
		wait_for_port(port, self.process, self._log)

	def log(self) -> str:
		"""What it has printed."""
		return self._log.read_text()

	def end(self) -> None:
		"""End it, and wait for that."""
		self.process.terminate()
		self.process.wait(timeout=READY_SECONDS)


class Dns:
	"""pebble-challtestsrv: every name leads to 127.0.0.1, but for what a test sets."""

	def __init__(self, program: Callable[[str], str], folder: Path):
		self.port, self._management = free_ports(2)
		off = [f"-{each}={''}" for each in ("http01", "https01", "tlsalpn01")]
		command = [program("pebble-challtestsrv"), *off, f"-dns01=127.0.0.1:{self.port}", "-defaultIPv6="]
		command.append(f"-management=127.0.0.1:{self._management}")
		self._server = Program(folder, "dns", command, self._management)
		self.address = f"127.0.0.1:{self.port}"
		self.end = self._server.end

	def set_txt(self, name: str, value: str) -> None:
		"""Add a TXT record."""
		self._do("set-txt", {"host": f"{name}.", "value": value})

	def clear_txt(self, name: str) -> None:
		"""Remove a name's TXT records."""
		self._do("clear-txt", {"host": f"{name}."})

	def set_cname(self, name: str, target: str) -> None:
		"""Have the name stand for another one."""
		self._do("set-cname", {"host": f"{name}.", "target": f"{target}."})

	def set_a(self, host: str, *addresses: str) -> None:
		"""Have the host lead to these addresses."""
		self._do("add-a", {"host": f"{host}.", "addresses": list(addresses)})

	def clear_a(self, host: str) -> None:
		"""Have it lead to 127.0.0.1 again."""
		self._do("clear-a", {"host": f"{host}."})

	def _do(self, what: str, content: dict) -> None:
		requests.post(
			f"http://127.0.0.1:{self._management}/{what}", json=content, timeout=10
		).raise_for_status()


class Pebble:
	"""An authority that proves hosts by the DNS server given, at `http_port`."""

	def __init__(
		self,
		program: Callable[[str], str],
		folder: Path,
		dns: Dns,
		http_port: int,
		with_eab: bool = False,
		nonce_reject: int = 30,
	):
		folder.mkdir(parents=True, exist_ok=True)
		self._program, self._folder, self._dns = program, folder, dns
		self.port, self._management = free_ports(2)
		maker = Maker()
		chain, key = maker.issue(["localhost"])
		for name, content in (("cert.pem", chain), ("key.pem", key), ("ca.pem", maker.root_pem)):
			(folder / name).write_bytes(content)
		settings = {
			"listenAddress": f"127.0.0.1:{self.port}",
			"managementListenAddress": f"127.0.0.1:{self._management}",
			"certificate": str(folder / "cert.pem"),
			"privateKey": str(folder / "key.pem"),
			"httpPort": http_port,
			"tlsPort": http_port,
			"externalAccountBindingRequired": with_eab,
			"externalAccountMACKeys": {EAB_KID: EAB_HMAC},
		}
		(folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
		self._environment = {
			"PEBBLE_VA_NOSLEEP": "1",
			"PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
			"PEBBLE_AUTHZREUSE": "0",
		}
		self.authority = Authority(
			f"https://localhost:{self.port}/dir", "it@example.com", ca_file=str(folder / "ca.pem")
		)
		self.start()

	def start(self) -> None:
		"""Start it. It knows nothing of what was before."""
		command = [self._program("pebble"), "-config", str(self._folder / "pebble.json")]
		command += ["-dnsserver", self._dns.address]
		self._server = Program(self._folder, "pebble", command, self.port, **self._environment)
		self.log, self.end = self._server.log, self._server.end

	def root(self) -> bytes:
		"""The root certificate of what it issues."""
		answer = requests.get(
			f"https://localhost:{self._management}/roots/0", verify=self.authority.ca_file, timeout=10
		)
		answer.raise_for_status()
		return answer.content


class Nginx:
	"""nginx with one configuration text."""

	def __init__(self, program: Callable[[str], str], folder: Path, http: str, port: int):
		folder.mkdir(parents=True, exist_ok=True)
		user = "user root;" if os.geteuid() == 0 else ""
		# each of its own: Debian's lie below /var/lib/nginx, which a program that was only unpacked does not have
		kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
		temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
		(folder / "nginx.conf").write_text(
			f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;"
			f"events {{}} http {{ access_log off; {temporary} {http} }}"
		)
		command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
		self._server = Program(folder, "nginx", command, port)
		self.end = self._server.end
