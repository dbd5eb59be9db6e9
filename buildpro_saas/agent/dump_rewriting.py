"""Changes in a dump's statements what the server that they go to does not have: collations, and people who defined things."""

from buildpro_saas.agent.dump import COLLATION, DEFINER, ROUTINE, ROWS, TRIGGER, VIEW, Piece
from buildpro_saas.agent.errors import AgentError

# Frappe's own collation of its tables (frappe/database/mariadb/schema.py).
PLAIN = "utf8mb4_unicode_ci"
# utf8 is called utf8mb3 from MariaDB 10.6 and MySQL 8.0.30 on.
OLD_NAME, NEW_NAME = "utf8_", "utf8mb3_"
# A definer stands before the body, in which the word may stand for something else.
HEAD = 400  # bytes


def unknown_collations(used: list[str], known: set[str]) -> dict[str, str]:
	"""{collation that the server lacks: the one in its place}. Raises AgentError for one of another character set than Unicode."""
	return {name: _in_place_of(name, known) for name in used if name not in known}


def rewritten(statement: bytes, of: Piece, known: set[str]) -> bytes:
	"""The statement as the server takes it. Rows stay as they are."""
	if of.kind == ROWS:
		return statement

	def collation(found) -> bytes:
		name = found[2].decode().lower()
		return (
			found[0] if name in known or name == "default" else found[1] + _in_place_of(name, known).encode()
		)

	if of.kind in (VIEW, TRIGGER, ROUTINE):
		statement = DEFINER.sub(b"DEFINER=CURRENT_USER", statement[:HEAD], count=1) + statement[HEAD:]
	return COLLATION.sub(collation, statement)


def _in_place_of(name: str, known: set[str]) -> str:
	for old, new in ((OLD_NAME, NEW_NAME), (NEW_NAME, OLD_NAME)):
		if name.startswith(old) and name.replace(old, new, 1) in known:
			return name.replace(old, new, 1)
	if name.startswith(("utf8mb4_", "utf8mb3_", "utf8_", "uca1400_")):
		return "utf8mb4_bin" if name.endswith("_bin") else PLAIN
	raise AgentError(
		f"The dump has the collation {name}, which the server lacks.",
		"Dump the site with Frappe's own collation.",
	)
