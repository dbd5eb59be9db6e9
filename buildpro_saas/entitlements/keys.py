"""The Ed25519 keys that sign entitlements, in the form in which site_config.json holds them."""

import hashlib
import json
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.utils import base64url_decode, base64url_encode


def generate() -> dict[str, str]:
	"""A new key pair: {"kid", "private", "public"}; both halves are the raw 32 bytes in base64url.

	The kid is the public key's JWK thumbprint (RFC 7638 with RFC 8037, appendix A.3), so that it names one
	key only.
	"""
	private = Ed25519PrivateKey.generate()
	public = _encode(private.public_key().public_bytes_raw())
	return {"kid": thumbprint(public), "private": _encode(private.private_bytes_raw()), "public": public}


def thumbprint(public: str) -> str:
	"""The key id of a public key that is given as the raw 32 bytes in base64url."""
	jwk = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": public}, separators=(",", ":"))
	return _encode(hashlib.sha256(jwk.encode()).digest())


@lru_cache(maxsize=8)
def load_private(private: str) -> Ed25519PrivateKey:
	"""The key object of a raw private key in base64url. Raises ValueError when it is not 32 bytes."""
	return Ed25519PrivateKey.from_private_bytes(base64url_decode(private))


@lru_cache(maxsize=32)
def load_public(public: str) -> Ed25519PublicKey:
	"""The key object of a raw public key in base64url. Raises ValueError when it is not 32 bytes."""
	return Ed25519PublicKey.from_public_bytes(base64url_decode(public))


def _encode(raw: bytes) -> str:
	return base64url_encode(raw).decode()
