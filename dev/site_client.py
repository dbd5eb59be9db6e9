"""Talks to a site as a person's browser does: on the loopback address with the site's name as Host (and SNI), and cookies."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from pathlib import Path

from dev.shell import DevError


class SiteClient:
	"""One visitor of one site. `*.localhost` is not resolved: Debian's resolver does not know it, browsers do."""

	def __init__(self, site: str, port: int, ca: Path | None = None):
		"""ca: the file of the authorities to trust; with it the site is asked over TLS."""
		self.site = site
		self.port = port
		self.ca = ca
		self.cookies: dict[str, str] = {}

	@property
	def url(self) -> str:
		return f"{'https' if self.ca else 'http'}://{self.site}:{self.port}"

	def login(self, user: str, password: str) -> bool:
		"""True when the site lets this user in with this password."""
		status, _ = self.request("POST", "/api/method/login", {"usr": user, "pwd": password})
		return status == 200

	def get(self, path: str, **parameters: str) -> dict:
		return self._answer("GET", path, parameters)

	def post(self, path: str, **parameters: str) -> dict:
		return self._answer("POST", path, parameters)

	def change(self, doctype: str, name: str, **values: object) -> None:
		"""Set fields of a document."""
		path = f"/api/resource/{urllib.parse.quote(doctype)}/{urllib.parse.quote(name)}"
		self._answer("PUT", path, {"data": json.dumps(values)})

	def find(self, doctype: str, name: str) -> dict | None:
		"""The document, or None when there is none of that name."""
		path = f"/api/resource/{urllib.parse.quote(doctype)}/{urllib.parse.quote(name)}"
		status, answer = self.request("GET", path, {})
		if status == 404:
			return None
		return self._checked("GET", path, status, answer)["data"]

	def make(self, doctype: str, **values: object) -> None:
		"""Insert a document."""
		path = f"/api/resource/{urllib.parse.quote(doctype)}"
		self._answer("POST", path, {"data": json.dumps(values)})

	def list(self, doctype: str, filters: list, *fields: str) -> list[dict]:
		path = f"/api/resource/{urllib.parse.quote(doctype)}"
		query = {"filters": json.dumps(filters), "fields": json.dumps(fields), "limit_page_length": "1"}
		return self.get(path, order_by="creation desc", **query)["data"]

	def request(self, method: str, path: str, parameters: dict[str, str]) -> tuple[int, dict]:
		"""One request; returns the HTTP status and the JSON object of the answer ({} when it is none)."""
		headers = {"Host": f"{self.site}:{self.port}", "Accept": "application/json"}
		if self.cookies:
			headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
		data = urllib.parse.urlencode(parameters)
		if method == "GET":
			path, data = f"{path}?{data}" if data else path, ""
		else:
			headers["Content-Type"] = "application/x-www-form-urlencoded"
		connection = self._connection()
		try:
			connection.request(method, path, data, headers)
			answer = connection.getresponse()
			body = answer.read()
		except OSError as error:
			raise DevError(f"{self.url} does not answer: {error}") from error
		finally:
			connection.close()
		for line in answer.headers.get_all("Set-Cookie") or []:
			name, _, value = line.split(";")[0].partition("=")
			self.cookies[name] = value
		try:
			return answer.status, json.loads(body)
		except ValueError:
			return answer.status, {}

	def _connection(self) -> http.client.HTTPConnection:
		if self.ca:
			return _AtLoopback(self.site, self.port, self.ca)
		return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

	def _answer(self, method: str, path: str, parameters: dict[str, str]) -> dict:
		return self._checked(method, path, *self.request(method, path, parameters))

	def _checked(self, method: str, path: str, status: int, answer: dict) -> dict:
		if status != 200:
			raise DevError(f"{method} {self.url}{path} answered HTTP {status}: {message_of(answer)}")
		return answer


class _AtLoopback(http.client.HTTPConnection):
	"""Over TLS to 127.0.0.1, where the site's name is asked for by SNI and its certificate has to be its own."""

	def __init__(self, site: str, port: int, ca: Path):
		super().__init__("127.0.0.1", port, timeout=120)
		self._site = site
		self._context = ssl.create_default_context(cafile=str(ca))

	def connect(self) -> None:
		super().connect()
		self.sock = self._context.wrap_socket(self.sock, server_hostname=self._site)


def message_of(answer: dict) -> str:
	"""The sentence for the user in one of Frappe's error answers."""
	messages = [json.loads(message) for message in json.loads(answer.get("_server_messages") or "[]")]
	texts = [message.get("message", "") for message in messages if isinstance(message, dict)]
	return " ".join(filter(None, texts)) or str(
		answer.get("exception") or answer.get("message") or "no message"
	)
