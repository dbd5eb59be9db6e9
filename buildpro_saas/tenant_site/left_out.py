"""What becomes of a file that found no room: nothing of it stays on the disk, and a mail that brought it gets a note."""

from html import escape

import frappe
from frappe import _

# In frappe.flags: name of a Communication → [(file name, why)] of what it could not take.
FLAG = "buildpro_left_out"


def take_back(file, why: str) -> None:
	"""Remove what a refused new File has written, and note it for its mail. why: the sentence of the refusal.

	The framework removes it only where the whole transaction is rolled back.
	"""
	if file.flags.new_file:
		file.on_rollback()
	if file.attached_to_doctype == "Communication":
		found = frappe.flags.setdefault(FLAG, {}).setdefault(file.attached_to_name, [])
		found.append((file.file_name, why))


def note_in_mail(doc, method: str | None = None) -> None:
	"""Hook `validate` of Communication: say in a received mail which attachments were left out, and why.

	It comes at the right time: the framework saves a mail again after it has stored the attachments.
	"""
	for name, why in (frappe.flags.get(FLAG) or {}).pop(doc.name, ()):
		note = _("The attachment {0} was left out.").format(escape(name or ""))
		doc.content = f"{doc.content or ''}<p><em>{note} {escape(why)}</em></p>"
