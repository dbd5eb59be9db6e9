"""Reads certificates and keys (X.509, PEM): names, times, whose key it is."""

import base64
import hashlib
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
	Encoding,
	NoEncryption,
	PrivateFormat,
	PublicFormat,
	load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from buildpro_saas.agent.errors import AgentError


def chain_of(pem: bytes) -> list[x509.Certificate]:
	"""The certificates of a PEM text, in its order. Raises AgentError where there is none, or one is damaged."""
	try:
		return x509.load_pem_x509_certificates(pem)
	except ValueError as error:
		raise AgentError(
			f"No certificate can be read in it ({error}).",
			"Give it as PEM: blocks that begin with -----BEGIN CERTIFICATE-----.",
		) from None


def key_of(pem: bytes):
	"""The private key of a PEM text. Raises AgentError for a damaged or locked one, and for none."""
	try:
		return load_pem_private_key(pem, password=None)
	except TypeError:
		raise AgentError(
			"The key is locked with a passphrase.", "Unlock it first: openssl pkey -in KEY -out UNLOCKED."
		) from None
	except (ValueError, UnsupportedAlgorithm):
		raise AgentError(
			"No private key can be read in it.",
			"Give it as PEM: a block whose first line says that a PRIVATE KEY begins.",
		) from None


def new_key() -> ec.EllipticCurvePrivateKey:
	"""A new key for a certificate or an account (P-256)."""
	return ec.generate_private_key(ec.SECP256R1())


def key_pem(key) -> bytes:
	"""The key as PEM (PKCS 8), not locked."""
	return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def chain_pem(chain: list[x509.Certificate]) -> bytes:
	"""The certificates as one PEM text."""
	return b"".join(each.public_bytes(Encoding.PEM) for each in chain)


def belong_together(certificate: x509.Certificate, key) -> bool:
	"""Whether the private key is the certificate's."""
	return _public(certificate.public_key()) == _public(key.public_key())


def names_of(certificate: x509.Certificate) -> list[str]:
	"""The host names and addresses of the certificate, in its order."""
	try:
		found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
	except x509.ExtensionNotFound:
		return []
	hosts = found.get_values_for_type(x509.DNSName)
	return [*hosts, *map(str, found.get_values_for_type(x509.IPAddress))]


def covers(names: list[str], host: str) -> bool:
	"""Whether one of a certificate's names is the host, or the wildcard one label above it."""
	above = f"*.{host.partition('.')[2]}"
	return any(name.lower() in (host.lower(), above.lower()) for name in names)


def life_of(certificate: x509.Certificate) -> tuple[float, float]:
	"""(valid from, valid until), seconds since the epoch."""
	# cryptography 42 has the names with _utc, and warns of the others
	begin = getattr(certificate, "not_valid_before_utc", None) or _utc(certificate.not_valid_before)
	end = getattr(certificate, "not_valid_after_utc", None) or _utc(certificate.not_valid_after)
	return begin.timestamp(), end.timestamp()


def serial_of(certificate: x509.Certificate) -> str:
	"""The serial number in hexadecimal."""
	return f"{certificate.serial_number:x}"


def common_name(name: x509.Name) -> str:
	"""The name's common name, else the whole of it."""
	found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
	return str(found[0].value) if found else name.rfc4514_string()


def day(moment: float) -> str:
	"""The day of a time in seconds since the epoch, by UTC."""
	return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d")


def short_digest(*parts: str) -> str:
	"""Eight hexadecimal digits that stand for these texts."""
	return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def renewal_id(leaf: x509.Certificate) -> str:
	"""How an authority names a certificate (RFC 9773, 4.1); empty where the certificate does not name its issuer's key."""
	try:
		issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
	except x509.ExtensionNotFound:
		return ""
	serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
	return f"{base64url(issuer)}.{base64url(serial)}" if issuer else ""


def base64url(content: bytes) -> str:
	"""base64url without padding, as ACME has it."""
	return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _utc(moment: datetime) -> datetime:
	return moment.replace(tzinfo=timezone.utc)


def _public(key) -> bytes:
	return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
