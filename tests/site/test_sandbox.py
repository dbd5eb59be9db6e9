"""A tenant's System Manager without Server Scripts: what he writes in templates and conditions reads, and does nothing else."""

import contextlib
import time
import traceback
import tracemalloc

import pytest


@pytest.fixture
def tenants(frappe, monkeypatch):
	"""frappe on the site as a tenant's; what is made is rolled back."""
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	return frappe


@pytest.fixture
def user(tenants):
	return tenants.get_doc("User", "Administrator")


@pytest.fixture
def refused(tenants):
	from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

	@contextlib.contextmanager
	def refused(match: str | None = None):
		with pytest.raises(SandboxError, match=match):
			yield

	return refused


NEVER_SAVED = "frappe.get_doc({'doctype': 'Module Def', 'module_name': 'Mallory', 'app_name': 'frappe'})"
TEMPLATES = {
	"a document that was never saved": f"{{{{ {NEVER_SAVED}.create_modules_folder() }}}}",
	"a new document": "{{ frappe.new_doc('ToDo').insert() }}",
	"a mapped document": "{{ frappe.get_mapped_doc('User', 'Guest', {}) }}",
	"insert": "{{ doc.insert() }}",
	"save": "{{ doc.save() }}",
	"db_set": "{{ doc.db_set('enabled', 0) }}",
	"run_method": "{{ doc.run_method('on_update') }}",
	"queue_action": "{{ doc.queue_action('save') }}",
	"delete": "{{ doc.delete() }}",
	"a password": "{{ doc.get_password('api_secret') }}",
	"a method of the controller": "{{ doc.send_password_notification('x') }}",
	"a method found by a filter": "{{ [doc] | map(attribute='save') | list }}",
	"a method by the filter attr": "{{ (doc | attr('save'))() }}",
	"a method in brackets": "{{ doc['save']() }}",
	"a method by a format": "{{ '{0.save}'.format(doc) }}",
	"a method by a format that was kept": "{% set f = '{0.save}'.format %}{{ f(doc) }}",
	"a method by format_map": "{{ '{d.save}'.format_map({'d': doc}) }}",
	"update of a document": "{{ doc.update({'enabled': 0}) }}",
	"set of what a document is": "{{ doc.set('doctype', 'Plan') }}",
	"set of a method": "{{ doc.set('save', 1) }}",
	"set in the framework's own": "{{ frappe.get_meta('User').fields[0].set('permlevel', 0) }}",
	"a write through meta": "{{ frappe.get_meta('User').save() }}",
	"meta of a document": "{{ doc.meta.set('istable', 1) }}",
	"a value in the database": "{{ frappe.db.set_value('User', 'Guest', 'enabled', 0) }}",
	"commit": "{{ frappe.db.commit() }}",
	"sql that writes": "{{ frappe.db.sql('update tabUser set enabled = 0') }}",
	"a query builder": "{{ frappe.qb.from_('User') }}",
	"a call": "{{ frappe.call('frappe.client.get_list', doctype='User') }}",
	"a job": "{{ frappe.enqueue('frappe.client.get_list') }}",
	"a mail": "{{ frappe.sendmail(recipients='a@example.com', message='x') }}",
	"a request": "{{ frappe.make_get_request('http://127.0.0.1') }}",
	"a client": "{{ FrappeClient('http://127.0.0.1') }}",
	"renaming": "{{ frappe.rename_doc('User', 'Guest', 'x') }}",
	"deleting": "{{ frappe.delete_doc('User', 'Guest') }}",
	"a PDF with options": "{{ frappe.get_print('User', 'Guest', as_pdf=True, pdf_options={'allow': '/etc'}) }}",
	"a job's queue": "{{ is_job_queued('x') }}",
	"a script": "{{ run_script('x') }}",
	"an image elsewhere": "{{ frappe.utils.image_to_base64('/files/../../../x.png', 'png') }}",
	"Frappe's namespace changed": "{{ frappe.update({'call': frappe.bold}) }}",
	"select for update": "{{ frappe.db.get_value('User', 'Guest', 'name', for_update=True) }}",
	"settings saved by a list": "{{ frappe.get_list('User', save_user_settings=True) }}",
	"a function's attribute": "{{ frappe.bold.func_globals or frappe.bold.mro }}{{ frappe.get_all.keywords.x }}{{ doc.save }}",
	"memory": "{{ 'x' * 100000000 }}",
	"a power": "{{ 10 ** 10000000 }}",
}
QUERIES = {
	"a file": "select load_file('/etc/passwd')",
	"a file written": "select name from tabUser into outfile '/tmp/x'",
	"written elsewhere": "select name from tabUser limit 1 into @x",
	"sleep": "select sleep(100)",
	"sleep in a comment": "select /*! sleep(100) */ 1",
	"sleep spelled oddly": "select SlEeP\n(100)",
	"benchmark": "select benchmark(100000000, md5('x'))",
	"a lock": "select get_lock('buildpro', 100)",
	"another schema": "select user from mysql.user",
	"a quoted schema": "select * from `mysql`.`user`",
	"the list of schemas": "select schema_name from information_schema.schemata",
	"two statements": "select 1; delete from tabUser",
	"variables": "select @@datadir",
	"a row lock": "select name from tabUser for update",
	"an explanation": "explain select 1",
	"a function of nobody's": "select uuid_short()",
}
EXPRESSIONS = {
	"save": "doc.save()",
	"db_set": "doc.db_set('enabled', 0)",
	"insert": "doc.insert()",
	"run_method": "doc.run_method('on_update')",
	"a password": "doc.get_password('api_secret')",
	"flags": "doc.flags.update({'in_migrate': 1})",
	"meta": "doc.meta.save()",
	"a format": "'{0.save}'.format(doc)",
	"who one is": "frappe.session.update({'user': 'Administrator'})",
	"the database": "frappe.db.set_value('User', 'Guest', 'enabled', 0)",
	"a module": "frappe.utils.data",
	"a lock": "frappe.db.get_value('User', 'Guest', 'get_lock(1, 100)')",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_that_does_more_than_read(tenants, user, refused, template):
	with refused():
		tenants.render_template(template, {"doc": user})


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_that_does_more_than_read_the_sites_rows(tenants, refused, query):
	with refused():
		tenants.render_template("{{ frappe.db.sql(query) }}", {"query": query})


@pytest.mark.parametrize("code", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_that_does_more_than_read(tenants, user, refused, code):
	import frappe as module

	given = {"frappe": module._dict(db=module.db, session=module.session, utils=module.utils)}
	with refused():
		tenants.safe_eval(code, given, {"doc": user})


@pytest.mark.parametrize(
	"code", ["frappe.call('ping')", "frappe.get_doc({'doctype': 'ToDo'})", "run_script('x')"]
)
def test_an_expression_with_frappes_whole_namespace(tenants, user, refused, code):
	"""As a virtual field's options have it."""
	from frappe.utils.safe_exec import get_safe_globals

	with refused():
		tenants.safe_eval(code, get_safe_globals(), {"doc": user})


@pytest.mark.parametrize(
	"code",
	[
		"().__class__",
		"(lambda: 1).__globals__",
		"doc.__dict__",
		"[x for x in (1,)].__len__",
		"(a := 1)",
		"__import__('os')",
	],
)
def test_python_under_an_expression(tenants, user, code):
	with pytest.raises((SyntaxError, NameError, tenants.ValidationError)):
		tenants.safe_eval(code, None, {"doc": user})


READS = {
	"{{ doc.name }} {{ doc.get('email') }} {{ doc.get_formatted('enabled') }}": "Administrator",
	"{{ doc.meta.get_label('email') }} {{ frappe.get_meta('User').get_field('email').label }}": "Email",
	"{{ frappe.get_doc('User', 'Guest').name }}": "Guest",
	"{{ frappe.get_all('User', filters={'name': 'Guest'}, pluck='name')[0] }}": "Guest",
	"{{ frappe.db.get_value('User', 'Guest', 'name') }} {{ frappe.db.exists('User', 'Guest') }}": "Guest Guest",
	"{{ frappe.db.count('User', {'name': 'Guest'}) }}": "1",
	'{{ frappe.db.sql("select count(*) from `tabUser` where name in (%s, %s)", ("Guest", "x"))[0][0] }}': "1",
	"{% set rows = [] %}{% for i in range(3) %}{% set _ = rows.append(i) %}{% endfor %}{{ rows }}": "[0, 1, 2]",
	"{% set d = {'a': 1} %}{% set _ = d.update({'b': 2}) %}{{ d.b }}": "2",
	"{{ '{0} of {1.name}'.format(1, doc) }}": "1 of Administrator",
	"{{ frappe.utils.fmt_money(1234.5, currency='EUR') and frappe.format(1, {'fieldtype': 'Int'}) }}": "1",
	"{{ frappe.session.user }} {{ _('Yes') }} {{ frappe.utils.cint('3') }}": "Administrator Yes 3",
	"{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice(doc.name[0]) }}": "AA",
	"{{ frappe.render_template('{{ x }}', {'x': doc.name}) }}": "Administrator",
	"{% set r = [1] %}{% set _ = r.extend(r|map('int')) %}{{ r }}": "[1, 1]",
	"{{ '%5.1f|%-4s|%(a)s' % {'a': 1} if 0 else '%5.1f|%-4s|%%' % (2, 'b') }}": "  2.0|b   |%",
	"{{ sum([1, 2]) }}{{ sorted([2, 1], key=frappe.utils.cint) }}{{ max(1, 2) }}{{ range(3)|join('-') }}": "3[1, 2]20-1-2",
	"{{ 'a-b'.split('-')|join(', ') }} {{ 'x'.ljust(3) }}| {{ '{:>4}'.format(7) }} {{ 'ab'|center(4) }}|": "a, b x  |    7  ab |",
	"{{ [{'a': 2}, {'a': 1}]|sort(attribute='a')|map(attribute='a')|list }} {{ [1, 2, 3]|batch(2)|list }}": "[1, 2] [[1, 2], [3]]",
	"{{ {'b': [1, (2, 3)]}|tojson }} {{ as_json([1]) }} {{ json.dumps({'a': 1}, indent=1) }}": '{"b": [1, [2, 3]]}',
	"{{ 'a' ~ 1 ~ doc.name[:3] }} {{ '<b>'|e ~ 'x'|safe }} {{ [1, 2, 3][1:] }}": "a1Adm &lt;b&gt;x [2, 3]",
	"{{ frappe.utils.comma_and(['a', 'b'], False) }} {{ frappe.utils.strip_html('<b>x</b>') }}": "a and b x",
	"{% for r in [1, 2, 3] if r > 1 %}{{ loop.index }}{{ r }}{% else %}none{% endfor %}": "1223",
	"{{ '**b**'|markdown }} {{ 2.345|round(1) }} {{ frappe.utils.flt('1.234', 2) }}": "<strong>b</strong>",
}


@pytest.mark.parametrize("template", READS)
def test_what_templates_read(tenants, user, template):
	assert READS[template] in tenants.render_template(template, {"doc": user})


def test_frappes_whole_namespace_that_an_app_hands_on(tenants, user, refused):
	"""By another name than `frappe`, and within something else: its functions are known by themselves."""
	from frappe.utils.safe_exec import get_safe_globals

	whole = get_safe_globals()
	for template in (
		"{{ given.frappe.call('ping') }}",
		"{{ given['frappe'].sendmail() }}",
		"{{ given.frappe.db.commit() }}",
	):
		with refused():
			tenants.render_template(template, {"given": whole})
	with refused():
		tenants.safe_eval("given['frappe'].new_doc('ToDo')", None, {"given": whole})
	with refused():
		tenants.render_template("{{ module.db.commit() }}", {"module": tenants})


def test_what_expressions_read(tenants, user):
	read = "doc.enabled == 1 and doc.get('name') in ['Administrator'] and frappe.db.get_value('User', 'Guest', 'name') == 'Guest'"
	given = {"frappe": tenants._dict(db=tenants._dict(get_value=tenants.db.get_value))}
	assert tenants.safe_eval(read, given, {"doc": user}) is True
	assert tenants.safe_eval("sum_of + round(2.6) if flag else 0", {}, {"sum_of": 1, "flag": True}) == 4
	assert tenants.safe_eval("[x * 2 for x in rows]", {}, {"rows": [1, 2]}) == [2, 4]


def test_a_print_format_sets_what_it_shows(tenants, user, refused):
	"""As ERPNext's vouchers do. Elsewhere whoever saves the document would save that, too."""
	template = "{{ doc.set('select_print_heading', 'Note') or doc.select_print_heading }}"
	with refused("set"):
		tenants.render_template(template, {"doc": user})
	user.flags.in_print = True
	tenants.render_template(template, {"doc": user})
	assert user.select_print_heading == "Note"
	for key in ("doctype", "name", "flags", "docstatus", "save", "_meta"):
		with refused("set"):
			tenants.render_template("{{ doc.set(key, 1) }}", {"doc": user, "key": key})


CHANGES = (
	"doc.flags.update({'ignore_permissions': 1})",
	"doc.get('flags').update({'ignore_permissions': 1})",
	"doc.roles.append(1)",
	"doc.get('roles').clear()",
	"doc.meta.fields.clear()",
	"doc.meta.get('fields').clear()",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_document_is_not_changed_by_what_shows_it(tenants, user, change):
	"""A notification may show it before it is saved."""
	before = len(user.roles), dict(user.flags), len(user.meta.fields)
	tenants.render_template("{% set _ = " + change + " %}", {"doc": user})
	assert (len(user.roles), dict(user.flags), len(user.meta.fields)) == before


def test_an_apps_own_method_is_offered_by_a_hook(tenants, user, monkeypatch, refused):
	original, template = tenants.get_hooks, "{{ doc.in_full() }}"

	def in_full(self):
		return "in full"

	monkeypatch.setattr(type(user), "in_full", in_full, raising=False)
	with refused("User.in_full"):
		tenants.render_template(template, {"doc": user})

	def with_ours(hook=None, *args, **kwargs):
		return (
			{"User": ["in_full"]} if hook == "buildpro_template_methods" else original(hook, *args, **kwargs)
		)

	monkeypatch.setattr(tenants, "get_hooks", with_ours)
	assert tenants.render_template(template, {"doc": user}) == "in full"


# -- the places where a user's text becomes a template or a condition ----------------------------------------------


def email_template(tenants, text):
	name = tenants.generate_hash()
	tenants.get_doc({"doctype": "Email Template", "name": name, "subject": "x", "response": text}).insert()
	return tenants.get_doc("Email Template", name).get_formatted_email({})


def print_format(tenants, text):
	from frappe.www.printview import get_html_and_style

	values = {
		"doctype": "Print Format",
		"name": tenants.generate_hash(),
		"doc_type": "ToDo",
		"custom_format": 1,
	}
	made = tenants.get_doc({**values, "print_format_type": "Jinja", "html": text}).insert()
	todo = tenants.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	return get_html_and_style("ToDo", todo.name, print_format=made.name)


def letter_head(tenants, text):
	from frappe.www.printview import get_html_and_style

	values = {
		"doctype": "Letter Head",
		"letter_head_name": tenants.generate_hash(),
		"source": "HTML",
		"content": text,
	}
	made = tenants.get_doc(values).insert()
	todo = tenants.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	return get_html_and_style("ToDo", todo.name, letterhead=made.name)


def notification(tenants, text):
	values = {
		"doctype": "Notification",
		"name": tenants.generate_hash(),
		"document_type": "ToDo",
		"event": "New",
	}
	made = tenants.get_doc(
		{
			**values,
			"subject": "x",
			"channel": "System Notification",
			"message": text,
			"recipients": [{"receiver_by_role": "System Manager"}],
		}
	).insert()
	todo = tenants.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	made.send(todo)


def web_page(tenants, text):
	from frappe.utils import set_request
	from frappe.website.serve import get_response_content

	route = tenants.generate_hash()
	set_request(method="GET", path=route)
	tenants.get_doc(
		{
			"doctype": "Web Page",
			"title": route,
			"route": route,
			"published": 1,
			"content_type": "HTML",
			"dynamic_template": 1,
			"main_section_html": text,
		}
	).insert()
	return get_response_content(route)


def address_template(tenants, text):
	from frappe.contacts.doctype.address.address import get_address_display

	tenants.db.delete("Address Template")
	made = tenants.get_doc(
		{"doctype": "Address Template", "country": "Germany", "is_default": 1, "template": text}
	).insert()
	return get_address_display({"country": made.country})


@pytest.mark.parametrize(
	"place",
	[email_template, print_format, letter_head, notification, web_page, address_template],
	ids=lambda each: each.__name__,
)
def test_wherever_a_users_text_becomes_a_template(tenants, place, capsys, request):
	"""Some of Frappe's places show the refusal, some log it; in none is it done."""
	attack = "{{ frappe.get_doc('User', 'Guest').db_set('full_name', 'Mallory') }}{{ frappe.db.set_value('User', 'Guest', 'full_name', 'Mallory') }}"
	request.addfinalizer(tenants.clear_cache)
	with contextlib.suppress(tenants.ValidationError, tenants.PermissionError):
		place(tenants, attack)
	assert tenants.db.get_value("User", "Guest", "full_name") != "Mallory"
	if hasattr(tenants.local, "request"):
		del tenants.local.request


def test_a_condition_of_a_notification(tenants, refused):
	from frappe.email.doctype.notification.notification import evaluate_alert

	todo = tenants.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	values = {"document_type": "ToDo", "event": "New", "condition": "doc.db_set('description', 'Mallory')"}
	alert = tenants.get_doc({"doctype": "Notification", "name": "Mallory", "subject": "x", **values})
	with contextlib.suppress(tenants.ValidationError, tenants.PermissionError):
		evaluate_alert(todo, alert, "New")
	assert tenants.db.get_value("ToDo", todo.name, "description") == "x"


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hurried(monkeypatch):
	from buildpro_saas.tenant_site.sandbox import budget

	monkeypatch.setattr(budget, "SECONDS", 0.5)
	monkeypatch.setattr(budget, "STATEMENT_SECONDS", 0.5)


LONG = {
	"loops": "{% set r = range(5000)|list %}{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}",
	"macros": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
	"a condition": "{% set r = range(9999)|list %}{% for a in r %}{% for b in r if b > 9999 %}{% endfor %}{% endfor %}",
	"a blocks' recursion": "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
	"a join": "{{ frappe.db.sql('select count(*) from tabDocField a, tabDocField b, tabDocField c where a.idx + b.idx + c.idx > 0') }}",
}


@pytest.mark.parametrize("template", LONG.values(), ids=LONG)
def test_a_template_that_never_ends_is_stopped(tenants, hurried, refused, template):
	before = tenants.db.sql("select @@session.max_statement_time")
	begun = time.monotonic()
	with refused("took longer|does too much"):
		tenants.render_template(template, {})
	assert time.monotonic() - begun < 10
	assert tenants.db.sql("select @@session.max_statement_time") == before


ENDLESS = (
	"[0 for a in r for b in r for c in r]",
	"(lambda f, n: f(f, n))(lambda f, n: f(f, n - 1) + f(f, n - 1) if n else 1, 60)",
	"sum(x for a in r for b in r for x in r)",
)


@pytest.mark.parametrize("code", ENDLESS)
def test_an_expression_that_never_ends_is_stopped(tenants, hurried, refused, code):
	with refused("took longer|does too much"):
		tenants.safe_eval(code, {"r": list(range(5000)), "sum": sum}, {})


BIG = (
	*("9**9**9", "[0] * 10**9", "'x' * 10**9", "(9**999)**999", "1 << 800000000", "'%100000000d' % 1"),
	*(
		"'%.100000000f' % 1",
		"'%*d' % (100000000, 1)",
		"'%(a(b))100000000d' % {'a(b)': 1}",
		"f'{1:100000000}'",
	),
	*("'x'.ljust(100000000)", "'x'.zfill(100000000)", "b'x'.rjust(100000000)", "b'%100000000d' % 1"),
	*(
		"'\\t'.expandtabs(100000000)",
		"('a' * 10000).replace('a', 'b' * 10000)",
		"('a' * 9999).join(['b'] * 9999)",
	),
	*("'ab'.translate({97: 'x' * 9999999})", "(1).to_bytes(100000000, 'big')", "int('f' * 9999999, 16)"),
	*("round(5, -10**9)", "('a' * 999999).rstrip('b' * 999999)", "('a' * 999999).encode('punycode')"),
	*(
		"('a' * 999999).rfind('b' + 'a' * 99999)",
		"[" + "*([0] * 999999), " * 40 + "]",
		"(lambda f: f(f))(lambda f: f(f))",
	),
	*("[x for x in ['a' * 999999] * 99] == ['a' * 999999] * 99",),
)


def doubled(first: str, again: str, then: str = "") -> str:
	"""A template that does the same to a value sixty times: `ns.x`, which is short to keep or endless."""
	loop = f"{{% for i in range(60) %}}{{% set ns.x = {again} %}}{{% endfor %}}"
	return f"{{% set ns = namespace(x={first}) %}}{loop}{then}"


LARGE = {
	"a sum of a range": "{{ sum(range(200000000)) }}",
	"a list of a range": "{{ range(20000000)|list|length }}",
	"a range of a loop": "{% for i in range(10 ** 13) %}{% endfor %}",
	"a width by %": "{{ '%100000000d' % 1 }}",
	"a width by the filter": "{{ '%100000000d'|format(1) }}",
	"a width by format": "{{ '{:100000000}'.format(1) }}",
	"a width by a format within it": "{{ '{:{}}'.format(1, 100000000) }}",
	"a width of HTML": "{{ ('{:100000000}'|safe).format(1) }}",
	"ljust": "{{ 'x'.ljust(100000000) }}",
	"ljust of HTML": "{{ ('x'|safe).ljust(100000000) }}",
	"ljust by the filter attr": "{{ ('x'|attr('ljust'))(100000000) }}",
	"ljust as a key": "{{ sorted([100000000, 100000000], key='x'.ljust) }}",
	"center": "{{ 'x'|center(100000000) }}",
	"center by map": "{{ ['x']|map('center', 100000000)|list }}",
	"indent": "{{ ('\n' * 10000)|indent(100000, true, true) }}",
	"wordwrap": "{{ ('x' * 10000)|wordwrap(1, wrapstring='y' * 10000) }}",
	"batch": "{{ [1]|batch(100000000, 0)|list }}",
	"slice": "{{ [1]|slice(100000000)|list }}",
	"join": "{{ range(10000)|join('x' * 10000) }}",
	"join by an attribute": "{{ ([{'a': 'x' * 10000}] * 10000)|join('', 'a') }}",
	"replace": "{{ ('x' * 10000)|replace('x', 'y' * 10000) }}",
	"replace of a text": "{{ ('x' * 10000).replace('x', 'y' * 10000) }}",
	"rounding": "{{ 1|round(100000000, 'ceil') }}",
	"rounding by frappe": "{{ frappe.utils.rounded(1, 100000000) }}{{ frappe.utils.flt(1, '100000000') }}",
	"a fields precision": "{{ frappe.format(1.5, {'fieldtype': 'Float', 'precision': 100000000}) }}",
	"lipsum": "{{ lipsum(1000000) }}",
	"a hash": "{{ frappe.utils.generate_hash(length=100000000) }}",
	"JSON": "{{ [1]|tojson(100000000) }}",
	"JSON by frappe": "{{ as_json([1], 100000000) }}{{ json.dumps([1], indent=100000000) }}",
	"deep JSON": "{{ json.loads('[' * 100000) }}",
	"a sum of lists": "{{ sum([[0] * 100] * 10000, []) }}",
	"tags that nothing closes": "{{ ('<' * 100000)|striptags }}",
	"tags for a regex": "{{ frappe.utils.strip_html('<!--' * 100000) }}",
	"tags for a parser": "{{ html2text('<a ' * 100000) }}",
	"markdown": "{{ frappe.utils.md_to_html('`' * 20000) }}{{ frappe.utils.markdown('|' * 20000) }}",
	"markdown by the filter": "{{ ('`' * 20000)|markdown }}",
	"markdown as a field": "{{ frappe.format('`' * 20000, 'Markdown Editor') }}",
	"words in words": "{{ frappe.utils.in_words('9' * 4000) }}",
	"a pattern": "{{ frappe.utils.comma_sep(['a', 'b'], '{0:100000000}') }}",
	"a pattern with attributes": "{{ frappe.utils.comma_sep(['a', 'b'], '{0.real}') }}",
	"a text doubled by ~": doubled("'x'", "ns.x ~ ns.x"),
	"a text doubled by +": doubled("'x'", "ns.x + ns.x"),
	"a text doubled by join": doubled("'x'", "[ns.x, ns.x]|join"),
	"a text doubled by a format": doubled("'x'", "'{0}{0}'.format(ns.x)"),
	"a text doubled by %": doubled("'x'", "'%s%s' % (ns.x, ns.x)"),
	"a text doubled by quoting": doubled("'x' ~ 92", "([ns.x, ns.x]|string)"),
	"a list doubled by +": doubled("[1]", "ns.x + ns.x"),
	"a list doubled by extend": "{% set r = [1] %}{% for i in range(60) %}{% set _ = r.extend(r) %}{% endfor %}",
	"a number squared": doubled("9", "ns.x * ns.x"),
	"a doubled list shown": doubled("[1]", "[ns.x, ns.x]", "{{ ns.x }}"),
	"a doubled list as a text": doubled("[1]", "[ns.x, ns.x]", "{{ ns.x|string }}"),
	"a doubled list by %": doubled("[1]", "[ns.x, ns.x]", "{{ '%s' % ns.x }}"),
	"a doubled list as JSON": doubled("[1]", "[ns.x, ns.x]", "{{ ns.x|tojson }}"),
	"a doubled list compared": doubled("[1]", "[ns.x, ns.x]", "{{ ns.x == 1 }}"),
	"a doubled list in a test": doubled("[1]", "[ns.x, ns.x]", "{{ ns.x is eq(1) }}"),
	"a doubled list sorted": doubled("[1]", "[ns.x, ns.x]", "{{ ns.x|sort }}"),
	"a doubled tuple as a key": doubled("(1,)", "(ns.x, ns.x)", "{{ {ns.x: 1} }}"),
	"a doubled tuple looked up": doubled("(1,)", "(ns.x, ns.x)", "{{ {}[ns.x] }}{{ {}.get(ns.x) }}"),
	"a name space with a doubled list": doubled("[1]", "[ns.x, ns.x]", "{{ ns }}"),
	"a long text shown often": "{% set x = 'x' * 9999999 %}{% for i in range(100) %}{{ x }}{% endfor %}",
	"a long text in a macro": "{% macro m() %}{% for i in range(100) %}{{ 'x' * 9999999 }}{% endfor %}{% endmacro %}{{ m()|length }}",
	"long texts kept": "{% set r = [] %}{% for i in range(100) %}{% set _ = r.append('x' * 9999999) %}{% endfor %}",
	"long lists kept": "{% set r = [] %}{% set x = [0] * 999999 %}{% for i in range(100) %}{% set _ = r.append(x[1:]) %}{% endfor %}",
	"a walk backwards": "{{ ('a' * 1000000).rfind('b' + 'a' * 100000) }}",
	"characters taken off": "{{ ('a' * 1000000)|trim('b' * 1000000) }}",
	"a text in a codec": "{{ ('a' * 1000000).encode('punycode') }}",
}


@pytest.mark.parametrize("template", LARGE.values(), ids=LARGE)
def test_a_template_that_would_hold_the_process_or_fill_its_memory(tenants, template):
	"""It is refused before: while code of C runs, nothing stops it. Its memory is what Python says that it took."""
	tracemalloc.start()
	try:
		begun = time.thread_time()
		with pytest.raises((tenants.PermissionError, OverflowError)):
			tenants.render_template(template, {})
		assert time.thread_time() - begun < 10
		assert tracemalloc.get_traced_memory()[1] < 600_000_000
	finally:
		tracemalloc.stop()


def test_what_an_error_leads_to_is_not_printed(tenants):
	"""Frappe's log has the values of the frames through which an error came."""
	with pytest.raises(ZeroDivisionError) as told:
		tenants.render_template("{% set x = ['kept'] %}{{ 1 / 0 }}", {})
	frames = [frame for frame, _line in traceback.walk_tb(told.tb) if "jinja2" in frame.f_code.co_filename]
	assert frames and not any(frame.f_locals for frame in frames)


@pytest.mark.parametrize("code", BIG)
def test_an_expression_that_fills_the_memory_is_refused(tenants, refused, code):
	with refused():
		tenants.safe_eval(code)
	assert tenants.safe_eval("2 ** 10 * 3 + 'ab'.count('a') * 2") == 3074


def test_a_statement_of_a_request_ends_with_what_a_request_may_take(tenants, monkeypatch):
	"""A query report may sleep, too."""
	from buildpro_saas.tenant_site.sandbox import budget

	assert "buildpro_saas.tenant_site.sandbox.budget.on_request" in tenants.get_hooks("before_request")
	try:
		monkeypatch.setitem(tenants.local.conf, "http_timeout", 1)
		budget.on_request()
		with pytest.raises(Exception, match="max_statement_time"):
			tenants.db.sql(
				"select count(*) from tabDocField a, tabDocField b, tabDocField c where a.idx + b.idx + c.idx > 0"
			)
		monkeypatch.delitem(tenants.local.conf, "http_timeout")
		budget.on_request()
		assert tenants.db.sql("select @@session.max_statement_time")[0][0] == 120
	finally:
		tenants.db.sql("set session max_statement_time = 0")


# -- other sites ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", None])
def test_sites_that_are_no_tenants_have_frappes_own(frappe, monkeypatch, role):
	"""A process serves both in turn."""
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	with pytest.raises(frappe.PermissionError):
		frappe.render_template("{{ frappe.db.set_value('User', 'Guest', 'full_name', 'x') }}", {})
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", role)
	assert frappe.render_template("{{ frappe.new_doc('ToDo').doctype }}", {}) == "ToDo"
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	with pytest.raises(frappe.PermissionError):
		frappe.render_template("{{ frappe.new_doc('ToDo').doctype }}", {})
