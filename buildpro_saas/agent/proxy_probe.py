"""Asks nginx on this machine what it serves under a name: by SNI and Host, as a browser would, without the site itself."""

import hashlib
import http.client
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from buildpro_saas.agent.proxy_facts import ProxySpec

PATH = "/.well-known/buildpro-proxy"
TIMEOUT = 10  # seconds for one question
AT_ONCE = 8


@dataclass(frozen=True)
class Question:
	"""What is expected under a host name. fingerprint: SHA-256 of the certificate; empty: it is asked over plain HTTP."""

	host: str
	site: str
	fingerprint: str = ""


@dataclass(frozen=True)
class Asker:
	"""Where nginx is asked."""

	address: str
	http_port: int
	https_port: int

	def release(self, probe_name: str) -> str:
		"""The release that is served; empty where nobody answers, or somebody else."""
		try:
			return self._answer(probe_name, "")[0].partition(" ")[0]
		except (OSError, http.client.HTTPException):
			return ""

	def faults(self, questions: Iterable[Question], release: str) -> dict[str, str]:
		"""{host: a sentence} for those names that do not answer as expected, twice."""
		questions = list(questions)
		failed = self._faults(questions, release)
		return self._faults([each for each in questions if each.host in failed], release) if failed else {}

	def _faults(self, questions: list[Question], release: str) -> dict[str, str]:
		with ThreadPoolExecutor(AT_ONCE) as pool:
			answers = pool.map(lambda question: self._fault(question, release), questions)
			return {question.host: fault for question, fault in zip(questions, answers, strict=True) if fault}

	def _fault(self, question: Question, release: str) -> str:
		start = f"{question.host} did not answer as it should after nginx was reloaded:"
		try:
			said, served = self._answer(question.host, question.fingerprint)
		except (OSError, http.client.HTTPException) as error:
			return f"{start} {type(error).__name__} {error}".rstrip() + "."
		if served != question.fingerprint:
			return f"{start} another certificate is presented than the one that was issued for it."
		if said.split(" ", 1) != [release, question.site]:
			return f"{start} nginx said {said[:100]!r}, and not that it is the site {question.site}."
		return ""

	def _answer(self, host: str, fingerprint: str) -> tuple[str, str]:
		"""(what is answered, the certificate's fingerprint or ""). Raises OSError or HTTPException."""
		port = self.https_port if fingerprint else self.http_port
		with socket.create_connection((self.address, port), TIMEOUT) as plain:
			if not fingerprint:
				return self._get(plain, host), ""
			# Which certificate it must be is known, so who vouches for it is no matter here.
			context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
			context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
			with context.wrap_socket(plain, server_hostname=host) as secure:
				served = hashlib.sha256(secure.getpeercert(binary_form=True) or b"").hexdigest()
				return self._get(secure, host), served

	def _get(self, connection: socket.socket, host: str) -> str:
		connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
		response = http.client.HTTPResponse(connection)
		response.begin()
		return response.read(1000).decode(errors="replace") if response.status == 200 else ""


def asker(spec: ProxySpec) -> Asker:
	"""Where nginx listens on this machine: on loopback, unless it is to listen on certain addresses."""
	address = next((each for each in spec.listen if each and each not in ("0.0.0.0", "::")), "127.0.0.1")
	return Asker(address, spec.http_port, spec.https_port)
