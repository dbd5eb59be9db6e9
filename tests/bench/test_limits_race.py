"""Two at the edge of a limit, in real processes on a real MariaDB: exactly one is admitted."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

ROOM = 3
MANY = 8


@pytest.fixture(scope="module")
def acme(module_bench):
	"""A tenant's site that is up."""
	return Racing(module_bench, module_bench.active_tenant().name)


class Racing:
	def __init__(self, bench, tenant: str):
		self.bench, self.tenant = bench, tenant
		self.site = bench.site(tenant)

	def on_site(self, function: str, **arguments):
		return self.bench.on_site(self.tenant, f"on_tenant_limits.{function}", **arguments)

	def limit(self, key: str, room: float, is_hard: bool = True) -> float:
		"""Give the tenant a plan that leaves room for so many more; returns what is in use."""
		used = self.on_site("used", key=key)
		self.entitle({key: {"value": int(used + room), "is_hard": is_hard}})
		return used

	def entitle(self, limits: dict) -> None:
		"""Put a plan with these limits, and no other, into force on the tenant's site."""
		from buildpro_saas.entitlements import layers

		self.bench.entitle(self.tenant, layers.single_plan("Core", ["rfi"], limits))


@pytest.fixture
def process(acme, bench_path):
	"""Start a process that adds to the site on command (grow_on_site.py): process("user") → Process."""
	started = []

	def start(kind: str = "user") -> Process:
		started.append(Process(acme.site, bench_path, kind))
		return started[-1]

	yield start
	for each in started:
		each.end()


class Process:
	def __init__(self, site: str, bench_path: Path, kind: str):
		self._process = subprocess.Popen(
			[sys.executable, Path(__file__).with_name("grow_on_site.py"), site, kind],
			cwd=bench_path / "sites",
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			text=True,
		)

	def tell(self, command: str) -> None:
		self._process.stdin.write(command + "\n")
		self._process.stdin.flush()

	def answer(self) -> str:
		line = self._process.stdout.readline()
		assert line, "the process has died"
		return line.strip()

	def do(self, command: str) -> str:
		self.tell(command)
		return self.answer()

	def end(self) -> None:
		self._process.stdin.close()
		self._process.wait(timeout=30)
		self._process.stdout.close()


def wait_until_held(acme) -> None:
	"""Wait until a transaction waits for another one's row."""

	def is_waiting() -> bool:
		with acme.bench.root() as cursor:
			cursor.execute("select count(*) from information_schema.innodb_lock_waits")
			return cursor.fetchone()[0] > 0

	acme.bench.wait_for(is_waiting, 60)


@pytest.mark.parametrize("end, second", [("commit", "refused"), ("rollback", "added")])
def test_the_second_waits_for_the_first_and_goes_by_how_it_ends(acme, process, end, second):
	used = acme.limit("max_users", 1)
	one, two = process(), process()
	assert one.do("look") == two.do("look") == str(used)  # both have read before either adds
	assert one.do("add").startswith("added")
	two.tell("add")
	wait_until_held(acme)
	assert one.do(end) == end
	assert two.answer().startswith(second)
	two.do("commit")
	assert acme.on_site("used", key="max_users") == used + 1


def test_of_eight_at_once_as_many_are_admitted_as_there_is_room_for(acme, process):
	used = acme.limit("max_users", ROOM)
	processes = [process() for _ in range(MANY)]
	assert {each.do("look") for each in processes} == {str(used)}

	def add(each: Process) -> str:
		answer = each.do("add")
		each.do("commit")
		return answer

	with ThreadPoolExecutor(MANY) as pool:
		answers = list(pool.map(add, processes))
	refused = [answer for answer in answers if answer.startswith("refused")]
	assert len(refused) == MANY - ROOM, answers
	assert sum(answer.startswith("added") for answer in answers) == ROOM
	assert acme.on_site("used", key="max_users") == used + ROOM


def test_two_additions_in_one_transaction_count_both(acme, process):
	acme.limit("max_users", 3)
	one, two = process(), process()
	one.do("look"), two.do("look")
	assert two.do("add").startswith("added") and two.do("commit")
	assert one.do("add").startswith("added") and one.do("add").startswith("added")
	assert one.do("add").startswith("refused")
	one.do("commit")


@pytest.mark.parametrize("end, later", [("commit", "refused: Storage"), ("rollback", "added")])
def test_storage_admits_one_at_the_edge(acme, process, end, later):
	acme.on_site("measure", key="max_storage_gb", used=0.9975)  # 2.5 MB are left; each file has 1.6
	acme.limit("max_storage_gb", 0.003)
	one, two = process("file"), process("file")
	one.do("look"), two.do("look")
	assert one.do("add").startswith("added")
	assert two.do("add").startswith("refused: Storage")  # at once, while the first is still open
	two.do("rollback")
	one.do(end)
	assert two.do("add").startswith(later)
	two.do("rollback")


# -- mails and files: nobody waits for anybody -----------------------------------------------------------------------


def test_mail_and_file_in_either_order_do_not_stop_each_other(acme, process):
	acme.on_site("measure", key="max_storage_gb", used=0.5)
	acme.entitle(
		{
			"max_storage_gb": {"value": 1, "is_hard": True},
			"emails_per_day": {"value": 10**6, "is_hard": True},
		}
	)
	one, two = process("mail"), process("file")
	one.do("look"), two.do("look")
	assert one.do("add").startswith("added") and two.do("add").startswith("added")
	one.tell("add file")
	two.tell("add mail")
	answers = [one.answer(), two.answer()]
	assert all(answer.startswith("added") for answer in answers), answers
	one.do("rollback"), two.do("rollback")


