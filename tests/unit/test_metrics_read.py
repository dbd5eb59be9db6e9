"""What the agent reads from real files: logs that grow and are rotated, folders, and what it keeps for the next time."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.metrics import kept, machine, processes, queues, request_log, site_files
from buildpro_saas.agent.metrics.kept import Kept, keeping

ACME, GLOBEX = "acme.example.com", "globex.example.com"


@pytest.fixture
def bench(tmp_path) -> Bench:
	for folder in ("logs", "config", f"sites/{ACME}", f"sites/{GLOBEX}"):
		(tmp_path / folder).mkdir(parents=True)
	return Bench(tmp_path)


@pytest.fixture
def counting(bench):
	"""A reader of the bench's logs, which are there: counting() → what is counted of ACME by now."""
	of = Kept()

	def count(*sites: str) -> dict:
		request_log.count(bench, set(sites or (ACME, GLOBEX)), of)
		return of.counted.get(ACME, {})

	count.kept = of
	return count


def proxied(site=ACME, status=200, seconds=0.02, path="/app", size=100) -> str:
	return json.dumps(
		{
			**{"time": "2026-11-27T12:00:00+00:00", "site": site, "host": site, "client": "192.0.2.1"},
			**{"method": "GET", "path": path, "status": status, "bytes": size, "seconds": seconds},
		}
	)


def monitored(uuid="u1", kind="request", site=ACME, duration=20_000, **values) -> str:
	of = {
		"request": {
			"request": {"ip": "192.0.2.1", "method": "GET", "path": "/api/method/ping", "status_code": 200}
		},
		"job": {"job": {"method": "x.y", "scheduled": True, "wait": 3_000_000}},
	}[kind]
	entry = {
		"site": site,
		"uuid": uuid,
		"timestamp": "2026-11-27",
		"transaction_type": kind,
		"duration": duration,
	}
	return json.dumps({**entry, **of, **values})


def write(path: Path, *lines: str, end="\n") -> None:
	with path.open("a") as file:
		file.write("\n".join(lines) + end)


def followed(bench: Bench, counting, name: str = request_log.PROXY) -> Path:
	"""A log that has been read once: what was in it before does not count."""
	log = bench.path / "logs" / name
	write(log, proxied() if name == request_log.PROXY else monitored("before"))
	assert counting() == {}
	return log


def test_requests_are_counted_by_what_came_of_them(bench, counting):
	log = followed(bench, counting)
	write(
		log,
		proxied(seconds=0.05),
		proxied(status=404, seconds=0.3, path="/api/resource/User"),
		proxied(status=502, seconds=30),
		proxied(site=GLOBEX),
		proxied(site="gone.example.com"),
	)
	found = counting()
	assert found["requests"] == 3 and found["requests_api"] == 1
	assert found["responses_4xx"] == found["responses_5xx"] == 1
	assert found["response_bytes"] == 300 and found["request_seconds"] == 30.35
	assert [found[f"requests_within.{top:g}"] for top in (0.05, 0.25, 0.5, 10)] == [1, 1, 2, 2]
	assert set(found) <= set(request_log.COUNTERS)
	assert counting()["requests"] == 3
	assert set(counting.kept.counted) == {ACME, GLOBEX}


def test_a_line_that_is_being_written_is_read_when_it_is_whole(bench, counting):
	log = followed(bench, counting)
	line = proxied()
	write(log, line[:40], end="")
	assert counting() == {}
	write(log, line[40:])
	assert counting()["requests"] == 1


def test_a_log_that_is_renamed_is_read_to_its_end_and_then_the_new_one(bench, counting):
	log = followed(bench, counting)
	write(log, proxied())
	log.rename(log.with_name(f"{log.name}.1"))
	write(log, proxied(), proxied())
	assert counting()["requests"] == 3
	write(log, proxied())
	assert counting()["requests"] == 4


