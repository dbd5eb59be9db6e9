"""Servers on ports of the network namespace that this process was started in: `hello` on each, over IPv4 and IPv6; UDP echoes.

The port 22 does as sshd: what a client sends runs as a command that knows its connection, and what it prints comes back.
"""

import os
import selectors
import socket
import subprocess
import sys

SSH = 22


def main(tcp: list[int], udp: list[int]) -> None:
	waiting = selectors.DefaultSelector()
	for kind, ports in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
		for port in ports:
			server = socket.socket(socket.AF_INET6, kind)
			server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
			server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			server.bind(("::", port))
			if kind == socket.SOCK_STREAM:
				server.listen()
			waiting.register(server, selectors.EVENT_READ)
	print("ready", flush=True)
	while True:
		for key, _events in waiting.select():
			serve(waiting, key.fileobj)


def serve(waiting: selectors.BaseSelector, sock: socket.socket) -> None:
	if sock.type == socket.SOCK_DGRAM:
		data, client = sock.recvfrom(1000)
		sock.sendto(data, client)
		return
	if sock.getsockname()[1] == SSH and not is_listening(sock):
		waiting.unregister(sock)
		run_for(sock)
		return
	connection, _client = sock.accept()
	if sock.getsockname()[1] == SSH:
		connection.sendall(b"hello")
		waiting.register(connection, selectors.EVENT_READ)  # the command may come much later
	else:
		with connection:
			connection.sendall(b"hello")


def is_listening(sock: socket.socket) -> bool:
	return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def run_for(connection: socket.socket) -> None:
	with connection:
		command = connection.recv(10000).decode()
		if not command:
			return
		(client, client_port), (own, own_port) = connection.getpeername()[:2], connection.getsockname()[:2]
		told = f"{client.removeprefix('::ffff:')} {client_port} {own.removeprefix('::ffff:')} {own_port}"
		done = subprocess.run(
			["/bin/sh", "-c", command],
			env={**os.environ, "SSH_CONNECTION": told},
			capture_output=True,
			check=False,
		)
		connection.sendall(done.stdout + done.stderr)


if __name__ == "__main__":
	main(*([int(port) for port in words.split(",") if port] for words in sys.argv[1:3]))
