"""What looks at a bench make of statements, logs, jobs, web workers and files: real sockets and files, and nothing of people in what is told."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent.diagnosis import (
	connection,
	disk_usage,
	folder,
	log_end,
	queues,
	redis_servers,
	request_paths,
	slow,
	web,
)
from buildpro_saas.agent.diagnosis.statement_shape import shape
from buildpro_saas.monitoring.diagnosis import gathering
from buildpro_saas.monitoring.disk_usage import may_go

SECRET = "Quentin Quagmire"


# -- statements ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("statement", "told"),
	[
		(
			"SELECT `name` FROM `tabUser` WHERE email='ann@x.example'",
			"select `name` from `tabUser` where email = ?",
		),
		('select 1 from `tabItem` where a in ("x", "y", 3)', "select ? from `tabItem` where a in ( ? )"),
		("insert into t (a, b) values (1, 'x'), (2, 'y')", "insert into t ( a , b ) values ( ? )"),
		(
			"update t set a = 0x4142, b = x'41', c = -1.5e3, d = _utf8mb4'z'",
			"update t set a = ? , b = ? , c = - ? , d = _utf8mb4 ?",
		),
		(f"select 1 /* {SECRET} */ from t -- {SECRET}\n# {SECRET}", "select ? from t"),
		(f"select 'It''s {SECRET}', \"a\\\"{SECRET}\"", "select ? , ?"),
		(b"show processlist", "show processlist"),
		("", ""),
		(None, ""),
		(f"select * from t where a = '{SECRET}", "select …"),
		("'", "…"),
	],
)
def test_a_statement_is_told_without_its_literals(statement, told):
	assert shape(statement) == told


@given(
	st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30),
	st.sampled_from(["'", '"']),
)
def test_no_text_of_a_statement_is_told(text, quote):
	marked = f"zq{text}qz"
	escaped = marked.replace("\\", "\\\\").replace(quote, quote * 2)
	told = shape(f"select a from t where b = {quote}{escaped}{quote} and c = 12345678")
	assert "zq" not in told and "12345678" not in told


def test_a_long_statement_is_cut():
	told = shape("select 1 from t where " + " or ".join(f"column_{n} = {n}" for n in range(2000)))
	assert len(told) < 700 and told.endswith("…")


SLOW_LOG = f"""# Time: 261127 18:00:00
# User@Host: _acme[_acme] @ localhost [127.0.0.1]
# Thread_id: 8  Schema: _acme  QC_hit: No
# Query_time: 2.500000  Lock_time: 0.000  Rows_sent: 1  Rows_examined: 100
use _acme;
SET timestamp=1795802400;
select * from `tabCustomer` where name = '{SECRET}'
 and x = 1;
