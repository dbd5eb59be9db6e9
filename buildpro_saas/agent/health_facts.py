"""What a bench tells of its health, as plain data that goes through the door."""

from dataclasses import dataclass

# Why a site gave no answer (SiteAnswer.kind).
NO_FOLDER, REFUSED, NOT_ASKED = "no folder", "refused", "not asked"


@dataclass(frozen=True)
class SiteAnswer:
	"""What a site answered that was asked beside many others.

	kind: why it could not be asked or reached: NO_FOLDER, REFUSED (nothing listens there), NOT_ASKED (no time was left); else "".
	status: 0 without an answer; error and hint then say what is wrong, and what to do.
	"""

	kind: str
	status: int
	is_itself: bool
	error: str
	hint: str
	seconds: float
