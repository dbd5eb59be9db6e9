"""One HTTP request byte by byte: a client of a library's would shorten its path and put its headers right."""

import socket


def ask(
	port: int, target: str | bytes, *, host: str | bytes, method: str = "GET", **headers
) -> tuple[int, bytes]:
	"""Send one request to 127.0.0.1 as it is written, and return (status, body); 0 where the server just hangs up.

	headers: by their names with underscores; values are text or bytes.
	"""
	lines = [f"{method} ".encode() + _bytes(target) + b" HTTP/1.1", b"Host: " + _bytes(host)]
	lines += [name.replace("_", "-").encode() + b": " + _bytes(value) for name, value in headers.items()]
	lines += [b"Connection: close", b"Accept: */*", b"", b""]
	with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
		connection.sendall(b"\r\n".join(lines))
		answer = bytearray()
		while part := connection.recv(65536):
			answer += part
	head, _blank, body = bytes(answer).partition(b"\r\n\r\n")
	return (int(head.split()[1]) if head else 0), body


def _bytes(text: str | bytes) -> bytes:
	return text if isinstance(text, bytes) else text.encode()
