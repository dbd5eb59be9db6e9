"""Which authorities may issue for a name: its CAA records, up the tree (RFC 8659), with the methods that they allow (RFC 8657)."""

import re
from dataclasses import dataclass

from buildpro_saas.domains.dns_exchange import LookupFault
from buildpro_saas.domains.host_names import is_under, parents
from buildpro_saas.domains.lookup import Lookup

RECORD = re.compile(r'(\d+) (\w+) "(.*)"', re.DOTALL)
CRITICAL = 128  # in flags: who does not know the tag must not issue
KNOWN_TAGS = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}


@dataclass(frozen=True)
class Rule:
	"""One CAA record. issuer: the authority's domain; empty: none may issue. parameters: e.g. {"validationmethods": "http-01"}."""

	flags: int
	tag: str
	issuer: str
	parameters: dict[str, str]
	text: str  # as the DNS has it


def refusal(lookup: Lookup, host: str, authorities: str, method: str = "", is_wildcard: bool = False) -> str:
	"""Why the CAA records keep the authorities from issuing for the host; empty where one of them may.

	authorities: their domains for CAA, by space or comma ("letsencrypt.org"). method: "http-01", "dns-01", or empty for any.
	"""
	ours = [each for each in re.split(r"[\s,]+", authorities.lower()) if each]
	if not ours:
		return ""
	try:
		name, rules = relevant(lookup, host)
	except LookupFault as fault:
		return (
			f"The CAA records of {host} cannot be looked up, so no authority issues: {fault} "
			"Ask who runs the DNS to let its servers answer for CAA."
		)
	return judged(name, rules, ours, method, is_wildcard)


def relevant(lookup: Lookup, host: str) -> tuple[str, list[Rule]]:
	"""The nearest name at or above the host that has CAA records, and those; ("", []) for none."""
	zone = lookup.zone_of(host)
	for name in (host, *parents(host)):
		try:
			values = lookup.caa(name).values
		except LookupFault:
			if _may_be_unseen(lookup, name, zone):
				continue
			raise
		if values:
			return name, [parsed(value) for value in values]
	return "", []


def _may_be_unseen(lookup: Lookup, name: str, zone: str) -> bool:
	"""Whether a fault at the name may be of our way to it alone: top-level domains, and what an operator's own servers do not have."""
	is_above = name != zone and is_under(zone, name)
	return is_above and ("." not in name or lookup.has_private)


def judged(name: str, rules: list[Rule], authorities: list[str], method: str, is_wildcard: bool) -> str:
	"""Plain data in and out: why none of the authorities may issue by these rules, which are at name; empty where one may."""
	unknown = [rule for rule in rules if rule.flags & CRITICAL and rule.tag not in KNOWN_TAGS]
	if unknown:
		return f"Your DNS says at {name} CAA {unknown[0].text}, which no authority understands: take it away."
	deciding = [rule for rule in rules if rule.tag == "issuewild"] if is_wildcard else []
	tag = "issuewild" if deciding else "issue"
	deciding = deciding or [rule for rule in rules if rule.tag == "issue"]
	if not deciding or any(_allows(rule, authorities, method) for rule in deciding):
		return ""
	said, wanted = ", ".join(rule.text for rule in deciding), f'0 {tag} "{authorities[0]}"'
	named = [rule for rule in deciding if rule.issuer in authorities]
	if named:
		return (
			f"Your DNS says at {name} CAA {said}, which does not allow the method {method}: "
			f"set CAA {wanted} without validationmethods beside it."
		)
	return (
		f"Your DNS says at {name} CAA {said}, so {authorities[0]} may not issue: set CAA {wanted} beside it."
	)


def parsed(value: str) -> Rule:
	"""One record of its text form, such as 0 issue "letsencrypt.org; validationmethods=http-01"."""
	found = RECORD.fullmatch(value)
	if not found:
		return Rule(0, "", "", {}, value)
	issuer, *parameters = (part.strip() for part in found[3].split(";"))
	pairs = (part.partition("=") for part in parameters if part)
	return Rule(
		int(found[1]),
		found[2].lower(),
		issuer.lower().rstrip("."),
		{key.strip().lower(): text.strip() for key, _sign, text in pairs},
		value,
	)


def _allows(rule: Rule, authorities: list[str], method: str) -> bool:
	if rule.issuer not in authorities:
		return False
	methods = rule.parameters.get("validationmethods", "").lower()
	return not methods or not method or method in methods.split(",")
