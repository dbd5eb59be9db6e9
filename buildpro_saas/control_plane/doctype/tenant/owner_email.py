"""The address with which a tenant's owner signs in to the site."""

from frappe import _
from frappe.utils import validate_email_address

from buildpro_saas.control_plane.host_names import LONGEST_LABEL, LONGEST_NAME
from buildpro_saas.refusal import refuse

LONGEST_LOCAL_PART = 64  # before the @ (RFC 5321 §4.5.3.1.1)
# Those of Administrator and Guest (frappe/utils/install.py).
TAKEN_ON_EACH_SITE = ("admin@example.com", "guest@example.com")


def checked(given: str | None) -> str:
	"""The address in small letters. Raises frappe.ValidationError with what to change, when no site can have such a user."""
	email = (given or "").strip().lower()
	if not email:
		_refuse(_("Enter the owner's e-mail address: the owner signs in with it."))
	# Frappe's check accepts a list of addresses, too
	if "," in email or validate_email_address(email) != email:
		_refuse(_("{0} is not an e-mail address: enter one like name@example.com."), email)
	local, _at, domain = email.rpartition("@")
	if len(local) > LONGEST_LOCAL_PART:
		_refuse(
			_("The part of the e-mail address before the @ has {0} characters: it can have at most {1}."),
			len(local),
			LONGEST_LOCAL_PART,
		)
	if len(domain) > LONGEST_NAME or any(len(label) > LONGEST_LABEL for label in domain.split(".")):
		_refuse(
			_(
				"The domain of the e-mail address is too long: it can have {0} characters, and {1} between two dots."
			),
			LONGEST_NAME,
			LONGEST_LABEL,
		)
	if email in TAKEN_ON_EACH_SITE:
		_refuse(_("{0} is a user's of every new site already: enter the owner's own address."), email)
	return email


def _refuse(sentence: str, *values: object) -> None:
	refuse(sentence, *values, title=_("Owner's E-mail"))
