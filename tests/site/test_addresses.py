"""A tenant's request or job connects to public addresses, and to what the operator's configuration names."""

import ipaddress
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests

REFUSED = "may not connect"
INSIDE = (
	*(
		"127.0.0.1",
		"127.9.9.9",
		"0.0.0.0",
		"10.0.0.1",
		"172.16.0.1",
		"192.168.1.1",
		"100.64.0.1",
		"169.254.169.254",
	),
	*("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
	*("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
	*("::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1"),
	*("64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
	*("2001:0:808:808::80ff:fffe", "fe80::1%lo"),
)
OUTSIDE = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")


class Server(ThreadingHTTPServer):
	"""A server on this machine that notes whose requests it got."""

	def __init__(self):
		super().__init__(("127.0.0.1", 0), Handler)
		self.got: list[str] = []
		self.port = self.server_address[1]
		self.url = f"http://127.0.0.1:{self.port}/"


class Handler(BaseHTTPRequestHandler):
	def do_GET(self):
		self.server.got.append(f"{self.command} {self.path}")
		self.send_response(200)
		self.send_header("Content-Length", "2")
		self.end_headers()
		self.wfile.write(b"{}")

	do_PUT = do_POST = do_GET

	def log_message(self, *arguments):
		"""Not into the tests' output."""


@pytest.fixture
def server():
	with Server() as server:
		thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
		thread.start()
		yield server
		server.shutdown()
		thread.join()


@pytest.fixture
def tenant(server, request_of_a_tenant):
	"""frappe in a tenant's request. The server's thread is older than the request, so it is nobody's."""
	return request_of_a_tenant


def allow(frappe, *entries: str) -> None:
	frappe.local.conf["buildpro_reachable"] = list(entries)


@pytest.fixture(autouse=True)
def nothing_allowed(frappe):
	yield
	frappe.local.conf.pop("buildpro_reachable", None)


def family(host: str) -> int:
	return socket.AF_INET6 if ":" in host else socket.AF_INET


def connect(host: str, port: int = 80) -> None:
	with socket.socket(family(host)) as connection:
		connection.settimeout(5)
		connection.connect((host, port))


def judge(frappe, host: str, port: int = 80) -> None:
	"""As the audit hook asks, but for the connection itself."""
	from buildpro_saas.tenant_site.sandbox import addresses

	with socket.socket(family(host)) as connection:
		addresses.judge(frappe.local, (connection, (host, port)))


def resolve(monkeypatch, address: str, port: int) -> None:
	"""Have the resolver say that hosts named *.internal have this address."""
	from buildpro_saas.tenant_site.sandbox import addresses

	known = socket.getaddrinfo

	def resolver(host, *arguments, **options):
		if str(host).endswith(".internal"):
			return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
		return known(host, *arguments, **options)

	monkeypatch.setattr(socket, "getaddrinfo", addresses.noting_getaddrinfo(resolver))


@pytest.mark.parametrize("host", INSIDE)
def test_addresses_inside_are_refused(tenant, host):
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		connect(host)


@pytest.mark.parametrize("host", OUTSIDE)
def test_public_addresses_are_reached(tenant, host):
	judge(tenant, host)
	judge(tenant, host, 587)


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f.1", ""])
def test_a_name_that_python_resolves_on_the_way(tenant, server, name):
	"""Nobody can say to what."""
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		connect(name, server.port)
	assert not server.got


@pytest.mark.parametrize(
	"url", ["http://localhost:{}/", "http://127.0.0.1:{}/", "http://127.1:{}/", "http://0x7f000001:{}/"]
)
def test_urls_that_lead_inside(tenant, server, url):
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(url.format(server.port), timeout=5)
	assert not server.got


def test_what_a_name_stands_for_inside_is_not_told(tenant, monkeypatch):
	resolve(monkeypatch, "10.1.2.3", 80)
	with pytest.raises(tenant.PermissionError, match=r"db\.internal, port 80") as refusal:
		requests.get("http://db.internal/", timeout=5)
	assert "10.1.2.3" not in str(refusal.value)


@pytest.mark.parametrize("way", ["sendto", "sendmsg"])
def test_datagrams_are_judged_as_well(tenant, way):
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
		arguments = {"sendto": (b"x", ("127.0.0.1", 9)), "sendmsg": ([b"x"], [], 0, ("127.0.0.1", 9))}[way]
		with pytest.raises(tenant.PermissionError, match=REFUSED):
			getattr(sender, way)(*arguments)


def test_connect_ex_is_judged_as_well(tenant, server):
	with socket.socket() as connection, pytest.raises(tenant.PermissionError, match=REFUSED):
		connection.connect_ex(("127.0.0.1", server.port))


@pytest.mark.parametrize("path", ["/run/mysqld/mysqld.sock", "\0abstract", b"/run/docker.sock"])
def test_local_sockets_are_refused(tenant, path):
	with socket.socket(socket.AF_UNIX) as connection, pytest.raises(tenant.PermissionError, match=REFUSED):
		connection.connect(path)


def test_a_job_is_judged_as_well(frappe, server, monkeypatch):
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	monkeypatch.setitem(frappe.flags, "buildpro_in_job", "frappe.ping")
	with pytest.raises(frappe.PermissionError, match=REFUSED):
		requests.get(server.url, timeout=5)


@pytest.mark.parametrize("role", ["tenant", "admin"])
def test_the_operator_goes_where_he_will(frappe, server, monkeypatch, role):
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", role)
	assert requests.get(server.url, timeout=5).status_code == 200


def test_a_thread_of_a_request_stands_for_its_site(tenant, server):
	"""frappe.local is empty in it."""
	with ThreadPoolExecutor(1) as pool, pytest.raises(tenant.PermissionError, match=REFUSED):
		pool.submit(requests.get, server.url, timeout=5).result()
	with ThreadPoolExecutor(1) as pool, pytest.raises(tenant.PermissionError, match=REFUSED):
		# a thread that a thread started
		pool.submit(
			lambda: ThreadPoolExecutor(1).submit(requests.get, server.url, timeout=5).result()
		).result()
	with ThreadPoolExecutor(1) as pool, pytest.raises(tenant.PermissionError, match="files of its own"):
		pool.submit(open, tenant.get_app_path("frappe", "mallory.py"), "w").result()
	assert not server.got


def test_the_operators_threads_are_free(frappe, server):
	with ThreadPoolExecutor(1) as pool:
		assert pool.submit(requests.get, server.url, timeout=5).result().status_code == 200


# -- the bench's own servers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["redis_cache", "redis_queue"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost"])
def test_nobody_but_its_client_speaks_to_redis(request_of_a_tenant, server, host):
	"""A webhook's header could be a command, and what Frappe finds there it unpickles."""
	port = urlsplit(request_of_a_tenant.conf[server]).port
	with pytest.raises(request_of_a_tenant.PermissionError, match="may not connect"):
		requests.put(f"http://{host}:{port}/", headers={"X": "x"}, timeout=5)


def test_a_new_connection_of_the_cache_is_made(request_of_a_tenant):
	frappe = request_of_a_tenant
	frappe.cache.connection_pool.disconnect()
	frappe.cache.set_value("buildpro_test", 1)
	frappe.local.cache.clear()
	assert frappe.cache.get_value("buildpro_test") == 1
	frappe.cache.delete_value("buildpro_test")


def test_a_new_connection_to_the_database_is_made(tenant):
	from frappe.database import get_db

	conf = tenant.conf
	other = get_db(host=conf.db_host, port=conf.db_port, user=conf.db_name, password=conf.db_password)
	assert other.sql("select 1")[0][0] == 1
	other.close()
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(f"http://127.0.0.1:{conf.db_port}/", timeout=5)


def test_the_pull_reaches_the_admin_site(tenant, server, monkeypatch):
	from buildpro_saas.tenant_site import sync

	for key, value in (
		("buildpro_admin_url", f"http://admin.localhost:{server.port}"),
		("buildpro_tenant", "acme"),
		("buildpro_sync_token", "x"),
	):
		monkeypatch.setitem(tenant.local.conf, key, value)
	with pytest.raises(sync.SyncError, match="no admin site"):
		sync._ask(None)
	assert server.got == [f"POST {sync.ENDPOINT}"]
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(server.url, timeout=5)


def test_other_ports_of_a_public_address_of_this_machine(tenant, monkeypatch):
	from buildpro_saas.tenant_site.sandbox import addresses

	assert addresses._is_this_machines("127.0.0.1") and not addresses._is_this_machines("192.0.2.1")
	monkeypatch.setattr(addresses, "_is_this_machines", lambda _host: True)
	judge(tenant, "8.8.8.8", 443)
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		judge(tenant, "8.8.8.8", 9000)


# -- what the operator allows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"entry", ["127.0.0.1", "127.0.0.1:{}", "127.0.0.0/8", "localhost", "localhost:{}", " 127.0.0.1:{} "]
)
def test_what_is_listed_is_reached(tenant, server, entry):
	allow(tenant, "10.0.0.0/8", entry.format(server.port))
	assert requests.get(server.url, timeout=5).status_code == 200


@pytest.mark.parametrize(
	"entry",
	["127.0.0.1:1", "127.0.0.2", "10.0.0.0/8", "other.internal", "", "127.0.0.1:x", "http://127.0.0.1/"],
)
def test_what_is_not_listed_is_not(tenant, server, entry):
	allow(tenant, entry)
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(server.url, timeout=5)


def test_a_host_that_is_listed_by_its_name(tenant, server, monkeypatch):
	from buildpro_saas.tenant_site.sandbox import addresses

	resolve(monkeypatch, "127.0.0.1", server.port)
	monkeypatch.setattr(addresses, "_addresses_of", {})
	allow(tenant, f"Mail.Internal:{server.port}")
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(f"http://other.internal:{server.port}/", timeout=5)
	assert requests.get(f"http://mail.internal:{server.port}/", timeout=5).status_code == 200


def test_a_local_socket_that_is_listed(tenant, tmp_path):
	path = str(tmp_path / "socket")
	with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as connection:
		listening.bind(path)
		listening.listen()
		allow(tenant, path)
		connection.connect(path)


def test_redis_is_never_to_be_listed(tenant):
	port = urlsplit(tenant.conf.redis_cache).port
	allow(tenant, f"127.0.0.1:{port}", "127.0.0.0/8")
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(f"http://127.0.0.1:{port}/", timeout=5)


def test_the_operators_mail_server_is_reached(tenant, monkeypatch):
	monkeypatch.setitem(tenant.local.conf, "mail_server", "10.0.0.25")
	monkeypatch.setitem(tenant.local.conf, "mail_port", 2525)
	for port in (25, 465, 587, 2525):
		judge(tenant, "10.0.0.25", port)
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		judge(tenant, "10.0.0.25", 80)


@pytest.mark.parametrize("server", ["smtp.example.com:587", "not a host", "a/b", "[::"])
def test_a_mail_server_that_is_written_wrong_stops_nothing_else(tenant, monkeypatch, server):
	monkeypatch.setitem(tenant.local.conf, "mail_server", server)
	judge(tenant, "8.8.8.8")
	tenant.cache.connection_pool.disconnect()
	tenant.cache.set_value("buildpro_test", 1)
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		judge(tenant, "10.0.0.25", 25)


def test_a_database_without_a_host_is_this_machines(tenant, monkeypatch):
	from buildpro_saas.tenant_site.sandbox import reachable

	(place, _replica) = reachable.servers({"db_port": 3307}).database
	assert place.has(ipaddress.ip_address("127.0.0.1"), 3307, frozenset())
	assert not place.has(ipaddress.ip_address("10.0.0.1"), 3307, frozenset())


@pytest.mark.parametrize(
	"listed",
	["127.0.0.1", 5, {"127.0.0.1": 1}, [5], ["a b"], ["10.0.0.5:99999"], ["10.0.0.0/99"], ["http://x"]],
)
def test_what_is_no_such_list_allows_nothing_and_is_said(tenant, server, listed):
	from buildpro_saas.tenant_site.sandbox import reachable

	tenant.local.conf["buildpro_reachable"] = listed
	with pytest.raises(tenant.PermissionError, match=REFUSED):
		requests.get(server.url, timeout=5)
	(complaint,) = reachable.complaints({"buildpro_reachable": listed})
	assert "write it as" in complaint
	assert not reachable.complaints(
		{"buildpro_reachable": ["mail.internal", "[::1]:80", "10.0.0.5:8080", "10.0.0.0/8", "/run/x"]}
	)


def test_a_job_stands_for_its_site_whatever_it_enters(frappe, monkeypatch):
	"""frappe.init, as the framework's functions for all sites call it, clears the flags that tell a job."""
	from buildpro_saas.tenant_site.sandbox import acting

	monkeypatch.setattr(acting, "get_current_job", object)
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	acting.note_job()
	try:
		monkeypatch.setattr(frappe.local, "conf", frappe._dict(frappe.local.conf, buildpro_role="admin"))
		assert acting.site().conf.buildpro_role == "tenant" and acting.site().site == frappe.local.site
		acting.note_job()  # the next job in this process, of a site that is no tenant's
		assert acting.site() is None
	finally:
		acting.forget_job()
	assert acting.site() is None


def test_a_printed_page_does_not_reach_the_environments_proxy(request_of_a_tenant, server, monkeypatch):
	from buildpro_saas.tenant_site.sandbox import addresses, print_proxy

	frappe = request_of_a_tenant
	monkeypatch.setenv("http_proxy", server.url)
	with print_proxy.running(frappe.local) as url:
		place = urlsplit(url)
		with addresses.also(url), socket.create_connection((place.hostname, place.port)) as connection:
			connection.sendall(f"GET {server.url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
			assert b" 403 " in connection.recv(1000)
	assert not server.got
	with addresses.also(with_proxies=True):  # the site's own question for its entitlement
		socket.create_connection(("127.0.0.1", server.port)).close()
