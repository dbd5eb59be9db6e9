"""Whatever a template or expression can call costs no more than what it is given, or is judged, or ticks: a new name fails here.

Nothing stops code of C while it runs, and no other thread of the process runs meanwhile (docs/security.md).
"""

import datetime

import pytest
from markupsafe import Markup

# Methods of texts, lists, numbers, dates: what they make and take is of the size of what they have and are given.
METHODS_BOUNDED = set(
	"""
	add adjusted append as_tuple astimezone bit_count bit_length canonical capitalize casefold clear combine
	compare compare_signal compare_total compare_total_mag conjugate copy copy_abs copy_negate copy_sign ctime
	date difference difference_update discard dst endswith escape exp find fma from_bytes from_float fromhex
	fromisocalendar fromisoformat fromkeys fromordinal fromtimestamp fromutc get hex insert intersection
	intersection_update is_canonical is_finite is_infinite is_integer is_nan is_normal is_qnan is_signed is_snan
	is_subnormal is_zero isalnum isalpha isascii isdecimal isdigit isdisjoint isidentifier islower isnumeric
	isocalendar isoformat isoweekday isprintable isspace issubset issuperset istitle isupper items keys ln log10
	logb logical_and logical_invert logical_or logical_xor lower maketrans max max_mag min min_mag next_minus
	next_plus next_toward normalize now number_class partition pop popitem quantize radix remainder_near
	removeprefix removesuffix reverse rotate same_quantum scaleb setdefault shift sqrt startswith swapcase
	symmetric_difference symmetric_difference_update time timestamp timetuple timetz title to_eng_string
	to_integral to_integral_exact to_integral_value today toordinal total_seconds tzname unescape union upper
	utcfromtimestamp utcnow utcoffset utctimetuple values weekday
	""".split()
)
# Those that sizes.METHODS judges.
METHODS_JUDGED = set(
	"""
	as_integer_ratio center count decode encode expandtabs extend index join ljust lstrip remove replace rfind
	rindex rjust rpartition rsplit rstrip sort split splitlines strftime strip striptags strptime to_bytes
	translate update zfill
	""".split()
)
# Filters: their input is weighed, and their result counted.
FILTERS_BOUNDED = set(
	"""
	abs capitalize dictsort e escape filesizeformat float forceescape groupby int lower max min sort str string
	title truncate unique upper urlencode wordcount xmlattr
	""".split()
)
# They look into no entry, or tick at each.
FILTERS_PASSING = set(
	"""
	attr count d default first items last len length list map random reject rejectattr reverse safe select
	selectattr
	""".split()
)
FILTERS_JUDGED = set(
	"""
	batch center flt format indent join json markdown pprint replace round slice striptags sum tojson trim
	urlize wordwrap
	""".split()
)
TESTS_BOUNDED = set(
	"""
	boolean callable defined escaped even false filter float integer iterable lower mapping none number odd
	sameas sequence string test true undefined upper
	""".split()
)
# They compare: what they are given is weighed.
TESTS_JUDGED = set(
	"""
	!= < <= == > >= divisibleby eq equalto ge greaterthan gt in le lessthan lt ne
	""".split()
)
# Functions and values; what is iterated is of bounded size, or ticks.
GLOBALS_BOUNDED = set(
	"""
	_ _dict abs all any args bool bundled_asset cycler dev_server dict enumerate get_dom_id get_next_link
	get_toc get_visible_columns guess_mimetype include_script include_style inspect is_rtl isinstance issubclass
	joiner list log namespace resolve_class scrub set style tuple web_block web_blocks
	""".split()
)
GLOBALS_JUDGED = set(
	"""
	as_json html2text json lipsum max min range round sorted sum
	""".split()
)
# Reading functions are bounded by the database's limits; render_template shares the time of what calls it.
FRAPPE_BOUNDED = set(
	"""
	_ _dict bold date_format errprint flags form_dict full_name get_all get_cached_doc get_doc get_fullname
	get_gravatar get_hooks get_last_doc get_list get_meta get_system_settings get_url lang log msgprint
	number_format render_template request session socketio_port throw time_format user
	""".split()
)
FRAPPE_JUDGED = set(
	"""
	format format_date format_value sanitize_html
	""".split()
)
UTILS_BOUNDED = set(
	"""
	DATETIME_FORMAT DATE_FORMAT TIME_FORMAT ceil cint compare cstr escape_html floor get_absolute_url
	get_host_name get_host_name_from_request get_link_to_form get_link_to_report get_number_format_info
	get_system_timezone get_thumbnail_base64_for_image get_time_zone get_url get_url_to_form get_url_to_list
	get_url_to_report get_url_to_report_with_filters get_user_date_format get_user_info_for_avatar
	get_user_time_format get_weekdays has_common image_to_base64 is_image is_subset make_filter_dict
	make_filter_tuple new_line_sep now now_datetime nowdate nowtime orjson_dumps parse_val pdf_to_base64 quoted
	sbool today unique url_contains_port
	""".split()
)
UTILS_JUDGED = set(
	"""
	add_days add_months add_to_date add_years comma_and comma_or comma_sep convert_utc_to_system_timezone
	convert_utc_to_user_timezone date_diff duration_to_seconds encode evaluate_filters expand_relative_urls
	filter_strip_join flt fmt_money format_date format_datetime format_duration format_time formatdate
	generate_hash get_abbr get_date_str get_datetime get_datetime_in_timezone get_datetime_str get_eta
	get_filter get_first_day get_first_day_of_week get_last_day get_last_day_of_week get_month
	get_quarter_ending get_quarter_start get_time get_time_str get_timedelta get_timespan_date_range
	get_timestamp get_weekday get_year_ending get_year_start getdate global_date_format in_words is_html
	is_invalid_date_string markdown md_to_html money_in_words month_diff pretty_date quote_urls remainder
	round_based_on_smallest_currency_fraction rounded safe_div sanitize_column scrub_urls strip strip_html
	time_diff time_diff_in_hours time_diff_in_seconds to_markdown to_timedelta
	""".split()
)
# All ask the database, within STATEMENT_SECONDS.
DB = set(
	"""
	count escape exists get_all get_default get_list get_single_value get_value get_values sql
	""".split()
)


