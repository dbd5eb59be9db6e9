"""HTTP with an end: requests for code that sets no time limits, as a module in place of `requests`.

A call has so many seconds for all that it does, an answer so many bytes. What a server says of being busy is kept with the call, since
such code often hides it.
"""

import time
from contextvars import ContextVar
from email.utils import parsedate_to_datetime

import requests

CONNECT, READ = 5.0, 20.0  # seconds for a connection, and for each piece of an answer
PIECE = 4096  # bytes between two looks at the clock
LONGEST = 16 << 20  # bytes of an answer: a zone of 50,000 records
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
USUAL_PAUSE, LONGEST_PAUSE = 30.0, 3600.0  # seconds to leave a server alone that does not say how long


class Call:
	"""The time limit of one piece of work, as a context.

	requests: how many were sent. busy: what a server said that has no time for us; retry_after: seconds.
	"""

	def __init__(self, seconds: float):
		self.until = time.monotonic() + seconds
		self.requests, self.busy, self.retry_after = 0, "", USUAL_PAUSE

	def __enter__(self) -> "Call":
		self._token = _current.set(self)
		return self

	def __exit__(self, *_error) -> None:
		_current.reset(self._token)

	def seconds_left(self) -> float:
		"""More than 0. Raises requests.Timeout when the time is over."""
		seconds = self.until - time.monotonic()
		if seconds <= 0:
			self.busy = "takes too long"
			raise requests.Timeout("the time for all requests together is over")
		return seconds

	def note(self, response: requests.Response) -> None:
		"""Keep what the server says of being busy."""
		self.busy = f"answers {response.status_code} {response.reason or ''}".rstrip()
		self.retry_after = pause_of(response.headers.get("Retry-After"))


_current: ContextVar[Call | None] = ContextVar("call", default=None)


class Requests:
	"""Stands for the module `requests`, with bounded sessions."""

	def __getattr__(self, name: str):
		return getattr(requests, name)

	@property
	def Session(self) -> type:
		"""The bounded kind."""
		return _Session

	def session(self) -> requests.Session:
		"""As requests.session."""
		return _Session()

	def request(self, method: str, url: str, **options) -> requests.Response:
		"""As requests.request."""
		with _Session() as session:
			return session.request(method=method, url=url, **options)

	def get(self, url: str, params=None, **options) -> requests.Response:
		"""As requests.get."""
		return self.request("GET", url, params=params, **options)

	def post(self, url: str, data=None, json=None, **options) -> requests.Response:
		"""As requests.post."""
		return self.request("POST", url, data=data, json=json, **options)

	def put(self, url: str, data=None, **options) -> requests.Response:
		"""As requests.put."""
		return self.request("PUT", url, data=data, **options)

	def patch(self, url: str, data=None, **options) -> requests.Response:
		"""As requests.patch."""
		return self.request("PATCH", url, data=data, **options)

	def delete(self, url: str, **options) -> requests.Response:
		"""As requests.delete."""
		return self.request("DELETE", url, **options)


class _Session(requests.Session):
	def mount(self, prefix, adapter) -> None:
		"""Our engine tries again, with pauses; an adapter that does so within a call would outlive its time."""
		adapter.max_retries = type(adapter.max_retries)(0, read=False)
		super().mount(prefix, adapter)

	def send(self, request, **options) -> requests.Response:
		call = _current.get() or Call(READ * 2)
		left = call.seconds_left()
		options.update(timeout=(min(CONNECT, left), min(READ, left)), stream=True)
		call.requests += 1
		response = super().send(request, **options)
		if not response._content_consumed:
			_read(response, call)
		if response.status_code in BUSY:
			call.note(response)
			raise requests.HTTPError(f"{response.status_code} {response.reason}", response=response)
		return response


def bounded_session() -> type:
	"""The bounded kind of requests.Session."""
	return _Session


def pause_of(header: str | None, now: float | None = None) -> float:
	"""Seconds that a Retry-After header asks for, within bounds. now: seconds since the epoch."""
	try:
		seconds = float(header)
	except (TypeError, ValueError):
		try:
			at = parsedate_to_datetime(header).timestamp()
		except (TypeError, ValueError):
			return USUAL_PAUSE
		seconds = at - (time.time() if now is None else now)
	return min(max(seconds, 1.0), LONGEST_PAUSE) if seconds == seconds else USUAL_PAUSE


def _read(response: requests.Response, call: Call) -> None:
	"""Take the answer in, as far as time and bytes allow."""
	parts, length = [], 0
	for part in response.iter_content(PIECE):
		parts.append(part)
		length += len(part)
		if length > LONGEST:
			response.close()
			raise requests.exceptions.ContentDecodingError(f"the answer is longer than {LONGEST >> 20} MB")
		call.seconds_left()
	response._content = b"".join(parts)
