"""Which whitelisted method a web request calls, read as Frappe reads it (frappe/app.py, frappe/api)."""

from frappe import local


def method_name() -> str | None:
	"""The name of the method that the request calls, before overrides: `cmd`, else what follows /api/method/; None for neither.

	A `cmd` that is no text is no name.
	"""
	if cmd := local.form_dict.get("cmd"):
		return cmd if isinstance(cmd, str) else None
	return "/".join(method_path()) or None


def method_path() -> list[str]:
	"""The parts of the path after /api/method/, /api/v1/method/ or /api/v2/method/."""
	parts = local.request.path.strip("/").split("/")
	if parts[:1] == ["api"] and parts[1:2] in (["v1"], ["v2"]):
		del parts[1]
	return parts[2:] if parts[:2] == ["api", "method"] else []
