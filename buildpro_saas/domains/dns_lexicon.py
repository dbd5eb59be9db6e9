"""DNS providers with an API of their own, through dns-lexicon's classes for them.

Those were written for a command line: they wait without end, raise what their HTTP library raises, and some look a list of domains up at
its publisher. Here they get time limits, and our errors; the zone is told to them, and no list is asked for.
"""

import importlib
import pkgutil
import sys
from argparse import ArgumentParser
from collections.abc import Callable

import requests
from lexicon._private import providers
from lexicon.config import ConfigResolver
from lexicon.exceptions import AuthenticationError, LexiconError

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import record_marks
from buildpro_saas.domains.bounded_http import CONNECT, READ, Call, Requests, bounded_session
from buildpro_saas.domains.dns_records import BusyError, Provider
from buildpro_saas.domains.record_marks import KINDS, Change

# They guess a provider, want programs or packages that are not here, or do what rfc2136 does.
LEFT_OUT = {
	"auto": "name the provider itself.",
	"ddns": "use rfc2136.",
	"localzone": "use rfc2136 with the server of the zone.",
	**dict.fromkeys(("inwx", "valuedomain"), "what it asks has no time limit."),
	**dict.fromkeys(("gransy", "softlayer", "qcloud", "oci"), "it needs Python packages that are not here."),
}
SECONDS = 45.0  # for one piece of work, however many requests it takes


# Codes of Amazon's for "not now".
AWS_BUSY = (
	"Throttling",
	"ThrottlingException",
	"PriorRequestNotComplete",
	"ServiceUnavailable",
	"InternalFailure",
)


class _Aws:
	"""Stands for the module boto3 in a provider's module: clients with time limits."""

	@staticmethod
	def client(service: str, **options):
		"""As boto3.client."""
		import boto3
		from botocore.config import Config

		limits = Config(connect_timeout=CONNECT, read_timeout=READ, retries={"total_max_attempts": 1})
		return boto3.client(service, config=limits, **options)


class _Zone:
	"""Stands for the module tldextract in a provider's module: the zone is known, so nobody is asked what a domain's suffix is."""

	def __init__(self, zone: str):
		self.subdomain = ""
		self.domain, _dot, self.suffix = zone.partition(".")

	@staticmethod
	def extract(domain: str) -> "_Zone":
		"""The zone as its first label and the rest."""
		return _Zone(domain)