def test_a_log_that_was_renamed_and_packed_is_given_up_and_the_new_one_counts(bench, counting):
	log = followed(bench, counting)
	write(log, proxied())
	with log.open("rb") as plain, gzip.open(f"{log}.1.gz", "wb") as packed:
		shutil.copyfileobj(plain, packed)
	write(log.with_name("new"), proxied())
	os.replace(log.with_name("new"), log)
	assert counting()["requests"] == 1


def test_a_log_that_is_emptied_is_read_from_its_beginning(bench, counting):
	log = followed(bench, counting)
	write(log, proxied(), proxied())
	counting()
	os.truncate(log, 0)
	write(log, proxied())
	assert counting()["requests"] == 3


def test_a_long_log_is_read_in_parts(bench, counting, monkeypatch):
	log = followed(bench, counting)
	write(log, *[proxied()] * 10)
	monkeypatch.setattr(request_log, "MOST_BYTES", len(proxied()) * 4)
	seen = [counting()["requests"] for _turn in range(4)]
	assert seen == [3, 6, 9, 10]


def test_the_rest_of_a_renamed_log_is_read_in_parts_too(bench, counting, monkeypatch):
	log = followed(bench, counting)
	write(log, *[proxied()] * 5)
	log.rename(log.with_name(f"{log.name}.1"))
	write(log, proxied())
	monkeypatch.setattr(request_log, "MOST_BYTES", len(proxied()) * 4)
	assert [counting()["requests"] for _turn in range(3)] == [3, 6, 6]


@pytest.mark.parametrize(
	"line",
	[
		"no JSON",
		"[]",
		"1",
		'{"site": 5}',
		json.dumps({"site": ACME}),
		proxied(seconds=float("nan")),
		"\ud800",
	],
)
def test_what_is_no_entry_is_counted_as_such_and_the_next_one_counts(bench, counting, line):
	log = followed(bench, counting)
	with log.open("ab") as file:
		file.write(line.encode(errors="surrogatepass") + b"\n")
	write(log, proxied())
	assert counting()["requests"] == 1


def test_an_entry_that_the_framework_wrote_twice_counts_once(bench, counting):
	log = followed(bench, counting, request_log.MONITOR)
	write(log, monitored("a"), monitored("b"))
	assert counting()["requests"] == 2
	write(log, monitored("b"), monitored("c"))
	assert counting()["requests"] == 3


def test_jobs_come_from_the_frameworks_log_and_requests_from_the_proxys_where_there_is_one(bench, counting):
	followed(bench, counting)
	log = followed(bench, counting, request_log.MONITOR)
	write(log, monitored("a"), monitored("b", "job"))
	found = counting()
	assert "requests" not in found
	assert (found["jobs_done"], found["jobs_scheduled"], found["job_wait_seconds"]) == (1, 1, 3.0)


def test_a_site_that_is_gone_is_forgotten(bench, counting):
	log = followed(bench, counting)
	write(log, proxied(), proxied(site=GLOBEX))
	counting()
	counting(GLOBEX)
	assert set(counting.kept.counted) == {GLOBEX}


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_what_is_kept_is_there_the_next_time_and_for_its_owner_alone(bench):
	with keeping(bench) as of:
		of.counted = {ACME: {"requests": 3}}
	with keeping(bench) as of:
		assert of.counted == {ACME: {"requests": 3}}
	assert (bench.path / kept.FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"counted": [], "logs": 1}', "null"])
def test_a_damaged_file_is_begun_anew(bench, text):
	(bench.path / kept.FILE).write_text(text)
	with keeping(bench) as of:
		assert of == Kept()


def test_where_it_cannot_be_written_it_is_said(bench):
	"""A folder in its place is refused to everybody, as a full disk is."""
	with keeping(bench) as of:
		(bench.path / kept.FILE).mkdir()
	assert "could not be kept" in of.unwritten


