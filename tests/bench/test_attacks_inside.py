"""A tenant's System Manager has the bench's own processes reach for what is inside, over HTTP: its Redis, its network, its files."""

import json
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from mallory import Site
from test_create_tenant import web


@pytest.fixture(scope="module")
def mallorys(module_bench):
	return Site(module_bench, module_bench.active_tenant())


# -- the bench's Redis ---------------------------------------------------------------------------------------------

PICKLE = r"cposix\nsystem\n(S'touch {marker}'\ntR."


class Poison:
	"""A header that Redis takes for a command: it puts a pickle where Frappe looks for the site's webhooks."""

	def __init__(self, mallorys, marker):
		config = json.loads((mallorys.folder / "site_config.json").read_text())
		self.port, self.marker = mallorys.bench.services.port("redis_cache"), marker
		self.key = f"{config['db_name']}|webhooks"
		self.url = f"http://127.0.0.1:{self.port}/"
		# Redis hangs up at a line that begins with Host, so that one comes last
		command = f'MSET {self.key} "{PICKLE.format(marker=marker)}" z'
		self.headers = {command: "x", "Host": "x"}

	def require_harmless(self, mallorys):
		from dev.probes import redis_command

		found = redis_command(self.port, "GET", self.key) or ""
		# whoever saves a document has the webhooks read
		mallorys.request("/api/resource/ToDo", "POST", description="x")
		assert not self.marker.exists(), "a shell"
		assert "posix" not in found


@pytest.fixture
def poison(mallorys):
	from dev.probes import redis_command

	# a short path: a header's name has 140 characters at most
	with TemporaryDirectory(dir="/tmp") as folder:
		poison = Poison(mallorys, Path(folder, "m"))
		yield poison
		redis_command(poison.port, "DEL", poison.key)


@pytest.fixture
def webhook(mallorys):
	"""Save a webhook on new ToDos, insert one, and wait until the jobs that call it, and those before it, have ended: webhook(url, headers)."""
	made = []

	def call(url: str, headers: dict) -> None:
		rows = [{"key": key, "value": value} for key, value in headers.items()]
		answer = mallorys.request(
			"/api/resource/Webhook",
			"POST",
			name=f"Mallory {len(made)}",
			webhook_doctype="ToDo",
			webhook_docevent="after_insert",
			request_method="PUT",
			request_url=url,
			webhook_headers=rows,
			enabled=1,
		)
		assert answer.status_code == 200, answer.text
		made.append(answer.json()["data"]["name"])
		before = webhook_jobs(mallorys)
		assert mallorys.request("/api/resource/ToDo", "POST", description="x").status_code == 200

		def have_ended() -> bool:
			jobs = webhook_jobs(mallorys)
			return len(jobs.keys() - before) >= len(made) and set(jobs.values()) <= {"finished", "failed"}

		mallorys.bench.wait_for(have_ended, 90)

	yield call
	for name in made:
		mallorys.request(f"/api/resource/Webhook/{name}", "DELETE")


def webhook_jobs(mallorys) -> dict[str, str]:
	"""The site's jobs that call a webhook, each with its status."""
	answer = mallorys.request(
		'/api/resource/RQ Job?fields=["name","job_name","status"]&order_by=creation desc&limit=100'
	)
	assert answer.status_code == 200, answer.text
	jobs = answer.json()["data"]
	return {job["name"]: job["status"] for job in jobs if "webhook" in (job["job_name"] or "")}


def test_a_webhook_to_the_benchs_redis(mallorys, poison, webhook):
	webhook(poison.url, poison.headers)
	poison.require_harmless(mallorys)


def test_an_sms_gateway_that_is_the_benchs_redis(mallorys, poison):
	rows = [{"parameter": key, "value": value, "header": 1} for key, value in poison.headers.items()]
	answer = mallorys.request(
		"/api/resource/SMS Settings/SMS Settings",
		"PUT",
		sms_gateway_url=poison.url,
		message_parameter="m",
		receiver_parameter="r",
		parameters=rows,
	)
	assert answer.status_code == 200, answer.text
	method = "/api/method/frappe.core.doctype.sms_settings.sms_settings.send_sms"
	answer = mallorys.request(method, "POST", receiver_list=["1"], msg="x")
	assert answer.status_code == 403 and "may not connect" in answer.text, answer.text
	poison.require_harmless(mallorys)


# -- addresses inside ----------------------------------------------------------------------------------------------


class Inside(ThreadingHTTPServer):
	"""A server of the operator's, on this machine, that notes what it is asked for; it redirects to where `moved` says."""

	def __init__(self):
		super().__init__(("127.0.0.1", 0), InsideHandler)
		self.got: list[str] = []
		self.moved = ""
		self.place = f"127.0.0.1:{self.server_address[1]}"


class InsideHandler(BaseHTTPRequestHandler):
	def do_GET(self):
		self.server.got.append(self.path)
		is_moved = self.path == "/moved"
		self.send_response(302 if is_moved else 200)
		if is_moved:
			self.send_header("Location", self.server.moved)
		self.send_header("Content-Length", "0")
		self.end_headers()

	do_PUT = do_POST = do_GET

	def log_message(self, *arguments):
		"""Not into the tests' output."""


