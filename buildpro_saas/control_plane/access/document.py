"""What a caller may give for a document of the admin site: only fields that it has, each with a value of its kind.

Desk, REST, our endpoints and imports all come through `Document.update`. What is read from the database is not checked.
"""

import frappe
from frappe import _
from frappe.model.document import Document

from buildpro_saas import site_role
from buildpro_saas.control_plane.access import field_values
from buildpro_saas.refusal import refuse


class AdminDocument(Document):
	"""A document of the admin site that a caller may send."""

	def _init_from_kwargs(self, kwargs: dict) -> None:
		"""From 16 on, frappe.get_doc sets its further arguments as fields, even its own option `for_update`: leave that one out."""
		if kwargs.keys() - {"for_update"}:
			super()._init_from_kwargs(kwargs)

	def load_from_db(self) -> "AdminDocument":
		"""Read the document. A column that an older version has left behind is no error."""
		self.flags.is_being_read = True
		try:
			return super().load_from_db()
		finally:
			self.flags.pop("is_being_read", None)

	def update(self, d: dict) -> "AdminDocument":
		"""Set fields as Document.update does.

		Raises frappe.ValidationError for a field that the document does not have, or a value of another kind.
		"""
		if not self.flags.is_being_read:
			d = field_values.checked(
				d.get("doctype") or self.doctype if isinstance(d, dict) else self.doctype, d
			)
		return super().update(d)

	def insert(self, *args, **kwargs) -> "AdminDocument":
		"""Insert as Document.insert does.

		Raises frappe.ValidationError for settings, which exist already: an insert would empty each field that was not sent.
		"""
		is_there = self.meta.issingle and frappe.db.get_singles_dict(self.doctype)
		# off the admin site permissions.py refuses it
		if is_there and site_role.is_admin_site() and not _is_being_installed():
			refuse(
				_(
					"{0} are there already: change single fields of them, over REST with PUT /api/resource/{1}/{1}."
				),
				_(self.doctype),
				self.doctype,
				title=_(self.doctype),
			)
		return super().insert(*args, **kwargs)


def _is_being_installed() -> bool:
	"""Whether the framework is installing the app: it then inserts each single document with its defaults."""
	return bool(frappe.flags.in_install or frappe.flags.in_migrate or frappe.flags.in_patch)


def check_names(doc: Document, method: str | None = None) -> None:
	"""Hook `before_validate` of the admin doctypes. Raises frappe.ValidationError.

	Text of one line is put on one line, and may have no characters that cannot be seen. A field that is the record's name may not be
	changed: Frappe would set it back without a word.
	"""
	_source, _field, field = (doc.meta.autoname or "").partition("field:")
	if field and not doc.is_new() and doc.get(field) != doc.name:
		label = _(doc.meta.get_label(field))
		refuse(
			_("The {0} of {1} is fixed, since it is the record's name: set it back to {1}."),
			label,
			doc.name,
			title=label,
		)
	for row in (doc, *doc.get_all_children()):
		for df in row.meta.get("fields", {"fieldtype": "Data"}):
			if not df.read_only and row.get(df.fieldname):
				if df.fieldname != field:
					row.set(df.fieldname, field_values.on_one_line(row.get(df.fieldname)))
				field_values.check_visible(row.get(df.fieldname), _(df.label))
