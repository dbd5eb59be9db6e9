"""Frappe's File, which refuses reserved names (file_names.py)."""

from frappe import _
from frappe.core.doctype.file.exceptions import MaxFileSizeReachedError
from frappe.core.doctype.file.file import File

from buildpro_saas.tenant_site import file_names


class FileNameRefusedError(MaxFileSizeReachedError):
	"""A file that may not be kept under this name; HTTP 417.

	It is also a MaxFileSizeReachedError: for one of those, Frappe's receiver of mails drops the attachment and takes the rest of the mail.
	"""


class NamedFile(File):
	"""Looks at its name before anything is written, and when the name or the address changes."""

	def before_insert(self) -> None:
		try:
			self._refuse_reserved(self.file_name, self.file_url)
		except FileNameRefusedError:
			# a comment on the document that the file belongs to, as on a mail, whose text arrives
			said = _("A file was not accepted, because of its name.")
			self.add_comment_in_reference_doc("Attachment Removed", said)
			raise
		super().before_insert()

	def validate(self) -> None:
		if self.has_value_changed("file_name") or self.has_value_changed("file_url"):
			self._refuse_reserved(self.file_name, self.file_url)
		super().validate()

	def write_file(self) -> str | None:
		if not self.is_remote_file:
			self._refuse_reserved(self.get_full_path())
		return super().write_file()

	def _refuse_reserved(self, *names: str | None) -> None:
		if not self.is_folder:
			file_names.refuse(*names, error=FileNameRefusedError)
