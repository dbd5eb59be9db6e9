"""A site's site_config.json as a test bends it."""

import json
from contextlib import contextmanager


@contextmanager
def changed(folder, **values):
	"""Other values in the site_config.json of a site's folder within the block; None takes one out."""
	path = folder / "site_config.json"
	before = path.read_text()
	config = {**json.loads(before), **values}
	path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
	try:
		yield
	finally:
		path.write_text(before)
