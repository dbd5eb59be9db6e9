"""What users' templates and expressions see on a tenant's site: the one list of names.

Each name that Frappe gives to them is in ALLOWED or in REFUSED (tests/site/test_sandbox_names.py). A name in neither, as from a newer
Frappe, is refused until somebody decides. The lists are supersets: no version of Frappe has all of them.
"""

# -- names at the top, in templates and in expressions to which Frappe gives its whole namespace --------------------------------

GLOBALS = frozenset(
	{
		*("_", "_dict", "as_json", "json", "dict", "args", "frappe", "style", "scrub", "guess_mimetype"),
		*("html2text",),
		*("get_toc", "get_next_link", "get_visible_columns", "dev_server", "log"),
		# Python's and Jinja's own
		*("abs", "all", "any", "bool", "enumerate", "isinstance", "issubclass", "list", "max", "min"),
		*("range", "set"),
		*("sorted", "sum", "tuple", "cycler", "joiner", "lipsum", "namespace"),
	}
)
REFUSED_GLOBALS = frozenset(
	{
		# HTTP, scripts, the queue's jobs
		*("FrappeClient", "run_script", "is_job_queued"),
		# RestrictedPython's guards and builtins: with them a template would read what the sandbox refuses
		*("__builtins__", "_write_", "_getitem_", "_getattr_", "_getiter_", "_iter_unpack_sequence_"),
		*("_print_",),
		*("_inplacevar_", "_apply_", "__metaclass__", "__name__"),
	}
)

# -- frappe.… ------------------------------------------------------------------------------------------------------------------

FRAPPE = frozenset(
	{
		*("flags", "format", "format_value", "date_format", "time_format", "format_date", "form_dict"),
		*("number_format",),
		*("bold",),
		*("get_meta", "get_doc", "get_last_doc", "get_cached_doc", "get_list", "get_all"),
		*("get_system_settings",),
		*("utils", "get_url", "render_template", "msgprint", "throw", "user", "get_fullname", "get_gravatar"),
		*("full_name", "request", "session", "socketio_port", "get_hooks", "sanitize_html", "log"),
		*("errprint", "db"),
		*("lang", "_", "_dict"),
	}
)
REFUSED_FRAPPE = frozenset(
	{
		# calls, jobs, mail, HTTP
		*("call", "enqueue", "sendmail", "make_get_request", "make_post_request", "make_put_request"),
		*("make_patch_request", "make_delete_request"),
		# writing, and documents that were never saved
		*("rename_doc", "delete_doc", "new_doc", "copy_doc", "get_mapped_doc", "log_error", "qb", "response"),
		# they start a program that reads files by options
		*("get_print", "attach_print"),
		# what Desk and the website are started with
		*("website",),
	}
)
DB = frozenset(
	{
		*("get_list", "get_all", "get_value", "get_values", "get_single_value", "get_default", "exists"),
		*("count",),
		*("escape", "sql"),
	}
)
REFUSED_DB = frozenset(
	{
		*("set_value", "commit", "rollback", "after_commit", "before_commit", "after_rollback"),
		*("before_rollback",),
		*("add_index", "set_single_value", "delete", "truncate", "multisql", "sql_ddl", "savepoint"),
		*("release_savepoint", "bulk_insert"),
	}
)
UTILS = frozenset(
	{
		*("DATE_FORMAT", "TIME_FORMAT", "DATETIME_FORMAT", "is_invalid_date_string", "getdate"),
		*("get_datetime",),
		*("to_timedelta", "get_timedelta", "add_to_date", "add_days", "add_months", "add_years", "date_diff"),
		*("month_diff", "time_diff", "time_diff_in_seconds", "time_diff_in_hours", "now_datetime"),
		*("get_timestamp", "get_eta", "get_system_timezone", "convert_utc_to_system_timezone", "now"),
		*("nowdate",),
		*("today", "nowtime", "get_first_day", "get_quarter_start", "get_quarter_ending"),
		*("get_first_day_of_week",),
		*("get_year_start", "get_year_ending", "get_last_day_of_week", "get_last_day", "get_time"),
		*("get_datetime_in_timezone", "get_datetime_str", "get_date_str", "get_time_str"),
		*("get_user_date_format",),
		*("get_user_time_format", "format_date", "format_time", "format_datetime", "format_duration"),
		*("duration_to_seconds", "get_weekdays", "get_weekday", "get_timespan_date_range"),
		*("global_date_format",),
		*("get_month", "convert_utc_to_user_timezone", "get_time_zone", "get_url_to_report_with_filters"),
		*("has_common", "flt", "cint", "floor", "ceil", "cstr", "rounded", "remainder", "safe_div", "sbool"),
		*("round_based_on_smallest_currency_fraction", "encode", "parse_val", "fmt_money", "money_in_words"),
		*("get_number_format_info", "in_words", "is_html", "is_image", "get_thumbnail_base64_for_image"),
		*("image_to_base64", "pdf_to_base64", "strip_html", "escape_html", "pretty_date", "comma_or"),
		*("comma_and",),
		*("comma_sep", "new_line_sep", "filter_strip_join", "get_url", "get_host_name_from_request"),
		*("url_contains_port", "get_host_name", "get_link_to_form", "get_link_to_report", "get_absolute_url"),
		*("get_url_to_form", "get_url_to_list", "get_url_to_report", "evaluate_filters", "compare"),
		*("get_filter",),
		*("make_filter_tuple", "make_filter_dict", "sanitize_column", "scrub_urls", "expand_relative_urls"),
		*("quoted", "quote_urls", "unique", "strip", "to_markdown", "md_to_html", "markdown", "is_subset"),
		*("generate_hash", "formatdate", "get_user_info_for_avatar", "get_abbr", "orjson_dumps"),
	}
)
# They make records as they read.
REFUSED_UTILS = frozenset({"add_trackers_to_url", "parse_and_map_trackers_from_url", "map_trackers"})
# Frappe's own filters; Jinja's are all allowed, and so are those of apps (hook `jinja`).
FILTERS = frozenset({"json", "len", "int", "str", "flt"})

