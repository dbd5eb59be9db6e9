"""LDAP Settings: Frappe fills in their search texts with str.format, so these may name values alone (format_strings.py)."""

from typing import Any

from frappe import _
from frappe.integrations.doctype.ldap_settings.ldap_settings import LDAPSettings

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox.format_strings import require_plain


class JudgedLDAPSettings(LDAPSettings):
	"""Judged when they are saved, and again when they are used: rows can be written without being validated."""

	def validate(self) -> None:
		self.require_plain_searches()
		super().validate()

	def authenticate(self, *args, **kwargs) -> Any:
		self.require_plain_searches()
		return super().authenticate(*args, **kwargs)

	def fetch_ldap_groups(self, *args, **kwargs) -> Any:
		self.require_plain_searches()
		return super().fetch_ldap_groups(*args, **kwargs)

	def require_plain_searches(self) -> None:
		"""Raise SandboxError on a tenant's site for a search text with attributes, indexes or nested formats."""
		if site_role.is_tenant_site():
			require_plain(self.ldap_search_string, _("LDAP Search String"))
			require_plain(self.ldap_custom_group_search, _("Custom Group Search"))
