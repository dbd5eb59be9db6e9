"""What is kept of an order that is under way, in <bench>/config/buildpro/acme-orders/<certificate>/: the certificate's key, and order.json.

The key is written before the order is placed. Once the certificate is stored and installed, both go.
"""

import json
import shutil
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.acme_authorizations import forget_files
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_store import folder_of, private_folder, put_private, write_private

RECORD, KEY = "order.json", "key.pem"
ANSWERED_FOR = 600  # seconds after which an authority that was told to look is told again


class OrderRecord:
	"""The order of one certificate on this bench, whether there is one or not. `order`, `names`, `method`, `directory`, `account`: as placed."""

	def __init__(self, bench: Bench, certificate: str):
		self._bench = bench
		self._folder = folder_of(bench) / "acme-orders" / certificate
		self._content = self._load()

	def __getitem__(self, key: str):
		return self._content[key]

	@property
	def order(self) -> str:
		"""The order's URL; empty where there is none, or it cannot be gone on with."""
		return self._content.get("order", "") if (self._folder / KEY).exists() else ""

	def is_for(self, wanted: dict) -> bool:
		"""Whether it is an order for just that."""
		return bool(self.order) and all(self._content.get(key) == value for key, value in wanted.items())

	def new_key(self) -> None:
		"""Give up what was there, and make the key of another order."""
		self.drop()
		private_folder(self._folder.parent)
		private_folder(self._folder)
		write_private(self._folder / KEY, reading.key_pem(reading.new_key()))

	def key(self) -> bytes:
		"""The key of the certificate that is ordered, PEM."""
		return (self._folder / KEY).read_bytes()

	def request(self) -> str:
		"""The request for a certificate (CSR) with the order's names and key: DER, as base64url."""
		request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
		names = [x509.DNSName(name) for name in self["names"]]
		request = request.add_extension(x509.SubjectAlternativeName(names), critical=False)
		signed = request.sign(reading.key_of(self.key()), hashes.SHA256())
		return reading.base64url(signed.public_bytes(Encoding.DER))

	def note(self, content: dict) -> None:
		"""Keep what was placed."""
		self._content = {**content, "tokens": [], "answered": {}}
		self._put()

	def note_tokens(self, tokens: list[str]) -> None:
		"""Keep which files of HTTP-01 there will be, so that they go with the order."""
		self._content["tokens"] = sorted({*self._content["tokens"], *tokens})
		self._put()

	def is_answered(self, token: str) -> bool:
		"""Whether the authority was told lately to look."""
		return self._content["answered"].get(token, 0) > time.time() - ANSWERED_FOR

	def note_answered(self, token: str) -> None:
		"""Keep that it was told. Telling it twice would have it look twice, and count two failures."""
		self._content["answered"][token] = time.time()
		self._put()

	def drop(self) -> None:
		"""Give the order up, with its files of HTTP-01. Repeatable."""
		forget_files(self._bench, self._content.get("tokens", []))
		if self._folder.exists():
			shutil.rmtree(self._folder)
		self._content = {}

	def _put(self) -> None:
		put_private(self._folder / RECORD, self._content)

	def _load(self) -> dict:
		try:
			found = json.loads((self._folder / RECORD).read_text())
		except (FileNotFoundError, ValueError):
			return {}
		return found if isinstance(found, dict) and "answered" in found else {}
