"""How a site shows that it is the site that was asked for: by a proof that needs a secret of its site_config.json.

The question proves it as well as the answer. So both sides know the secret, and it is never sent.
"""

import hashlib
import hmac

# In site_config.json: known to the site and to its admin site.
SECRET = "buildpro_sync_token"


def question(secret: str, site: str, nonce: str) -> str:
	"""What goes with the nonce (a text that is used once). It shows the site that the admin site asks, and no stranger."""
	return _proof("asks", secret, site, nonce)


def answer(secret: str, site: str, nonce: str) -> str:
	"""What only the site itself can answer to the nonce."""
	return _proof("answers", secret, site, nonce)


def is_right(given: object, wanted: str) -> bool:
	"""Whether both texts are equal. The time that it takes tells nothing about them."""
	return hmac.compare_digest(_bytes(str(given)), wanted.encode())


def _proof(who: str, secret: str, site: str, nonce: str) -> str:
	# with a separator that is in none of them: two different triples never make one text
	text = "\0".join(("buildpro site", who, site, nonce))
	return hmac.new(secret.encode(), _bytes(text), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
	# a stranger's text need not be one that can be written
	return text.encode("utf-8", "surrogatepass")
