"""Host names as customers type them, and as the DNS has them. Plain text in and out; what is wrong is a ValueError with one sentence."""

import ipaddress
import re

import idna

# Characters in text form (RFC 1035 §2.3.4), less what records of proof and of certificates have in front: `_acme-challenge.`
LONGEST_NAME, LONGEST_LABEL = 253 - 16, 63
# Last labels that no DNS has: the machine itself, its local network, names of other systems (RFC 6761, 6762, 7686), names of addresses.
NOT_IN_THE_DNS = {
	"localhost": "is this machine's own name",
	"local": "is for names of a local network",
	"onion": "is Tor's, and not in the DNS",
	"invalid": "is never in the DNS",
	"arpa": "is for addresses",
}
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Full stops of other scripts, which browsers take for a dot (UTS 46).
DOTS = re.compile("[\u3002\uff0e\uff61]")


def normalised(text: str) -> str:
	"""The host name as the DNS has it: small letters, xn-- for other scripts (IDNA2008), no dot at the end.

	Raises ValueError with a sentence that says what to change.
	"""
	name = DOTS.sub(".", (text or "").strip())
	_refuse_what_is_no_host_name(name)
	name = name[:-1] if name.endswith(".") else name
	labels = name.split(".")
	if "" in labels:
		raise ValueError(f"{name} has two dots in a row, or begins with one: take one away.")
	if len(labels) < 2:
		raise ValueError(f"{name} is one label: enter the whole name, such as erp.example.com.")
	name = ".".join(_encoded(label, name) for label in labels)
	_refuse_what_is_too_long(name)
	_refuse_ends(name)
	return name


def shown(host: str) -> str:
	"""The host name for people to read: Unicode where it has xn-- labels that can be read, else as it is."""
	return ".".join(_decoded(label) for label in host.split("."))


def is_under(host: str, domain: str) -> bool:
	"""Whether the host is the domain or a name below it. Both are normalised."""
	return host == domain or host.endswith(f".{domain}")


def parents(host: str) -> list[str]:
	"""The names above the host, the nearest first; not the root. erp.example.com → [example.com, com]."""
	labels = host.split(".")
	return [".".join(labels[start:]) for start in range(1, len(labels))]


def _refuse_what_is_no_host_name(name: str) -> None:
	if not name or name == ".":
		raise ValueError("Enter a host name, such as erp.example.com.")
	if "://" in name or "/" in name:
		raise ValueError(
			f"{name} is a link: enter only the host name in it, without https:// and what follows."
		)
	if "@" in name:
		raise ValueError(f"{name} is an e-mail address: enter a host name, such as erp.example.com.")
	if "*" in name:
		raise ValueError(f"{name} stands for many names: enter each name by itself.")
	if _is_address(name):
		raise ValueError(f"{name} is an address: enter the host name that leads there.")
	if ":" in name:
		raise ValueError(f"{name} has a port: enter only the host name before the colon.")
	if "_" in name:
		raise ValueError(f"{name} has an underscore, which no host name can have: use a hyphen.")
	if re.search(r"\s", name):
		raise ValueError(f"{name} has a space: take it away, or enter one name only.")


def _is_address(name: str) -> bool:
	try:
		ipaddress.ip_address(name.strip("[]"))
	except ValueError:
		return False
	return True


def _encoded(label: str, name: str) -> str:
	"""One label as the DNS has it."""
	small = label.lower()
	if small.isascii() and not small.startswith("xn--"):
		return _checked_ascii(small, name)
	try:
		# what a browser does first (capitals, full-width letters), then the rules of IDNA2008
		return idna.encode(label, uts46=True, std3_rules=True).decode()
	except idna.IDNAError as error:
		raise ValueError(
			f"{label} in {name} is no name that the DNS can have ({error}): use letters and digits of one language."
		) from None


def _checked_ascii(label: str, name: str) -> str:
	if label.startswith("-") or label.endswith("-"):
		raise ValueError(f"{label} in {name} begins or ends with a hyphen: take it away.")
	if not LABEL.fullmatch(label):
		raise ValueError(
			f"{label} in {name} has characters that a host name cannot have: use letters, digits and hyphens."
		)
	if label[2:4] == "--":
		raise ValueError(
			f"{label} in {name} has hyphens in third and fourth place, which is kept for encoded names."
		)
	return label


def _refuse_what_is_too_long(name: str) -> None:
	for label in name.split("."):
		if len(label) > LONGEST_LABEL:
			raise ValueError(
				f"{label} has {len(label)} characters between two dots: use at most {LONGEST_LABEL}."
			)
	if len(name) > LONGEST_NAME:
		raise ValueError(f"The host name has {len(name)} characters: use at most {LONGEST_NAME}.")


def _refuse_ends(name: str) -> None:
	last = name.rpartition(".")[2]
	if last in NOT_IN_THE_DNS:
		raise ValueError(
			f"{name} ends with .{last}, which {NOT_IN_THE_DNS[last]}: enter a name of your domain."
		)
	if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
		raise ValueError(f"{name} ends with a number, as an address does: enter a host name.")


def _decoded(label: str) -> str:
	if not label.startswith("xn--"):
		return label
	try:
		return idna.decode(label)
	except idna.IDNAError:
		return label