@pytest.fixture
def jenv(frappe, monkeypatch):
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	frappe.local.jenv = None
	yield frappe.get_jenv()
	frappe.local.jenv = None


def offered() -> tuple[set[str], set[str]]:
	"""The functions and filters that apps other than Frappe offer by the hook `jinja`: apps are trusted."""
	from frappe.utils import jinja

	return tuple(
		{name for name, value in found.items() if not value.__module__.startswith("frappe")}
		for found in jinja.get_jinja_hooks()
	)


def allowed(namespace: dict) -> set[str]:
	"""The names in it that are not refused."""
	return {
		name
		for name, value in namespace.items()
		if not name.startswith("__")
		and not str(getattr(value, "__qualname__", "")).startswith("refusing.")
		and not (isinstance(value, type) and issubclass(value, Exception))
	}


def test_methods_of_data(frappe, jenv):
	from buildpro_saas.tenant_site.sandbox import reading, sizes

	kinds = {*reading.DATA, Markup, frappe._dict, datetime.datetime} - {type(None)}
	there = {
		name
		for kind in kinds
		for name in dir(kind)
		if not name.startswith("_") and callable(getattr(kind, name, None))
	}
	assert there - METHODS_BOUNDED - METHODS_JUDGED - reading.FORMAT == set()
	assert METHODS_JUDGED == {*sizes.METHODS}
	assert METHODS_BOUNDED.isdisjoint(METHODS_JUDGED)


