"""What the proxy (nginx) is to serve, and what came of publishing it: plain data that goes through the door."""

from dataclasses import dataclass, field

# How nginx is run on a bench's machine (proxy_settings.py says what each means).
OWN, INCLUDED, NOT_MANAGED = "own", "included", "none"
MODES = (OWN, INCLUDED, NOT_MANAGED)


@dataclass(frozen=True)
class ProxyHost:
	"""A host name under which a site answers.

	certificate: name of a folder in the certificate store; empty: there is none yet, so it answers over plain HTTP. redirects_to: the
	host name to which its visitors are sent; empty: it serves. hsts_seconds: for how long browsers are told to use HTTPS alone; 0: not.
	"""

	name: str
	certificate: str = ""
	redirects_to: str = ""
	hsts_seconds: int = 0


@dataclass(frozen=True)
class ProxySite:
	"""A tenant's site. site: its folder. requests_a_second: from one client address; 0: no limit. is_closed: its public files are not given out."""

	site: str
	hosts: list[ProxyHost]
	requests_a_second: float = 0
	body_mb: int = 50
	is_closed: bool = False


@dataclass(frozen=True)
class ProxySpec:
	"""All that the proxy of a bench serves.

	base_domain: each site whose folder is one label below it answers under its folder's name, also without being listed.
	wildcard_certificate: of these names. wildcard_hsts_seconds: for these names where they are not listed. socketio_port: 0 for none.
	trusted: networks (CIDR) of balancers whose X-Forwarded-For and X-Forwarded-Proto count. listen: addresses; "" or none: all.
	version: when the records were read, in seconds since the epoch. What was read before the last one is not published; 0: always the newest.
	"""

	sites: list[ProxySite]
	base_domain: str
	web_port: int
	wildcard_certificate: str = ""
	wildcard_hsts_seconds: int = 0
	http_port: int = 80
	https_port: int = 443
	socketio_port: int = 0
	trusted: list[str] = field(default_factory=list)
	listen: list[str] = field(default_factory=list)
	version: float = 0


@dataclass(frozen=True)
class Published:
	"""What came of publishing. release: the folder that is served now. set_aside: {host: why it is not served as wanted}, a sentence each."""

	release: str
	is_changed: bool
	is_reloaded: bool
	set_aside: dict[str, str]
	seconds: float


@dataclass(frozen=True)
class ProxyState:
	"""How the proxy stands. problem: a sentence where something is wrong, with what to do. reloads: since the bench has a proxy."""

	mode: str
	is_running: bool
	release: str
	hosts: int
	set_aside: dict[str, str]
	reloads: int
	dying_workers: int
	problem: str = ""


@dataclass(frozen=True)
class ProxySetup:
	"""What setting the proxy up does. files: {path: text}. commands: in words. notes: sentences. hindrance: why it cannot be done; "" for nothing."""

	mode: str
	files: dict[str, str]
	commands: list[list[str]]
	notes: list[str]
	hindrance: str = ""