def test_mails_wait_for_nobody_and_a_rollback_gives_back(acme, process):
	used = acme.limit("emails_per_day", 2)
	one, two, three = (process("mail") for _ in range(3))
	assert {float(each.do("look")) for each in (one, two, three)} == {used}
	assert one.do("add").startswith("added") and two.do("add").startswith("added")
	# both are still open: three is told so, and does not wait
	assert three.do("add").startswith("refused: E-mails today")
	two.do("rollback")
	assert three.do("add").startswith("added")
	one.do("commit"), three.do("commit")
	assert acme.on_site("used", key="emails_per_day") == used + 2
	assert two.do("add").startswith("refused")


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_of_eight_mails_at_once_as_many_are_admitted_as_there_is_room_for(acme, process, is_forgotten):
	"""Where Redis has forgotten the number, the first of them counts anew."""
	used = acme.limit("emails_per_day", ROOM)
	processes = [process("mail") for _ in range(MANY)]
	assert {float(each.do("look")) for each in processes} == {used}
	if is_forgotten:
		acme.on_site("forget_meter", key="emails_per_day")

	def add(each: Process) -> str:
		return each.do("add")

	with ThreadPoolExecutor(MANY) as pool:
		answers = list(pool.map(add, processes))
	assert sum(answer.startswith("added") for answer in answers) == ROOM, answers
	assert sum(answer.startswith("refused") for answer in answers) == MANY - ROOM, answers
	for each in processes:
		each.do("commit")
	assert acme.on_site("used", key="emails_per_day") == used + ROOM
	assert acme.on_site("mails") == used + ROOM


# -- over HTTP -----------------------------------------------------------------------------------------------------------


def test_over_http_exactly_one_is_admitted(acme):
	"""The whole way: web server, API key, REST; and refused calls leave nothing."""
	acme.limit("max_users", 10)
	key = acme.on_site("api_key")
	used = acme.limit("max_users", 1)
	url = f"http://127.0.0.1:{acme.bench.services.port('web')}/api/resource/User"
	headers = {"Host": acme.site, "Authorization": f"token {key}"}

	def post(number: int) -> requests.Response:
		body = {
			"email": f"h{number}-{time.time_ns()}@race.example",
			"first_name": f"Hugo {number} {time.time_ns()}",
			"send_welcome_email": 0,
			"roles": [{"role": "System Manager"}],
		}
		return requests.post(url, json=body, headers=headers, timeout=60)

	with ThreadPoolExecutor(MANY) as pool:
		answers = list(pool.map(post, range(MANY)))
	others = [answer.text[-3000:] for answer in answers if answer.status_code not in (200, 403)]
	assert not others, others
	assert sorted(answer.status_code for answer in answers) == [200] + [403] * (MANY - 1)
	refusal = next(answer for answer in answers if answer.status_code == 403)
	assert refusal.json()["exc_type"] == "LimitReachedError" and "more cannot be added" in refusal.text
	assert acme.on_site("used", key="max_users") == used + 1


def test_api_calls_over_http(acme):
	key = acme.on_site("api_key")
	acme.on_site("forget_calls")
	acme.limit("api_calls_per_day", 3)
	url = f"http://127.0.0.1:{acme.bench.services.port('web')}/api/method/frappe.auth.get_logged_user"
	headers = {"Host": acme.site, "Authorization": f"token {key}"}

	def call(number: int) -> requests.Response:
		return requests.get(url, headers=headers, timeout=60)

	with ThreadPoolExecutor(MANY) as pool:
		answers = list(pool.map(call, range(MANY)))
	assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * (MANY - 3)
	refusal = next(answer for answer in answers if answer.status_code == 429)
	assert int(refusal.headers["Retry-After"]) > 0
	assert refusal.json()["decision"]["limit"] == 3
	ping = requests.get(
		url.replace("frappe.auth.get_logged_user", "ping"), headers={"Host": acme.site}, timeout=60
	)
	assert ping.status_code == 200


def test_uses_that_were_counted_over_http_arrive(acme):
	"""Refusals of the tests above were counted in the web server's processes, and come to the site's own record."""
	acme.bench.wait_for(lambda: acme.on_site("uses", feature="max_users", outcome="DENIED") > 0, 30)


# -- MariaDB as it is from 11.6.2 on ---------------------------------------------------------------------------------


@pytest.fixture
def snapshot_isolation(acme):
	"""The server's setting on, as in MariaDB's defaults from 11.6.2 on; web processes that have not asked for it yet."""
	name = "innodb_snapshot_isolation"
	with acme.bench.root() as cursor:
		cursor.execute(f"show global variables like '{name}'")
		if not (found := cursor.fetchone()):
			pytest.skip("this MariaDB is older than the setting (10.6.18, 10.11.8, 11.4.2)")
		cursor.execute(f"set global {name} = on")
	acme.bench.services.restart("web")
	yield
	with acme.bench.root() as cursor:
		cursor.execute(f"set global {name} = {found[1]}")
	acme.bench.services.restart("web")


@pytest.mark.stops_mariadb
def test_the_second_is_told_the_limit_and_not_error_1020(snapshot_isolation, acme, process):
	test_the_second_waits_for_the_first_and_goes_by_how_it_ends(acme, process, "commit", "refused")


@pytest.mark.stops_mariadb
def test_over_http_the_others_are_told_the_limit_and_not_error_1020(snapshot_isolation, acme):
	test_over_http_exactly_one_is_admitted(acme)
