"""A resolver on loopback as a provider of internet access has one: it forwards to real servers, and keeps "no" for a time.

Only what no server of Debian's does at will is its own: to say for how long it still keeps a "no", and to refuse what is wrongly signed.
"""

import contextlib
import socket
import threading

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rrset


class Resolver:
	"""zones: zone → (address, port) of the server that has it. gone: name → seconds for which it says NXDOMAIN.

	old: name → (address, seconds) that it still has. bogus: names that it refuses.
	"""

	def __init__(self, zones: dict[str, tuple[str, int]], gone=None, old=None, bogus: tuple = ()):
		self.zones, self.gone, self.old, self.bogus = zones, gone or {}, old or {}, bogus
		self._socket = socket.socket(type=socket.SOCK_DGRAM)
		self._socket.bind(("127.0.0.1", 0))
		self._socket.settimeout(0.1)
		self.place = self._socket.getsockname()
		self._is_over = threading.Event()
		self._thread = threading.Thread(target=self._serve, daemon=True)

	def __enter__(self) -> "Resolver":
		self._thread.start()
		return self

	def __exit__(self, *_error) -> None:
		self._is_over.set()
		self._thread.join(10)
		self._socket.close()

	def _serve(self) -> None:
		while not self._is_over.is_set():
			with contextlib.suppress(TimeoutError):
				wire, sender = self._socket.recvfrom(4096)
				self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), sender)

	def _answer(self, query: dns.message.Message) -> dns.message.Message:
		name = query.question[0].name.to_text(omit_final_dot=True)
		response = dns.message.make_response(query, recursion_available=True)
		if name in self.gone:
			response.set_rcode(dns.rcode.NXDOMAIN)
			soa = f"ns.{name}. hostmaster.{name}. 1 1 1 1 3600"
			response.authority.append(dns.rrset.from_text(f"{name}.", self.gone[name], "IN", "SOA", soa))
		elif name in self.old and query.question[0].rdtype.name == "A":
			address, seconds = self.old[name]
			response.answer.append(dns.rrset.from_text(f"{name}.", seconds, "IN", "A", address))
		elif name in self.bogus and not query.flags & dns.flags.CD:
			response.set_rcode(dns.rcode.SERVFAIL)
		else:
			self._forward(query, name, response)
		return response

	def _forward(self, query, name: str, response) -> None:
		zones = [zone for zone in self.zones if f".{name}".endswith(f".{zone}")]
		if not zones:
			response.set_rcode(dns.rcode.NXDOMAIN)
			return
		address, port = self.zones[max(zones, key=len)]
		told = dns.query.tcp(query, address, timeout=5, port=port)
		response.set_rcode(told.rcode())
		response.answer, response.authority = told.answer, told.authority
