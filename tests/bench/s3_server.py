"""A server on this machine that speaks S3 (moto's), which can be told to refuse, to break off, and whom to know."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCESS, SECRET, BUCKET = "AKIAOFATEST", "the-secret-of-a-test", "backups"
LOCKED = "locked"  # a bucket with versions, of which none goes for a day
RETENTION = {"Mode": "COMPLIANCE", "Days": 1}
ANSWER = "<?xml version='1.0'?><Error><Code>{0}</Code><Message>{0}, says the test</Message></Error>"
CREDENTIAL = re.compile(r"Credential=([^/]+)/")


logging.getLogger("werkzeug").setLevel(logging.WARNING)


class S3Server:
	"""The server. `requests`: (method, path) of all that was asked. `fault`: given those two, the status and code to answer, or None."""

	def __init__(self) -> None:
		self._app = DomainDispatcherApplication(create_backend_app)
		self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
		self.requests: list[tuple[str, str]] = []
		self.fault: Callable[[str, str], tuple[int, str] | None] = lambda _method, _path: None
		threading.Thread(target=self._server.serve_forever, daemon=True).start()
		self.url = f"http://127.0.0.1:{self._server.port}"
		self.client = boto3.client(
			"s3",
			endpoint_url=self.url,
			aws_access_key_id=ACCESS,
			aws_secret_access_key=SECRET,
			region_name="us-east-1",
		)
		self.client.create_bucket(Bucket=BUCKET)
		self.client.create_bucket(Bucket=LOCKED, ObjectLockEnabledForBucket=True)
		self.client.put_object_lock_configuration(
			Bucket=LOCKED,
			ObjectLockConfiguration={
				"ObjectLockEnabled": "Enabled",
				"Rule": {"DefaultRetention": RETENTION},
			},
		)

	def close(self) -> None:
		self._server.shutdown()
		self._server.server_close()

	def where(self, **other) -> dict:
		"""What the agent is told of it."""
		return {
			"kind": "S3",
			"endpoint": self.url,
			"region": "us-east-1",
			"bucket": BUCKET,
			"prefix": "tenants",
			"access_key": ACCESS,
			"secret_key": SECRET,
			"folder": "",
			"only_adds": False,
			**other,
		}

	def settings(self, **other) -> dict:
		"""The same as SaaS Settings have it."""
		names = ("endpoint", "region", "bucket", "prefix", "access_key", "secret_key")
		where = self.where(**other)
		return {"offsite_kind": "S3", **{f"offsite_{name}": where[name] for name in names}}

	def keys(self, bucket: str = BUCKET) -> set[str]:
		"""All objects there."""
		pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
		return {each["Key"] for page in pages for each in page.get("Contents", ())}

	@contextmanager
	def refusing(
		self, status: int, code: str, method: str = "", part: str = "", after: int = 0
	) -> Iterator[None]:
		"""Such requests are answered so within the block, once so many of them were let through."""
		passed = 0

		def fault(asked: str, path: str) -> tuple[int, str] | None:
			nonlocal passed
			if method not in ("", asked) or part not in path:
				return None
			passed += 1
			return (status, code) if passed > after else None

		before, self.fault = self.fault, fault
		try:
			yield
		finally:
			self.fault = before

	def _answer(self, environ, start_response):
		method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
		self.requests.append((method, path))
		fault = self._unknown(environ) or self.fault(method, path)
		if not fault:
			return self._app(environ, start_response)
		environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
		status, code = fault
		body = ANSWER.format(code).encode()
		start_response(
			f"{status} {code}", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
		)
		return [b"" if method == "HEAD" else body]

	def _unknown(self, environ) -> tuple[int, str] | None:
		found = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
		return None if found and found[1] == ACCESS else (403, "InvalidAccessKeyId")
