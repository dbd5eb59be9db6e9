"""Rows of the admin doctypes' tables."""

from frappe import _
from frappe.utils import cint

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.refusal import refuse


class Row(AdminDocument):
	"""A row that only comes, changes and goes with its document.

	Frappe lets a row be saved or deleted by itself for whoever may write the document (REST's PUT and DELETE): the document would
	neither check it nor tell the tenants' sites. These two run only then, not when the document saves its rows.
	"""

	def update(self, d: dict) -> "Row":
		"""Set fields as AdminDocument.update does, once the row is made: what it is made of comes from the database, or was looked at
		with its document.
		"""
		if "dont_update_if_missing" not in self.__dict__:
			return super(AdminDocument, self).update(d)
		return super().update(d)

	def fill_defaults(self) -> None:
		"""Fill what was left out: Frappe does so for the rows of a new document only, not for one that is added later."""
		for df in self.meta.fields:
			if df.default is not None and self.get(df.fieldname) is None:
				self.set(df.fieldname, cint(df.default) if df.fieldtype in ("Check", "Int") else df.default)

	def insert(self, *args, **kwargs) -> None:
		"""Raise frappe.ValidationError, as validate does: the document inserts its rows in another way."""
		self._refuse()

	def validate(self) -> None:
		"""Raise frappe.ValidationError: what the document knows of its rows must hold."""
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
