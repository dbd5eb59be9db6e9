"""Which provider answers for a zone: a server that takes updates, or one with an API of its own."""

from buildpro_saas.domains.dns_records import TTL, Provider
from buildpro_saas.domains.dns_update import UpdateProvider


def provider_of(kind: str, credentials: dict, zone: str, ttl: int = TTL) -> Provider:
	"""The provider for a zone. kind: "rfc2136", or the name of one of dns-lexicon's providers. Reaches nothing.

	credentials: see docs/domains-dns.md. Raises AgentError with a sentence for what is missing or unknown.
	"""
	if kind == "rfc2136":
		return UpdateProvider(zone, credentials, ttl)
	from buildpro_saas.domains.dns_lexicon import LexiconProvider  # which loads much

	return LexiconProvider(kind, zone, credentials, ttl)
