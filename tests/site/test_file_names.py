"""On a tenant's site no file of a user's has a name by which a program finds settings of its own, whatever way it comes."""

import io
import json
import zipfile
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

CONTENT = json.dumps({"db_name": "_mine", "db_host": "mallory.example"})
SPELLINGS = (
	*(
		"site_config.json",
		"Site_Config.JSON",
		"site_config.json ",
		"site_config.json.",
		"x/site_config.json",
		"site_config/.json",
	),
	*(
		"../../site_config.json",
		"x\\site_config.json",
		"\uff53ite_config.json",
		"common_site_config.json",
		"entitlement.json",
	),
	*("sync.json", "apps.txt", "gunicorn.conf.py", ".env", "Procfile"),
)


@pytest.fixture
def tenant(site):
	"""The site in the role of a tenant's, on which nothing is limited."""
	from buildpro_saas.tenant_site import file_names

	file_names.keep()
	site.frappe.conf.buildpro_role = "tenant"
	before = files(site)
	yield site
	site.frappe.conf.buildpro_role = "admin"
	site.frappe.db.rollback()
	for path in files(site) - before:
		path.unlink()


def files(site) -> set[Path]:
	folder = Path(site.frappe.local.site_path)
	return {
		path
		for place in ("public", "private")
		for path in (folder / place / "files").rglob("*")
		if path.is_file()
	}


def refused(site):
	return pytest.raises(site.frappe.ValidationError, match="Rename the file first")


def file(site, name: str, **values):
	values = {"content": CONTENT, "is_private": 1, **values}
	return site.frappe.get_doc({"doctype": "File", "file_name": name, **values})


def archive(*names: str) -> bytes:
	packed = io.BytesIO()
	with zipfile.ZipFile(packed, "w") as archived:
		for name in names:
			archived.writestr(name, CONTENT)
	return packed.getvalue()


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("is_private", [0, 1])
def test_a_reserved_name_is_refused_before_anything_is_written(tenant, name, is_private):
	before = files(tenant)
	with refused(tenant):
		file(tenant, name, is_private=is_private).insert()
	assert files(tenant) == before


@pytest.mark.parametrize(
	"name", ["site_config.json.txt", "my site_config.json", "hooks.py", "apps.csv", "config.json", "Plan.pdf"]
)
def test_others_are_kept(tenant, name):
	assert file(tenant, name).insert().file_name == name


def over_rpc(site):
	doc = {"doctype": "File", "file_name": "site_config.json", "content": CONTENT, "is_private": 1}
	site.frappe.call("frappe.client.insert", doc=doc)


def attached(site):
	todo = site.frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	site.frappe.call(
		"frappe.client.attach_file",
		**{
			"filename": "site_config.json",
			"filedata": CONTENT,
			"doctype": "ToDo",
			"docname": todo.name,
			"is_private": 1,
		},
	)


def out_of_an_archive(site):
	content = archive("plan.txt", "x/site_config.json")
	site.frappe.call(
		"frappe.core.api.file.unzip_file", name=file(site, "x.zip", content=content).insert().name
	)


def by_address(site):
	file(site, None, content=None, file_url="https://mallory.example/x/site_config.json?y=1").insert()


def by_an_address_beside_another_name(site):
	file(site, "plan.txt", content=None, file_url="/private/files/site_config.json").insert()


def by_renaming(site):
	doc = file(site, "plan.txt").insert()
	site.frappe.call(
		"frappe.client.set_value",
		doctype="File",
		name=doc.name,
		fieldname="file_name",
		value="site_config.json",
	)


def by_writing_it_again(site):
	doc = file(site, "plan.txt").insert()
	doc.file_name = "site_config.json"
	doc.save_file(content=CONTENT.encode() + b" ", ignore_existing_file_check=True)


def by_the_older_writer(site):
	from frappe.utils.file_manager import save_file

	save_file("site_config.json", CONTENT, None, None, is_private=1)


def by_the_older_writer_as_a_path(site):
	from frappe.utils.file_manager import save_file

	save_file("../backups/x.txt", CONTENT, None, None, is_private=1)


WAYS = (
	*(
		over_rpc,
		attached,
		out_of_an_archive,
		by_address,
		by_an_address_beside_another_name,
		by_renaming,
		by_writing_it_again,
	),
	*(by_the_older_writer, by_the_older_writer_as_a_path),
)


@pytest.mark.parametrize("way", WAYS)
def test_by_every_way(tenant, way):
	with refused(tenant):
		way(tenant)
	assert not [path for path in files(tenant) if "site_config" in path.name]
	assert not Path(tenant.frappe.local.site_path, "private/backups/x.txt").exists()


def test_of_a_mail_the_rest_arrives(tenant):
	from frappe.email.receive import Email

	mail = MIMEMultipart()
	mail["Subject"], mail["From"], mail["To"] = "Slab edge", "ada@acme.example", "olga@acme.example"
	mail.attach(MIMEText("Which detail applies?"))
	for name in ("site_config.json", "plan.txt"):
		part = MIMEApplication(CONTENT.encode() + name.encode())
		part.add_header("Content-Disposition", "attachment", filename=name)
		mail.attach(part)
	frappe = tenant.frappe
	values = {"doctype": "Communication", "subject": "Slab edge", "content": "Which detail applies?"}
	communication = frappe.get_doc(values).insert()
	saved = Email(mail.as_bytes()).save_attachments_in_doc(communication)
	assert [each.file_name for each in saved] == ["plan.txt"]
	assert not [path for path in files(tenant) if "site_config" in path.name]
	comments = frappe.get_all("Comment", {"reference_name": communication.name}, pluck="content")
	assert any("not accepted" in each for each in comments)


def test_a_file_that_had_the_name_before_can_still_be_saved(tenant):
	tenant.frappe.conf.buildpro_role = "admin"
	doc = file(tenant, "apps.txt").insert()
	tenant.frappe.conf.buildpro_role = "tenant"
	doc = tenant.frappe.get_doc("File", doc.name)
	doc.folder = "Home/Attachments"
	doc.save()


def test_the_admin_sites_staff_are_not_asked(tenant):
	tenant.frappe.conf.buildpro_role = "admin"
	file(tenant, "apps.txt").insert()