# -- documents -----------------------------------------------------------------------------------------------------------------

DOCUMENT_METHODS = frozenset(
	{
		*("get", "getone", "get_formatted", "as_dict", "as_json", "get_title", "get_url", "is_new"),
		*("is_print_hide", "in_format_data", "precision", "get_value", "get_label_from_fieldname"),
		*("get_all_children", "has_value_changed", "get_doc_before_save", "has_permission", "get_liked_by"),
		*("get_tags", "get_assigned_users", "get_db_value", "db_get", "get_onload", "get_valid_columns"),
		*("get_parentfield_of_doctype", "get_table_field_doctype", "set"),
	}
)
DOCUMENT_PROPERTIES = frozenset(
	{"docstatus", "meta", "parent_doc", "permitted_fieldnames", "dont_update_if_missing"}
)
META_METHODS = frozenset(
	{
		*("get", "get_field", "get_label", "get_options", "has_field", "get_title_field", "get_table_fields"),
		*("get_link_fields", "get_dynamic_link_fields", "get_translatable_fields", "get_image_fields"),
		*("get_select_fields", "get_data_fields", "get_valid_columns", "is_translatable"),
		*("get_search_fields",),
		*("get_list_fields", "get_link_doctype", "get_global_search_fields", "get_code_fields"),
		*("get_date_fields",),
		*("get_currency_fields", "is_nested_set", "has_permlevel_access_to", "precision"),
		*("get_set_only_once_fields",),
	}
)
# More that only read, by the doctype whose class has them. Apps add theirs by the hook `buildpro_template_methods`, of the same shape.
CONTROLLER_METHODS = {
	"Address": ("get_display",),
	"Newsletter": ("get_message",),
	"Blog Post": ("get_context",),
	"User": ("get_fullname",),
	"Contact": ("get_vcard",),
	"Sales Order": ("is_rounded_total_disabled",),
	"Sales Invoice": ("is_rounded_total_disabled",),
	"Quotation": ("is_rounded_total_disabled",),
	"Delivery Note": ("is_rounded_total_disabled",),
	"Purchase Order": ("is_rounded_total_disabled",),
	"Purchase Invoice": ("is_rounded_total_disabled",),
	"Purchase Receipt": ("is_rounded_total_disabled",),
	"Supplier Quotation": ("is_rounded_total_disabled",),
	"POS Invoice": ("is_rounded_total_disabled",),
}
# Of the web request, its address and nothing of the server's.
REQUEST = frozenset(
	{
		*("path", "url", "base_url", "url_root", "root_url", "full_path", "host", "host_url", "scheme"),
		*("method",),
		*("args", "query_string", "is_secure", "remote_addr", "referrer", "user_agent"),
	}
)
