"""How a site shows that it is the one that it is asked for: by what follows from a secret in its site_config.json.

Both the question and the answer prove that whoever sends them knows the secret, which itself is never sent.
"""

import hashlib
import hmac

# In site_config.json: known to the site and to its admin site.
SECRET = "buildpro_sync_token"


def question(secret: str, site: str, nonce: str) -> str:
	"""What goes with the nonce (text that is used once), so that strangers are not answered."""
	return _proof("asks", secret, site, nonce)


def answer(secret: str, site: str, nonce: str) -> str:
	"""What only the site itself answers to the nonce."""
	return _proof("answers", secret, site, nonce)


def is_right(given: object, wanted: str) -> bool:
	"""Compare in a time that tells nothing."""
	return hmac.compare_digest(_bytes(str(given)), wanted.encode())


def _proof(who: str, secret: str, site: str, nonce: str) -> str:
	# with a separator that is in none of them: two different triples never make one text
	text = "\0".join(("buildpro site", who, site, nonce))
	return hmac.new(secret.encode(), _bytes(text), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
	# a stranger's text need not be one that can be written
	return text.encode("utf-8", "surrogatepass")