@pytest.mark.parametrize("kind", ["methods", "globals", "filters", "utils"])
def test_what_is_judged_is_not_what_the_framework_gives(frappe, jenv, kind):
	"""By each way by which a template comes by it."""
	if kind == "methods":
		for text in ("x", b"x", Markup("x")):
			for read in (jenv.getattr, jenv.getitem):
				assert hasattr(read(text, "ljust"), "__wrapped__")
	elif kind == "globals":
		for name in GLOBALS_JUDGED - {"json", "round"}:
			assert (
				jenv.globals[name].__module__
				in (
					"buildpro_saas.tenant_site.sandbox.sizes.functions",
					"jinja2.sandbox",
				)
				or jenv.globals[name].__wrapped__
			), name
	elif kind == "filters":
		assert all(hasattr(jenv.filters[name], "__wrapped__") for name in jenv.filters)
	else:
		utils = jenv.globals["frappe"]["utils"]
		assert all(hasattr(utils[name], "__wrapped__") for name in UTILS_JUDGED & {*utils})


def test_filters(frappe, jenv):
	from buildpro_saas.tenant_site.sandbox import sizes

	_methods, filters = offered()
	known = FILTERS_BOUNDED | FILTERS_PASSING | FILTERS_JUDGED
	assert {*jenv.filters} - filters - known - {"abs_url", "global_date_format"} == set()
	assert FILTERS_JUDGED == {*sizes.FILTERS}
	assert FILTERS_PASSING == sizes.LIGHT_FILTERS - FILTERS_JUDGED
	for name in FILTERS_JUDGED & {*jenv.filters}:
		assert sizes.filter_rule(name, jenv.filters[name].__wrapped__) is sizes.FILTERS[name], name


def test_tests(jenv):
	from buildpro_saas.tenant_site.sandbox import sizes

	assert {*jenv.tests} - TESTS_BOUNDED - TESTS_JUDGED == set()
	assert TESTS_JUDGED == sizes.COMPARING_TESTS


def test_functions(frappe, jenv):
	from buildpro_saas.tenant_site.sandbox import sizes

	methods, _filters = offered()
	there = jenv.globals
	assert allowed(there) - methods - GLOBALS_BOUNDED - GLOBALS_JUDGED - {"frappe"} == set()
	assert allowed(there["frappe"]) - FRAPPE_BOUNDED - FRAPPE_JUDGED - {"utils", "db"} == set()
	assert allowed(there["frappe"]["utils"]) - UTILS_BOUNDED - UTILS_JUDGED == set()
	assert allowed(there["frappe"]["db"]) - DB == set()
	judged = {
		name.removeprefix("frappe.utils.") for name in sizes.FUNCTIONS if name.startswith("frappe.utils.")
	}
	assert judged == UTILS_JUDGED


@pytest.mark.parametrize("place", ["filters", "tests", "utils", "globals"])
def test_a_new_name_is_seen(frappe, jenv, monkeypatch, place):
	"""Else the tests above would hold whatever a newer framework adds."""
	where = {"utils": jenv.globals["frappe"]["utils"], "globals": jenv.globals}.get(place)
	monkeypatch.setitem(getattr(jenv, place) if where is None else where, "brand_new", test_tests)
	test = {"filters": lambda: test_filters(frappe, jenv), "tests": lambda: test_tests(jenv)}
	with pytest.raises(AssertionError, match="brand_new"):
		test.get(place, lambda: test_functions(frappe, jenv))()


def test_operators(jenv):
	"""All that Jinja lets an environment judge, but for the division, whose result is a float or smaller."""
	assert {*jenv.binop_table} - jenv.intercepted_binops == {"/"}


def test_parts_of_expressions():
	"""Each operator of Python's that RestrictedPython allows is judged, or makes no more than it is given."""
	import ast

	from RestrictedPython.transformer import RestrictingNodeTransformer

	from buildpro_saas.tenant_site.sandbox import expressions

	operators = {*ast.operator.__subclasses__()}
	assert operators - {*expressions.OPERATORS} == {ast.Div, ast.MatMult, ast.RShift}
	assert RestrictingNodeTransformer.visit_MatMult.__doc__  # not allowed
