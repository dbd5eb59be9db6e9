"""Certificates of an authority that is made for a test: right ones, and ones with a fault of each kind."""

from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from buildpro_saas.agent.certificate_reading import chain_pem, key_pem

DAY = timedelta(days=1)


class Maker:
	"""A root, an intermediate authority, and what the latter issues."""

	def __init__(self):
		self.root_key = ec.generate_private_key(ec.SECP256R1())
		self.root = self.signed("A Root", self.root_key, None, is_authority=True)
		self.middle_key = ec.generate_private_key(ec.SECP256R1())
		self.middle = self.signed("An Issuer", self.middle_key, (self.root, self.root_key), is_authority=True)
		self.root_pem = chain_pem([self.root])

	def issue(self, names: list[str], **settings) -> tuple[bytes, bytes]:
		"""(chain without its root, key) for these names."""
		key = settings.pop("key", None) or ec.generate_private_key(ec.SECP256R1())
		leaf = self.signed(names[0], key, (self.middle, self.middle_key), names=names, **settings)
		return chain_pem([leaf, self.middle]), key_pem(key)

	def signed(
		self,
		subject,
		key,
		issuer,
		names=(),
		is_authority=False,
		begin=None,
		life=60 * DAY,
		hash=None,
		serial=None,
		key_id=None,
	) -> x509.Certificate:
		"""A certificate. issuer: (certificate, key), None for its own. begin: when it begins; a day ago."""
		begin = begin or datetime.now(timezone.utc) - DAY
		name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
		by, by_key = issuer or (None, key)
		builder = (
			x509.CertificateBuilder()
			.subject_name(name)
			.issuer_name(by.subject if by else name)
			.public_key(key.public_key())
			.serial_number(serial or x509.random_serial_number())
			.not_valid_before(begin)
			.not_valid_after(begin + life)
			.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
			.add_extension(
				x509.AuthorityKeyIdentifier(key_id, None, None)
				if key_id
				else x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()),
				critical=False,
			)
			.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
		)
		if names:
			builder = builder.add_extension(
				x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
			)
		return builder.sign(by_key, hash or hashes.SHA256())
