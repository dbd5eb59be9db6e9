"""Takes secrets and what tells of people out of texts that go to whoever helps. Plain text in and out.

Three things are taken out: values that are known (passwords of configurations, names and addresses of a tenant's people), what has the
form of a secret, and what has the form of an address. What is left may still tell something: whoever sends it looks first.
"""

import re
from collections.abc import Collection, Iterable, Mapping

SECRET, PERSON, EMAIL, ADDRESS, NUMBER = "[secret]", "[name]", "[e-mail]", "[address]", "[number]"
# Keys of a configuration whose values are secrets, by a part of their names.
SECRET_KEYS = re.compile(
	r"passw|pwd|secret|token|(?<!public_)key|hmac|dsn|credential|private|salt|signature", re.IGNORECASE
)
# Not secret, though their names have such a word.
OPEN_KEYS = re.compile(r"public_key|trusted_key|key_id$|_kid$|limit", re.IGNORECASE)
SHORTEST = 4  # characters of a known value; a shorter one would be found in any word

_FORMS = (
	(
		re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
		SECRET,
	),
	(re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+", re.IGNORECASE), SECRET),
	(re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), SECRET),  # a JWT
	# user and password in an address
	(re.compile(r"(?<=://)[^\s/@'\"]+(?=@)"), SECRET),
	(
		re.compile(
			r"\b(?:Authorization|Cookie|Set-Cookie|X-Frappe-CSRF-Token|X-BuildPro-Token)['\"]?\s*[:=][^\r\n]*",
			re.I,
		),
		SECRET,
	),
	(re.compile(r"\b(?:token|basic|bearer)\s+[\w+/=.:-]{8,}", re.IGNORECASE), SECRET),
	(
		re.compile(
			r"\b(sid|api_secret|api_key|key|token|signature|password|pwd|secret)=[^\s&'\"<>;,)]+",
			re.IGNORECASE,
		),
		rf"\1={SECRET}",
	),
	(
		re.compile(
			r"(?P<key>['\"]?[\w.-]*(?:passw(?:or)?d|pwd|secret|token|api_key|private_key|encryption_key)['\"]?\s*[:=]\s*)"
			r"(?:'[^'\n]*'|\"[^\"\n]*\"|[^\s,;}&]+)",
			re.IGNORECASE,
		),
		rf"\g<key>{SECRET}",
	),
	# long random texts: keys, hashes of passwords, ids of sessions
	(re.compile(r"(?<![\w/.-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[A-Za-z0-9+_=-]{32,}(?![\w/.-])"), SECRET),
	(re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+"), EMAIL),
	(re.compile(r"[\w.+-]+%40[\w-]+(?:\.[\w-]+)+"), EMAIL),
	(re.compile(r"(?<![\d.])(?!127\.0\.0\.1\b|0\.0\.0\.0\b)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), ADDRESS),
	(
		re.compile(
			r"(?<![\w:.])(?=[0-9a-f:]*[0-9a-f]{2,4}:)(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})(?![\w:])",
			re.IGNORECASE,
		),
		ADDRESS,
	),
	(re.compile(r"(?<![\w.:-])\+\d[\d ()/-]{6,}\d\b"), NUMBER),  # of a telephone
)


def redacted(text: str, secrets: Iterable[str] = (), people: Iterable[str] = ()) -> str:
	"""The text without the known secrets and people, and without what has the form of a secret, an e-mail or network address, a telephone.

	secrets, people: values as they may stand in the text, in any case of letters for people. Those shorter than SHORTEST stay.
	"""
	for value in _longest_first(secrets):
		text = text.replace(value, SECRET)
	if known := _longest_first(people):
		text = re.sub("|".join(map(re.escape, known)), PERSON, text, flags=re.IGNORECASE)
	for form, mark in _FORMS:
		text = form.sub(mark, text)
	return text


def secrets_in(config: Mapping) -> set[str]:
	"""The values of a configuration (as JSON has it) that are secrets by their keys, also those of objects within it."""
	found: set[str] = set()
	for key, value in config.items():
		if isinstance(value, Mapping):
			found |= secrets_in(value)
		elif isinstance(value, str) and _is_secret(key):
			found.add(value)
		elif isinstance(value, str) and "://" in value and "@" in value:
			found.add(value.split("://", 1)[1].rpartition("@")[0])
	return found - {""}


def without_secrets(config: Mapping) -> dict:
	"""The configuration with SECRET in place of each secret: which keys it has is of use, their values are not."""
	told: dict = {}
	for key, value in config.items():
		if isinstance(value, Mapping):
			told[key] = SECRET if _is_secret(key) else without_secrets(value)
		else:
			told[key] = SECRET if _is_secret(key) and isinstance(value, str) else value
	return told


def redacted_values(found: object, secrets: Collection[str] = (), people: Collection[str] = ()) -> object:
	"""Plain data with each text in it as `redacted` has it. Where a key names a secret, its text is gone as a whole."""
	if isinstance(found, Mapping):
		return {
			key: SECRET
			if _is_secret(str(key)) and isinstance(value, str)
			else redacted_values(value, secrets, people)
			for key, value in found.items()
		}
	if isinstance(found, list | tuple):
		return [redacted_values(each, secrets, people) for each in found]
	return redacted(found, secrets, people) if isinstance(found, str) else found


def _is_secret(key: str) -> bool:
	return bool(SECRET_KEYS.search(key)) and not OPEN_KEYS.search(key)


def _longest_first(values: Iterable[str]) -> list[str]:
	"""So that a name is gone as a whole, and not only the shorter one within it."""
	return sorted(
		{each.strip() for each in values if each and len(each.strip()) >= SHORTEST}, key=len, reverse=True
	)
