"""Text of a configuration of nginx: templates filled in, and lines of which some are there for a host."""


class Lines:
	"""Text that grows by lines. hosts: {number of a line, from 1: the host that it is there for}."""

	def __init__(self):
		self._lines: list[str] = []
		self.hosts: dict[int, str] = {}

	def add(self, text: str, host: str = "") -> None:
		"""Add one or more lines; of several the first is the host's."""
		if host:
			self.hosts[len(self._lines) + 1] = host
		self._lines += text.splitlines()

	def text(self) -> str:
		"""All of it."""
		return "\n".join(self._lines) + "\n"


def filled(template: str, values: dict) -> str:
	"""Put values in place of <name>; what else has these signs stays."""
	for name, value in values.items():
		template = template.replace(f"<{name}>", str(value))
	return template
