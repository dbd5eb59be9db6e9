"""Layers, and other plain data, as a short text for a claim: 500 features with their names must fit into 8 KB."""

import json
import sys
import zlib
from collections.abc import Mapping
from functools import lru_cache

from jwt.utils import base64url_decode, base64url_encode

from buildpro_saas.entitlements import layers

# The most bytes that unpacked data may have. A claim is signed, but a damaged admin site may have signed it.
LARGEST = 4 * 1024 * 1024
# How many different layers a process holds. Tenants with the same plan and nothing beside it have the same layers.
MOST_LAYERS = 256


def pack(plain: Mapping) -> str:
	"""An object that JSON can hold, as deflated text."""
	text = json.dumps(plain, separators=(",", ":"), sort_keys=True)
	return base64url_encode(zlib.compress(text.encode(), 9)).decode()


@lru_cache(maxsize=MOST_LAYERS)
def unpack(packed: str) -> dict:
	"""The layers that were packed. All who ask get the same object, and nobody changes it.

	Raises ValueError or zlib.error for anything else.
	"""
	plain = inflate(packed)
	layers.check(plain)
	return plain


def inflate(packed: str) -> dict:
	"""What `pack` was given. Raises ValueError or zlib.error for anything else."""
	inflater = zlib.decompressobj()
	text = inflater.decompress(base64url_decode(packed), LARGEST)
	if inflater.unconsumed_tail:
		raise ValueError("what was packed is too large")
	return json.loads(text, object_pairs_hook=_interned)


def _interned(pairs: list[tuple]) -> dict:
	# feature names are the same in a thousand statements: each name is held once
	intern = sys.intern
	return {
		intern(key): [intern(each) if type(each) is str else each for each in value]
		if type(value) is list
		else value
		for key, value in pairs
	}
