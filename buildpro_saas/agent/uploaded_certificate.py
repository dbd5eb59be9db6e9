"""Certificates that no authority of ours issued: a customer's own, which is judged first, and self-signed ones."""

import re
import time
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID
from requests.certs import where

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.errors import AgentError

SMALLEST_RSA, SMALLEST_EC = 2048, 256  # bits
WEAK_HASHES = ("md5", "sha1")
LONGEST_CHAIN = 10
SELF_SIGNED_DAYS = 3650
LEEWAY = 300  # seconds by which clocks may differ


def judged(chain: bytes, key: bytes, hosts: list[str], now: float | None = None) -> tuple[bytes, bytes]:
	"""(the chain, leaf first and without its root; the key), as they are to be stored.

	hosts: names that the certificate must have. Raises AgentError with a sentence for the first thing that is wrong.
	"""
	now = time.time() if now is None else now
	found, secret = reading.chain_of(chain), reading.key_of(key)
	if len(found) > LONGEST_CHAIN:
		raise AgentError(
			f"There are {len(found)} certificates in it.", "Give the host's own and its intermediate ones."
		)
	leaf = _leaf(found, secret)
	_check_strength(leaf, secret)
	_check_life(leaf, now)
	_check_names(leaf, hosts)
	return reading.chain_pem(_ordered(leaf, [each for each in found if each != leaf], now)), reading.key_pem(
		secret
	)


def self_signed(name: str, hosts: Sequence[str] = (), days: float = SELF_SIGNED_DAYS) -> tuple[bytes, bytes]:
	"""(certificate, key) in PEM that nobody has signed but itself: for names that no certificate is there for. hosts: that it names."""
	key = reading.new_key()
	begin = datetime.now(timezone.utc).replace(microsecond=0)
	subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
	builder = (
		x509.CertificateBuilder()
		.subject_name(subject)
		.issuer_name(subject)
		.public_key(key.public_key())
		.serial_number(x509.random_serial_number())
		.not_valid_before(begin - timedelta(days=1))
		.not_valid_after(begin + timedelta(days=days))
		.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
	)
	if hosts:
		named = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
		builder = builder.add_extension(named, critical=False)
	certificate = builder.sign(key, hashes.SHA256())
	return reading.chain_pem([certificate]), reading.key_pem(key)


def _leaf(chain: list[x509.Certificate], key) -> x509.Certificate:
	"""The host's own certificate, wherever it stands in the text."""
	for each in chain:
		if reading.belong_together(each, key):
			return each
	subject = reading.common_name(chain[0].subject)
	raise AgentError(
		f"The key does not belong to the certificate of {subject}.",
		"Give the key with which this certificate was requested.",
	)


def _check_strength(leaf: x509.Certificate, key) -> None:
	if isinstance(key, rsa.RSAPrivateKey):
		weak = key.key_size < SMALLEST_RSA and f"an RSA key of {key.key_size} bits"
	elif isinstance(key, ec.EllipticCurvePrivateKey):
		weak = key.key_size < SMALLEST_EC and f"a key on the curve {key.curve.name}"
	else:
		weak = "a key of a kind that browsers do not take"
	if weak:
		raise AgentError(
			f"The certificate has {weak}.",
			"Have it issued with a stronger one: RSA of 2048 bits or more, or P-256.",
		)
	_check_hash(leaf)


def _check_hash(certificate: x509.Certificate) -> None:
	used = certificate.signature_hash_algorithm
	if used and used.name in WEAK_HASHES:
		raise AgentError(
			f"The certificate of {reading.common_name(certificate.subject)} is signed with {used.name.upper()}, which browsers refuse.",
			"Have it issued anew with SHA-256.",
		)


def _check_life(certificate: x509.Certificate, now: float) -> None:
	begin, end = reading.life_of(certificate)
	whose = f"The certificate of {reading.common_name(certificate.subject)}"
	if end <= now:
		raise AgentError(f"{whose} expired on {reading.day(end)}.", "Give a newer one.")
	if begin > now + LEEWAY:
		raise AgentError(f"{whose} is valid only from {reading.day(begin)} on.", "Upload it then.")


def _check_names(leaf: x509.Certificate, hosts: list[str]) -> None:
	names = reading.names_of(leaf)
	if not names:
		raise AgentError(
			"The certificate names no host (subjectAltName), and browsers read nothing else.",
			"Have it issued with the host's name.",
		)
	if missing := [host for host in hosts if not reading.covers(names, host)]:
		raise AgentError(
			f"The certificate is for {', '.join(names)}, and not for {', '.join(missing)}.",
			"Give one that has all of the names.",
		)


def _ordered(leaf: x509.Certificate, others: list[x509.Certificate], now: float) -> list[x509.Certificate]:
	"""The leaf and its issuers up to the root, which browsers have. What does not belong to it is left out."""
	chain = [leaf]
	while not _is_own_issuer(chain[-1]):
		issuer = next((each for each in others if _has_issued(each, chain[-1])), None)
		if issuer is None:
			break
		others = [each for each in others if each != issuer]
		chain.append(issuer)
	if _is_own_issuer(leaf):
		raise AgentError(
			"The certificate is signed by itself, so every browser warns of it.",
			"Give one of an authority, or let one be issued here.",
		)
	is_whole = _is_own_issuer(chain[-1]) or chain[-1].issuer in _known_roots()
	if not is_whole:
		raise AgentError(
			f"The certificate of {reading.common_name(chain[-1].issuer)}, which issued that of "
			f"{reading.common_name(chain[-1].subject)}, is missing.",
			"Give the intermediate certificates along, as the authority sent them (often ca-bundle or fullchain).",
		)
	issuers = [each for each in chain[1:] if not _is_own_issuer(each)]
	for each in issuers:
		_check_life(each, now)
		_check_hash(each)
	return [leaf, *issuers]


def _is_own_issuer(certificate: x509.Certificate) -> bool:
	return certificate.issuer == certificate.subject


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
	try:
		certificate.verify_directly_issued_by(issuer)
	except (ValueError, TypeError, InvalidSignature):
		return False
	return True


def _known_roots() -> set[x509.Name]:
	"""Whom browsers trust, as requests ships them. Some old roots break rules that newer parsers hold: those are passed over."""
	known = set()
	with open(where(), "rb") as file:
		blocks = re.findall(
			rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", file.read(), re.DOTALL
		)
	with warnings.catch_warnings():
		warnings.simplefilter("ignore", CryptographyDeprecationWarning)
		for block in blocks:
			try:
				known.add(x509.load_pem_x509_certificate(block).subject)
			except ValueError:
				continue
	return known