@contextmanager
def running():
	with Inside() as server:
		thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
		thread.start()
		try:
			yield server
		finally:
			server.shutdown()
			thread.join()


@pytest.fixture
def inside():
	with running() as server:
		yield server


@pytest.fixture
def reachable(mallorys):
	"""What the operator lists in the tenant's site_config.json: reachable(*entries)."""

	def allow(*entries: str) -> None:
		config = mallorys.folder / "site_config.json"
		values = json.loads(config.read_text()) | {"buildpro_reachable": list(entries)}
		config.write_text(json.dumps(values, indent=1))

	yield allow
	allow()


def test_a_webhook_to_an_address_inside(mallorys, webhook, inside, reachable):
	webhook(f"http://{inside.place}/secret", {})
	assert not inside.got
	reachable(inside.place)
	webhook(f"http://{inside.place}/asked", {})
	mallorys.bench.wait_for(lambda: "/asked" in inside.got, 90)


def test_a_webhook_is_redirected_to_an_address_inside(mallorys, webhook, inside, reachable):
	with running() as other:
		inside.moved = f"http://{other.place}/secret"
		reachable(inside.place)
		webhook(f"http://{inside.place}/moved", {})
		mallorys.bench.wait_for(lambda: "/moved" in inside.got, 90)
		assert not other.got


# -- PDFs ----------------------------------------------------------------------------------------------------------

needs_wkhtmltopdf = pytest.mark.skipif(not shutil.which("wkhtmltopdf"), reason="wkhtmltopdf is not installed")


def pdf(mallorys, html: str):
	"""What Desk's reports are printed with: a page of anybody's."""
	path = "/api/method/frappe.utils.print_format.report_to_pdf"
	return mallorys.request(
		path, "POST", html=f"<html><head>{html}</head><body>x</body></html>", orientation="Portrait"
	)


@needs_wkhtmltopdf
def test_a_pdf_is_made(mallorys):
	answer = pdf(mallorys, "<title>Ours</title>")
	assert answer.status_code == 200 and answer.content.startswith(b"%PDF"), answer.text


@needs_wkhtmltopdf
@pytest.mark.parametrize("option", ["allow", "run-script", "user-style-sheet"])
def test_a_page_gives_options_to_wkhtmltopdf(mallorys, tmp_path, option):
	from pypdf import PdfReader

	secret = tmp_path / "secret.html"
	secret.write_text("<p>of the operator</p>")
	page = (
		f"<meta name='pdfkit-{option}' content='{tmp_path}'><meta name='pdfkit-cache-dir' content='{tmp_path}/cache'>"
		f"<iframe src='file://{secret}' width=500 height=500></iframe>"
	)
	answer = pdf(mallorys, page)
	if answer.status_code == 200:
		(tmp_path / "made.pdf").write_bytes(answer.content)
		text = "".join(each.extract_text() for each in PdfReader(tmp_path / "made.pdf").pages)
		assert "operator" not in text
	assert not Path(tmp_path, "cache").exists()


@needs_wkhtmltopdf
@pytest.mark.parametrize(
	"element",
	[
		"<img src='http://{}/secret'>",
		"<iframe src='http://{}/secret'></iframe>",
		"<link rel=stylesheet href='http://{}/secret'>",
		"<style>body {{ background: url(http://{}/secret) }}</style>",
		"<style>@import 'http://{}/secret';</style>",
		"<meta http-equiv=refresh content='0; url=http://{}/secret'>",
		"<object data='http://{}/secret'></object>",
		"<div id='header-html'><img src='http://{}/secret'></div>",
	],
)
def test_a_page_fetches_an_address_inside(mallorys, inside, element):
	answer = pdf(mallorys, element.format(inside.place))
	assert not inside.got, answer.text


@needs_wkhtmltopdf
def test_a_picture_that_is_moved_to_an_address_inside(mallorys, inside, reachable):
	with running() as other:
		inside.moved = f"http://{other.place}/secret"
		reachable(inside.place)
		pdf(mallorys, f"<img src='http://{inside.place}/moved'>")
		assert inside.got and not other.got


@needs_wkhtmltopdf
def test_a_pdf_has_the_sites_own_style_and_pictures(mallorys):
	"""They come from the site's own address, which is inside here."""
	answer = pdf(mallorys, "<link rel=stylesheet href='/assets/frappe/css/fonts/inter/inter.css'>")
	assert answer.status_code == 200 and answer.content.startswith(b"%PDF"), answer.text


