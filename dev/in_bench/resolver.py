"""A resolver on loopback, as an authority has one: `resolver.py PORT SERVER_PORT`. Runs in the bench's env.

It asks the one DNS server that has all zones, and follows a CNAME from one zone into another, which that server leaves to others.
"""

import socketserver
import sys

import dns.message
import dns.query
import dns.rdatatype

LONGEST_WAY = 8  # CNAMEs, one behind the other
SECONDS = 5


def resolve(query: dns.message.Message, server_port: int) -> dns.message.Message:
	"""The answer to a query, with what its CNAMEs lead to."""
	response = dns.message.make_response(query, recursion_available=True)
	name, kind = query.question[0].name, query.question[0].rdtype
	for _ in range(LONGEST_WAY):
		asked = dns.message.make_query(name, kind)
		told = dns.query.tcp(asked, "127.0.0.1", timeout=SECONDS, port=server_port)
		response.set_rcode(told.rcode())
		response.answer += told.answer
		response.authority = told.authority
		last = told.answer[-1] if told.answer else None
		if last is None or last.rdtype != dns.rdatatype.CNAME or kind == dns.rdatatype.CNAME:
			break
		name = last[0].target
	return response


class _Handler(socketserver.BaseRequestHandler):
	def handle(self) -> None:
		wire, connection = self.request
		answer = resolve(dns.message.from_wire(wire), self.server.server_port)
		connection.sendto(answer.to_wire(), self.client_address)


class _Server(socketserver.ThreadingUDPServer):
	daemon_threads = True

	def __init__(self, port: int, server_port: int):
		self.server_port = server_port
		super().__init__(("127.0.0.1", port), _Handler)


if __name__ == "__main__":
	_Server(*map(int, sys.argv[1:])).serve_forever()
