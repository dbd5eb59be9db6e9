"""Proof that a name is a tenant's: a text in the DNS that only who runs the name's zone can put there.

A CNAME or an address proves where a name leads, not whose it is: one that was left behind would go to whoever claims it.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from buildpro_saas.domains.lookup import Lookup

LABEL, TOKEN = "_buildpro", "buildpro-verify"
DIGITS = 40  # of 64: 160 bits


@dataclass(frozen=True)
class Proof:
	"""What was found. sentence: what to set; empty when the name is proven."""

	is_owned: bool
	sentence: str = ""
	found: list[str] = field(default_factory=list)


def is_anothers(proof: Proof) -> bool:
	"""Whether there is another's text, and not the tenant's: who runs the zone has given the name to somebody else."""
	return not proof.is_owned and any(value.startswith(f"{TOKEN}=") for value in proof.found)


def token(secret: bytes, tenant: str, host: str) -> str:
	"""The text that proves the host (normalised) to be the tenant's. secret: the control plane's own, of 16 bytes at least.

	tenant: what no other tenant ever has; its name may be another's later.

	The same tenant gets the same text again. Another tenant's, or another host's, cannot be guessed from it.
	"""
	if len(secret) < 16:
		raise ValueError("The secret has fewer than 16 bytes.")
	# lengths first, so that no two pairs make the same message
	message = b"".join(len(part).to_bytes(4, "big") + part for part in (tenant.encode(), host.encode()))
	digest = hmac.new(secret, b"buildpro domain ownership 1\0" + message, hashlib.sha256).hexdigest()
	return f"{TOKEN}={digest[:DIGITS]}"


def record_name(host: str) -> str:
	"""The name of the TXT record that proves the host."""
	return f"{LABEL}.{host}"


def is_owned(lookup: Lookup, tenant: str, host: str, token: str) -> bool:
	"""Whether the host is proven to be the tenant's. Raises LookupFault (transient) when the zone's servers do not answer."""
	return proof(lookup, tenant, host, token).is_owned


def proof(lookup: Lookup, tenant: str, host: str, token: str) -> Proof:
	"""As is_owned, with what was found and what to set.

	A CNAME at the record's name is not followed: one of a wildcard record leads to where others may write.
	"""
	name = record_name(host)
	answer = lookup.txt(name)
	if any(hmac.compare_digest(value.strip().encode(), token.encode()) for value in answer.values):
		return Proof(True, found=answer.values)
	wanted = f'a TXT record {name} with the text "{token}"'
	if answer.chain:
		said = f"{name} is a CNAME to {answer.chain[0]} (of a wildcard record, perhaps)"
		return Proof(False, f"Your DNS says that {said}: set {wanted} itself.", answer.chain)
	if doubled := _doubled(lookup, name, answer.zone, token):
		return Proof(False, f"Your DNS has the text at {doubled}, with the domain twice: set {wanted}.", [])
	if ours := [value for value in answer.values if value.startswith(f"{TOKEN}=")]:
		said = f"{name} has the text {', '.join(ours)}, which is another tenant's or another name's"
		return Proof(False, f"Your DNS says that {said}: for {tenant}, set {wanted}.", answer.values)
	others = f", but other texts: {', '.join(answer.values)[:200]}" if answer.values else ""
	return Proof(False, f"Your DNS at {answer.server} has no such text{others}: set {wanted}.", answer.values)


def _doubled(lookup: Lookup, name: str, zone: str, token: str) -> str:
	"""Where the text was put when a panel added the zone to a name that had it already; empty for nowhere."""
	if not zone or "." not in zone:
		return ""
	doubled = f"{name}.{zone}"
	return doubled if len(doubled) < 250 and token in lookup.txt(doubled).values else ""