class LexiconProvider(Provider):
	"""A zone at one of dns-lexicon's providers. credentials: the provider's options (auth_token, …)."""

	def __init__(self, kind: str, zone: str, credentials: dict, ttl: int):
		super().__init__(zone, ttl)
		self.kind = kind
		self._class = provider_class(kind)
		self._credentials = {key.replace("-", "_"): value for key, value in credentials.items() if value}
		known = options(kind)
		if unknown := sorted(set(self._credentials) - set(known)):
			raise AgentError(f"{kind} knows no {', '.join(unknown)}, only {', '.join(known)}.")

	def read(self, wanted: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
		"""As Provider.read."""
		return self._call(
			lambda provider: {name: self._records(provider, name, kinds) for name, kinds in wanted.items()}
		)

	def write(self, changes: list[Change], seen: dict[str, dict[str, list[str]]]) -> None:
		"""As Provider.write: one after the other; a run that is cut off leaves no value without its mark."""
		self._call(lambda provider: [self._write(provider, each) for each in changes])
		if any(not each.is_added for each in changes):
			self._put_back(changes, seen)

	def _put_back(self, changes: list[Change], seen: dict[str, dict[str, list[str]]]) -> None:
		"""Some providers' classes remove all values of a name where one is meant: what is not ours is made again. Raises AgentError then."""
		removed = {(each.name, each.kind, each.value) for each in changes if not each.is_added}
		touched = {
			name: sorted({kind for other, kind, _value in removed if other == name}) for name, *_ in removed
		}
		now = self.read(touched)
		lost = [
			Change(True, name, kind, value)
			for name, kinds in touched.items()
			for kind in kinds
			for value in seen[name][kind]
			if value not in now[name][kind] and (name, kind, value) not in removed
		]
		if not lost:
			return
		self._call(lambda provider: [self._write(provider, each) for each in lost])
		said = ", ".join(f"{each.kind} {each.value}" for each in lost)
		raise AgentError(
			f"{self.kind} removed more of {lost[0].name} than it was asked to: {said} was made again.",
			"Look at the name at the provider, and use another way to it (rfc2136, or by hand).",
		)

	def whole(self) -> dict[str, dict[str, list[str]]]:
		"""As Provider.whole."""
		return self._call(self._listed)

	def _listed(self, provider) -> dict[str, dict[str, list[str]]]:
		found: dict[str, dict[str, list[str]]] = {}
		for kind in KINDS:
			for record in provider.list_records(kind, None, None):
				if record["type"] == kind:
					values = found.setdefault(self._name(record["name"]), {}).setdefault(kind, [])
					values.append(_plain(kind, record["content"]))
		return found

	def _records(self, provider, name: str, kinds: list[str]) -> dict[str, list[str]]:
		"""What is at the name. Providers differ in how exactly they look: what they give is looked through once more."""
		found: dict[str, set[str]] = {kind: set() for kind in kinds}
		for kind in kinds:
			for record in provider.list_records(kind, name, None):
				if record["type"] == kind and self._name(record["name"]) == name:
					found[kind].add(_plain(kind, record["content"]))
		return {kind: sorted(values) for kind, values in found.items()}

	def _write(self, provider, change: Change) -> None:
		if change.is_added:
			is_done = provider.create_record(change.kind, change.name, change.value)
		else:
			is_done = provider.delete_record(None, change.kind, change.name, change.value)
		if is_done is False:
			raise BusyError(
				f"{self.kind} did not take the {change.kind} record {change.value} of {change.name}."
			)

	def _name(self, name: str) -> str:
		"""A name as we have it: whole, without a dot at the end. Some providers give it within the zone."""
		name = name.rstrip(".").lower()
		if name in ("", "@"):
			return self.zone
		return name if name == self.zone or name.endswith(f".{self.zone}") else f"{name}.{self.zone}"

	def _call(self, work: Callable):
		"""Do work with the provider, signed in; its faults as ours."""
		settings = {
			"provider_name": self.kind,
			"domain": self.zone,
			"ttl": self.ttl,
			self.kind: {
				**self._credentials,
				**{k.replace("_", "-"): v for k, v in self._credentials.items()},
			},
		}
		with Call(SECONDS) as call:
			try:
				provider = self._class(ConfigResolver().with_dict(settings))
				provider.authenticate()
				return work(provider)
			except AgentError:
				raise
			except Exception as error:  # what providers raise is not told anywhere
				raise self._fault(error, call) from error

	def _fault(self, error: Exception, call: Call) -> AgentError:
		said = self._without_secrets(str(error))[:300] or type(error).__name__
		if call.busy:
			return BusyError(f"{self.kind} {call.busy}.", retry_after=call.retry_after)
		if _is_aws(error):
			return self._fault_of_aws(error, said)
		if isinstance(error, requests.Timeout | requests.ConnectionError):
			return BusyError(f"{self.kind} cannot be reached: {said}.")
		status = getattr(getattr(error, "response", None), "status_code", 0) or 0
		if status in (401, 403) or isinstance(error, AuthenticationError):
			hint = f"Check credentials, their rights on the zone, and that {self.zone} is a zone of that account."
			return AgentError(f"{self.kind} does not let us in to {self.zone}: {said}.", hint)
		if status == 409:
			return BusyError(f"{self.kind} says that the zone is being changed: {said}.")
		if status or isinstance(error, LexiconError):
			hint = "Compare the zone and the credentials with what docs/domains-dns.md says."
			return AgentError(f"{self.kind} refuses: {said}.", hint)
		if isinstance(error, ValueError | LookupError | TypeError | AttributeError) and call.requests:
			return BusyError(
				f"{self.kind} gave an answer that is not one of its API's ({type(error).__name__}: {said})."
			)
		hint = (
			"Check the credentials against docs/domains-dns.md and the provider's own page, then press Retry."
		)
		return AgentError(f"{self.kind} cannot do it: {said.rstrip('.')}.", hint)

	def _fault_of_aws(self, error: Exception, said: str) -> AgentError:
		code = (getattr(error, "response", None) or {}).get("Error", {}).get("Code", "")
		if not code or code in AWS_BUSY:
			return BusyError(f"{self.kind} cannot be reached, or is busy: {said}.")
		return AgentError(
			f"{self.kind} refuses: {said}.", "Check the key and its rights (docs/domains-dns.md)."
		)

	def _without_secrets(self, text: str) -> str:
		for value in sorted(map(str, self._credentials.values()), key=len, reverse=True):
			text = text.replace(value, "…") if len(value) > 5 and "://" not in value else text
		return text


def kinds() -> list[str]:
	"""The providers that can be used, by dns-lexicon's names."""
	found = {module.name for module in pkgutil.iter_modules(providers.__path__)}
	return sorted(found - set(LEFT_OUT))


def options(kind: str) -> list[str]:
	"""What the provider takes as credentials. Which of them it needs is in docs/domains-dns.md, and in its own documentation."""
	parser = ArgumentParser(add_help=False)
	provider_class(kind).configure_parser(parser)
	return sorted(action.dest for action in parser._actions)


def provider_class(kind: str) -> type:
	"""The provider's class, with time limits. Raises AgentError for one that cannot be used."""
	if kind in LEFT_OUT:
		raise AgentError(f"The DNS provider {kind} cannot be used here: {LEFT_OUT[kind]}")
	if kind not in kinds():
		raise AgentError(f"There is no DNS provider {kind}: use rfc2136, or one of {', '.join(kinds())}.")
	try:
		found = importlib.import_module(f"{providers.__name__}.{kind}").Provider
	except ImportError as error:
		raise AgentError(
			f"The DNS provider {kind} needs the Python package {error.name}, which is not here."
		) from error
	for base in found.__mro__:
		if base.__module__.startswith(f"{providers.__name__}."):
			_bound(sys.modules[base.__module__])
	return found


def _bound(module) -> None:
	"""Give a provider's module the bounded stand-ins of what it imports. Nothing else of the process sees them."""
	stand_ins = {"requests": Requests(), "Session": bounded_session(), "tldextract": _Zone, "boto3": _Aws}
	for name in set(stand_ins) & set(vars(module)):
		setattr(module, name, stand_ins[name])


def _is_aws(error: Exception) -> bool:
	return any(cls.__module__.startswith("botocore") for cls in type(error).__mro__)


def _plain(kind: str, content: str) -> str:
	return record_marks.as_found(kind, _text(content) if kind == "TXT" else content)


def _text(content: str) -> str:
	"""A text without the quotes that some providers put around it, and between its parts."""
	if content.startswith('"') and content.endswith('"') and len(content) > 1:
		content = content[1:-1]
	return content.replace('" "', "")
