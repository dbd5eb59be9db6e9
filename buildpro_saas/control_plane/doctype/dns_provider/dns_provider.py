from dns.exception import DNSException
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.domains import settings
from buildpro_saas.jobs import AgentError
from buildpro_saas.refusal import refuse


class DNSProvider(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		checked_at: DF.Datetime | None
		credentials: DF.Password | None
		key_algorithm: DF.Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]
		key_name: DF.Data | None
		kind: DF.Data
		provider_name: DF.Data
		server: DF.Data | None
		zones: DF.SmallText
	# end: auto-generated types

	def before_insert(self) -> None:
		"""The name becomes the record's: without blanks around it."""
		self.provider_name = (self.provider_name or "").strip()

	def validate(self) -> None:
		"""Normalise the zones, and try the provider out with each of them. Refuse one that does not let us."""
		title = _("DNS Provider")
		self.kind = (self.kind or "").strip().lower()
		zones = [check_domain(zone) for zone in (self.zones or "").replace(",", " ").split()]
		if not zones:
			refuse(_("Enter the zones that it answers for, such as example.com."), title=title)
		self.zones = "\n".join(dict.fromkeys(zones))
		for zone in self.zones.split():
			try:
				settings.provider(self, zone).check()
			except (ValueError, OSError, DNSException, AgentError) as error:
				told = " ".join(filter(None, (str(error), getattr(error, "hint", ""))))
				refuse(_("{0}: {1}"), zone, told, title=title)
		self.checked_at = now_datetime()
