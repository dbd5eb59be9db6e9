"""Names that nobody knows: the errors, and the known name that was probably meant."""

import difflib

from buildpro_saas.entitlements.wording import LONGEST_NAME, shown


class UnknownFeatureError(LookupError):
	"""A feature that no catalogue has; `nearest` is the known name most like it, or None."""

	def __init__(self, feature: object, nearest: str | None):
		hint = f' Did you mean "{nearest}"?' if nearest else ""
		super().__init__(f'There is no feature "{shown(feature)}".{hint}')
		self.feature = feature
		self.nearest = nearest


class UnknownLimitError(LookupError):
	"""A limit that neither the site's apps nor its plan know; `nearest` is the known name most like it, or None."""

	def __init__(self, limit: object, known: set[str]):
		self.limit = limit
		self.nearest = nearest(limit, known)
		hint = f' Did you mean "{self.nearest}"?' if self.nearest else ""
		super().__init__(f'There is no limit "{shown(limit)}".{hint}')


def nearest(feature: object, known: set[str]) -> str | None:
	"""The known name most like this one, None when none is like it."""
	return next(iter(difflib.get_close_matches(str(feature)[:LONGEST_NAME], sorted(known), n=1)), None)