# User@Host: _acme[_acme] @ localhost [127.0.0.1]
# Query_time: 1.500000  Lock_time: 0.000  Rows_sent: 1  Rows_examined: 50
SET timestamp=1795802401;
select * from `tabCustomer` where name = 'Other' and x = 2;
# User@Host: _other[_other] @ localhost [127.0.0.1]
# Query_time: 9.000000  Lock_time: 0.000  Rows_sent: 1  Rows_examined: 50
select sleep(9);
# User@Host: cut off
"""


def test_the_slow_log_is_added_up_for_the_sites_own_user():
	(found,) = slow.of_slow_log(SLOW_LOG, "_acme")
	assert found == {
		**{"statement": "select * from `tabCustomer` where name = ? and x = ?", "times": 2, "seconds": 4.0},
		**{"longest": 2.5, "examined": 150},
	}


def test_the_end_of_a_log_begins_with_a_whole_line(tmp_path):
	path = tmp_path / "x.log"
	path.write_text("first\nsecond\nthird\n")
	assert log_end.read(path, 100) == "first\nsecond\nthird\n"
	assert log_end.read(path, 9) == "third\n"


# -- requests and jobs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("path", "told"),
	[
		("/api/method/frappe.desk.form.save.savedocs", "/api/method/frappe.desk.form.save.savedocs"),
		(f"/api/resource/Customer/{SECRET}", "/api/resource/Customer"),
		(f"/app/customer/{SECRET}", "/app/…"),
		("/app", "/app"),
		(f"/private/files/{SECRET}.pdf", "/private/…"),
		(f"/{SECRET}", "/…"),
		(f"/api/method/x y/{SECRET}", "/api/method/x"),
		("/", "/"),
	],
)
def test_a_path_is_told_without_what_it_is_about(path, told):
	assert request_paths.without_content(path) == told


def entry(site="acme", micros=500_000, **told) -> str:
	return json.dumps({"site": site, "duration": micros, "uuid": "1", **told})


def test_requests_and_jobs_are_added_up_by_path():
	lines = [
		entry(request={"path": "/api/method/ping", "status_code": 200}),
		entry(request={"path": "/api/method/ping", "status_code": 500}, micros=1_500_000),
		entry(site="other", request={"path": "/"}),
		entry(job={"method": "frappe.email.queue.flush", "wait": 2_000_000}),
		entry(job={"method": f"{SECRET}!"}),
		entry(request="damaged"),
		'{"site": "acme", "cut o',
		"[]",
	]
	found = request_paths.counted(lines, "acme")
	assert found["paths"] == [
		{"path": "/api/method/ping", "times": 2, "seconds": 2.0, "typical": 1.5, "slowest": 1.5, "failed": 1}
	]
	assert [(job["job"], job["waited"]) for job in found["jobs"]] == [
		("frappe.email.queue.flush", 2.0),
		("…", 0.0),
	]
	assert SECRET not in json.dumps(found)


@pytest.mark.parametrize(
	("job", "description", "told"),
	[
		(
			"acme::1",
			"frappe.utils.background_jobs.execute_job(event=None, is_async=True, job_name='frappe.x', kwargs={'a': "
			f"', method=evil, site={SECRET}, user='}}, method='frappe.email.queue.flush', site='acme', user='ann@x.example')",
			"frappe.email.queue.flush",
		),
		(
			"acme::1",
			f"execute_job(kwargs={{'a': '{SECRET}'}}, method=<function work at 0x7f>, site='acme', user='a')",
			"work",
		),
		("acme::scheduled_job::frappe.email.queue.flush", "", "frappe.email.queue.flush"),
		("acme::1", f"lambda: {SECRET}", ""),
	],
)
def test_a_job_is_told_by_its_function_alone(job, description, told):
	assert queues.what(job, description) == told
	assert queues.site_of(job) == "acme"


# -- web workers -----------------------------------------------------------------------------------------------------


@contextmanager
def server(answer: bytes | None):
	"""A server on loopback that answers one request so; None: it takes the connection, and says nothing."""
	with socket.create_server(("127.0.0.1", 0)) as listening:

		def serve():
			connection, _address = listening.accept()
			with connection:
				connection.recv(4096)
				if answer is None:
					done.wait(20)
				else:
					connection.sendall(answer)

		done = threading.Event()
		thread = threading.Thread(target=serve, daemon=True)
		thread.start()
		try:
			yield listening.getsockname()[1]
		finally:
			done.set()
			thread.join(20)


def test_web_workers_that_answer_are_told_by_status_and_kind_of_error():
	body = json.dumps({"exc_type": "OperationalError", "exception": SECRET}).encode()
	with server(b"HTTP/1.1 500 no\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as port:
		found = web.look("acme.example.com", port)
	assert (found["status"], found["trouble"], found["says"]) == (500, "", "OperationalError")
	assert SECRET not in json.dumps(found)


def test_web_workers_that_hang_or_are_gone_are_told_apart(monkeypatch):
	monkeypatch.setattr(web, "SECONDS", 0.2)
	with server(None) as port:
		assert web.look("acme", port)["trouble"] == web.LATE
	assert web.look("acme", port)["trouble"] == web.REFUSED
	with server(b"SSH-2.0-OpenSSH\r\n") as port:
		assert web.look("acme", port)["trouble"] == web.BROKEN


# -- files -----------------------------------------------------------------------------------------------------------


def test_assets_that_are_listed_and_not_there_are_named(tmp_path):
	assert folder.missing_assets(tmp_path) == ["assets/assets.json"]
	(tmp_path / "assets").mkdir()
	(tmp_path / "assets/here.js").write_text("")
	listed = {"a.js": "/assets/here.js", "b.js": "/assets/gone.js"}
	(tmp_path / "assets/assets.json").write_text(json.dumps(listed))
	assert folder.missing_assets(tmp_path) == ["assets/gone.js"]
	(tmp_path / "assets/assets.json").write_text("[1")
	assert folder.missing_assets(tmp_path) == ["assets/assets.json"]


def test_bytes_of_a_folder_are_those_of_its_files(tmp_path):
	(tmp_path / "a/b").mkdir(parents=True)
	(tmp_path / "a/one").write_bytes(b"x" * 10)
	(tmp_path / "a/b/two").write_bytes(b"x" * 5)
	(tmp_path / "a/link").symlink_to("/usr")
	assert disk_usage.folder_bytes(tmp_path / "gone") == 0
	assert disk_usage.folder_bytes(tmp_path) == 15


def test_what_may_go_is_no_tenants_data():
	mb = 10**6
	of_bench = dict.fromkeys(
		(
			"images",
			"standby",
			"shadows",
			"trash",
			"fetched",
			"stores",
			"logs",
			"old_logs",
			"binary_log",
			"other_databases",
		),
		0,
	)
	sites = {
		"acme": {"database": 900 * mb, "public": 900 * mb, "private": 900 * mb, "backups": 5 * mb, "logs": 0}
	}
	found = may_go(sites, {**of_bench, "trash": 9 * mb, "shadows": mb // 2, "stores": 900 * mb})
	assert [(each.what, each.bytes // mb) for each in found] == [
		("The trash", 9),
		("Files of bench backup in acme", 5),
	]


def test_the_time_limits_add_up_to_five_seconds():
	to_know_that_records_are_away = max(redis_servers.SECONDS, connection.SECONDS)
	assert to_know_that_records_are_away + gathering.ALL <= 5 and gathering.ALL + gathering.HELPER <= 5
	assert (
		gathering.LOOKS < gathering.ALL
		and max(web.SECONDS, connection.SECONDS, redis_servers.SECONDS) < gathering.LOOKS
	)
