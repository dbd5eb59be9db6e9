"""Rows of the admin doctypes' tables."""

from frappe import _
from frappe.utils import cint

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.refusal import refuse


class Row(AdminDocument):
	"""A row that only comes, changes and goes with its document.

	Frappe lets anybody who may write the document save or delete a single row (REST's PUT and DELETE). The document would neither check the
	row nor tell the tenants' sites. `validate` and `on_trash` run only in that case, and not when the document saves its rows.
	"""

	def update(self, d: dict) -> "Row":
		"""Set fields as AdminDocument.update does, but only once the row is made.

		What a row is made of comes from the database, or was checked with its document.
		"""
		if "dont_update_if_missing" not in self.__dict__:
			return super(AdminDocument, self).update(d)
		return super().update(d)

	def fill_defaults(self) -> None:
		"""Fill what was left out. Frappe does it for the rows of a new document only, not for a row that is added later."""
		for df in self.meta.fields:
			if df.default is not None and self.get(df.fieldname) is None:
				self.set(df.fieldname, cint(df.default) if df.fieldtype in ("Check", "Int") else df.default)

	def insert(self, *args, **kwargs) -> None:
		"""Raise frappe.ValidationError, as validate does: the document inserts its rows in another way."""
		self._refuse()

	def validate(self) -> None:
		"""Raise frappe.ValidationError: the document has not checked the row."""
		self._refuse()

	def on_trash(self) -> None:
		"""Raise frappe.ValidationError, as validate does."""
		self._refuse()

	def _refuse(self) -> None:
		refuse(
			_("A row is changed with the document that it belongs to: save {0} {1}."),
			_(str(self.parenttype or _("the document"))),
			self.parent or "",
		)
