"""Certificates as plain data: what goes through the door of them, of orders at an authority, and of what is served."""

from dataclasses import dataclass, field

from typing_extensions import TypedDict

HTTP_01, DNS_01, UPLOADED, SELF_SIGNED = "HTTP-01", "DNS-01", "Uploaded", "Self-signed"
ISSUED = (HTTP_01, DNS_01)  # the methods by which an authority issues; others are never renewed here
DAY = 86400.0
LEFT = 1 / 3  # of its life: what is left when a certificate is renewed


@dataclass(frozen=True)
class Certificate:
	"""A certificate in the store. Times are seconds since the epoch."""

	name: str  # of its folder in the store
	names: list[str]  # host names, as the certificate has them
	authority: str  # the directory's URL; the issuer's name where none issued it for us
	method: str  # one of the four above
	serial: str  # hexadecimal
	valid_from: float
	valid_until: float
	renew_from: float
	order: str = ""  # the order's URL
	fault: str = ""  # a sentence where its files are not whole; the fields above say then what is still known


@dataclass(frozen=True)
class Challenge:
	"""What is to be shown before a host is proven. value: the file's content, or the TXT record's value for _acme-challenge.<host>."""

	host: str  # without "*."
	kind: str
	token: str
	value: str

	@property
	def record_name(self) -> str:
		"""The name of the TXT record, for DNS-01."""
		return f"_acme-challenge.{self.host}"


@dataclass(frozen=True)
class Authority:
	"""An authority (ACME), and who asks it. vars() of it is what the operations take."""

	directory: str  # URL
	contact: str = ""  # an e-mail address
	eab_kid: str = ""  # for authorities that ask for an account of theirs
	eab_hmac: str = field(default="", repr=False)  # secret
	ca_file: str = ""  # with which the directory's own certificate is checked; empty: the public authorities
	profile: str = ""  # "tlsserver", "shortlived"; empty: the authority's own default


class AuthorityFields(TypedDict, total=False):
	"""The same as a specification has it."""

	directory: str
	contact: str
	eab_kid: str
	eab_hmac: str
	ca_file: str
	profile: str


@dataclass(frozen=True)
class AuthorityFacts:
	"""What an authority says of itself."""

	host: str  # of its directory
	caa: list[str]  # what a CAA record names to allow it
	terms: str  # URL of its terms of service
	needs_eab: bool
	tells_renewal: bool  # it says when to renew (ARI)
	profiles: dict[str, str]  # name → what it is


@dataclass(frozen=True)
class Begun:
	"""An order that was begun. is_ready: there is nothing to be shown (any more)."""

	order: str  # URL
	challenges: list[Challenge]
	is_ready: bool


@dataclass(frozen=True)
class Asked:
	"""What an account has asked of its authority once. what: "order", "issued" or "failed" (a validation)."""

	at: float
	what: str
	certificate: str
	names: list[str]  # of a failed validation: the one host
	is_told: bool = (
		False  # the order names the certificate that it replaces, so the authority counts it as a renewal
	)


@dataclass(frozen=True)
class RenewalInfo:
	"""When the authority would have a certificate renewed (RFC 9773). Seconds since the epoch."""

	start: float
	end: float
	look_again: float
	explanation: str = ""  # URL; empty where nothing is wrong


@dataclass(frozen=True)
class Served:
	"""What a server shows for a host name (SNI)."""

	serial: str
	names: list[str]
	issuer: str
	valid_from: float
	valid_until: float
	fault: str = ""  # a sentence: why a browser would warn


def third_left(valid_from: float, valid_until: float) -> float:
	"""When a third of the life is left."""
	return valid_until - max(valid_until - valid_from, 0) * LEFT