def test_what_failed_changes_nothing_that_is_kept(bench):
	with keeping(bench) as of:
		of.seen = ["a"]
	with pytest.raises(ZeroDivisionError), keeping(bench) as of:
		of.seen = ["b"]
		raise ZeroDivisionError
	with keeping(bench) as of:
		assert of.seen == ["a"]


# -- files, processes, machine -----------------------------------------------------------------------------------------


def test_files_are_told_by_where_they_lie(bench):
	site = bench.sites_path / ACME
	for name, size in {
		"public/files/a.png": 10,
		"private/files/deep/b.pdf": 200,
		"private/backups/c.sql.gz": 3000,
		"private/backups/export/d.tar": 40_000,
		"logs/e.log": 5,
	}.items():
		(site / name).parent.mkdir(parents=True, exist_ok=True)
		(site / name).write_bytes(b"x" * size)
	(site / "public/files/elsewhere").symlink_to("/etc")
	found = site_files.of_site(site)
	assert found["files_private_bytes"] == 200 and found["backups_bytes"] == 43_000
	assert 10 <= found["files_public_bytes"] < 100  # with the link itself
	assert site_files.of_site(bench.sites_path / GLOBEX) == dict.fromkeys(found, 0)


def test_sites_take_turns_and_the_one_that_waited_longest_comes_first(bench, monkeypatch):
	monkeypatch.setattr(site_files, "SECONDS", 0)
	of, into = Kept(), {ACME: {}, GLOBEX: {}}
	site_files.measure(bench, into, of, into)
	assert set(of.files) == {ACME} and into[GLOBEX] == {}
	site_files.measure(bench, into, of, into)
	assert set(of.files) == {ACME, GLOBEX}
	before = dict(of.files)
	site_files.measure(bench, into, of, into)
	assert of.files == before


@pytest.mark.parametrize(
	("command", "kind"),
	[
		("env/bin/gunicorn -b 127.0.0.1:8000 -w 4 frappe.app:application --preload", "web"),
		("env/bin/python env/bin/gunicorn --workers 2 wsgi:application", "web"),
		("gunicorn: worker [frappe.app:application]", "web"),
		("env/bin/python -m frappe.utils.bench_helper frappe serve --port 8000", "web"),
		("env/bin/python -m frappe.utils.bench_helper frappe worker --queue short", "worker"),
		("env/bin/python -m frappe.utils.bench_helper frappe worker-pool", "worker"),
		("env/bin/python -m frappe.utils.bench_helper frappe schedule", "scheduler"),
		("rq:worker:5f3c: Listening on short", "worker"),
		("/usr/bin/node apps/frappe/socketio.js", "socketio"),
		("bash", None),
		("", None),
	],
)
def test_processes_are_known_by_their_command(command, kind):
	assert processes.kind_of(command.split()) == kind


def test_a_disk_is_told_once_and_a_place_that_is_missing_not_at_all(tmp_path):
	found = machine.disks({"sites": str(tmp_path), "logs": str(tmp_path), "database": str(tmp_path / "none")})
	assert list(found) == ["sites"]
	assert 0 <= found["sites"]["free_bytes"] <= found["sites"]["bytes"]


def test_the_machines_numbers_are_numbers(bench):
	found = machine.take(bench)
	assert (
		found["cpus"] >= 1
		and found["cpu_seconds"] > 0
		and found["memory_bytes"] > found["memory_free_bytes"] > 0
	)
	assert all(isinstance(number, int | float) for key, number in found.items() if key != "disks")


@pytest.mark.parametrize(
	("job", "site"),
	[
		(f"{ACME}::5f3c", ACME),
		(f"{ACME}||5f3c", ACME),
		("other.example.com::5f3c", None),
		(ACME, None),
		("", None),
	],
)
def test_a_job_is_known_by_the_site_in_its_id(job, site):
	assert queues.site_of(job, {ACME, GLOBEX}) == site