# -- files of the bench's machine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["header-html", "footer-html", "cookie-jar"])
def test_a_pdfs_option_removes_a_file(mallorys, tmp_path, option):
	place = tmp_path / "of-the-operator.html"
	place.write_text("x")
	todo = mallorys.request("/api/resource/ToDo", "POST", description="x").json()["data"]["name"]
	path = "/api/method/frappe.utils.print_format.download_multi_pdf"
	values = {"doctype": "ToDo", "name": json.dumps([todo]), "format": "Standard"}
	for target in (place, mallorys.folder / "site_config.json"):
		text = target.read_text()
		answer = mallorys.request(path, "POST", options=json.dumps({option: str(target)}), **values)
		is_there = target.exists()
		target.write_text(text)
		assert is_there, answer.text
		if shutil.which("wkhtmltopdf"):
			assert answer.status_code == 200, answer.text


def test_a_page_embeds_files_by_weasyprint(mallorys, tmp_path):
	"""Print formats of the newer builder. Each file would be attached to the PDF."""
	from pypdf import PdfReader

	place = tmp_path / "of-the-operator.txt"
	place.write_text("secret")
	links = "".join(
		f"<a rel=attachment href='file://{path}'>x</a><link rel=attachment href='file://{path}'>"
		for path in (place, "/etc/hosts", mallorys.folder / "site_config.json")
	)
	field = {"label": "x", "fieldname": "custom_html", "fieldtype": "HTML", "html": links}
	layout = {
		"header": "",
		"footer": "",
		"sections": [{"label": "", "columns": [{"label": "", "fields": [field]}]}],
	}
	values = {
		"doc_type": "ToDo",
		"print_format_builder_beta": 1,
		"format_data": json.dumps(layout),
		"standard": "No",
	}
	name = f"Mallory {mallorys.bench.frappe.generate_hash()}"
	answer = mallorys.request("/api/resource/Print Format", "POST", name=name, **values)
	assert answer.status_code == 200, answer.text
	todo = mallorys.request("/api/resource/ToDo", "POST", description="x").json()["data"]["name"]
	path = "/api/method/frappe.utils.weasyprint.download_pdf"
	answer = mallorys.request(path, "POST", doctype="ToDo", name=todo, print_format=name)
	mallorys.request(f"/api/resource/Print Format/{name}", "DELETE")
	assert answer.status_code == 200, answer.text
	(tmp_path / "made.pdf").write_bytes(answer.content)
	assert not PdfReader(tmp_path / "made.pdf").attachments


def test_an_import_file_tells_what_is_there(mallorys):
	values = {"reference_doctype": "ToDo", "import_type": "Insert New Records"}
	answer = mallorys.request("/api/resource/Data Import", "POST", **values)
	assert answer.status_code == 200, answer.text
	name = answer.json()["data"]["name"]
	path = "/api/method/frappe.core.doctype.data_import.data_import.get_preview_from_template"
	answers = [
		mallorys.request(path, "POST", data_import=name, import_file=file)
		for file in ("/etc/passwd", "/etc/no-such-file", f"{mallorys.tenant.site}/site_config.json")
	]
	assert {answer.status_code for answer in answers} == {417}, [answer.text for answer in answers]
	assert all("begins with /files/" in answer.text for answer in answers)


def upload(mallorys, name: str, content: bytes) -> str:
	"""The address of a private file of the site."""
	path = "/api/method/upload_file"
	headers = {**mallorys.tokens[mallorys.session], "Accept": "application/json"}
	options = {"headers": headers, "data": {"is_private": 1}, "files": {"file": (name, content)}}
	answer = web(mallorys.bench, mallorys.tenant.site, path, mallorys.session, "POST", **options)
	assert answer.status_code == 200, answer.text
	return answer.json()["message"]["file_url"]


def test_ordinary_work_with_files_goes_on(mallorys):
	"""An upload, an import by a job, an export, a backup by a job."""
	subject = f"Imported {mallorys.bench.frappe.generate_hash()}"
	file = upload(mallorys, "todos.csv", f"Description\n{subject}\n".encode())
	values = {"reference_doctype": "ToDo", "import_type": "Insert New Records", "import_file": file}
	answer = mallorys.request("/api/resource/Data Import", "POST", **values)
	assert answer.status_code == 200, answer.text
	path = "/api/method/frappe.core.doctype.data_import.data_import.form_start_import"
	assert mallorys.request(path, "POST", data_import=answer.json()["data"]["name"]).status_code == 200

	def found() -> list:
		return mallorys.request(f'/api/resource/ToDo?filters={{"description":"{subject}"}}').json()["data"]

	mallorys.bench.wait_for(found, 90)
	path = "/api/method/frappe.desk.reportview.export_query"
	values = {
		"doctype": "ToDo",
		"file_format_type": "Excel",
		"title": "ToDo",
		"fields": '["`tabToDo`.`name`"]',
	}
	answer = mallorys.request(path, "POST", **values)
	assert answer.status_code == 200 and answer.content.startswith(b"PK"), answer.text
	backups = mallorys.folder / "private" / "backups"
	before = set(backups.iterdir())
	path = "/api/method/frappe.desk.page.backups.backups.schedule_files_backup"
	assert mallorys.request(path, "POST", user_email="owner@example.com").status_code == 200
	mallorys.bench.wait_for(
		lambda: any("private-files" in each.name for each in set(backups.iterdir()) - before), 90
	)
