"""Holds a site for a while: for the moment of a swap nobody comes in; while its copy is migrated people read, and nobody writes; while it
is migrated itself, nobody comes in.

A hold notes in site_config.json what the keys were that it sets, so that letting go puts them back, whoever does it. Jobs of a held site
are put back into their queue (tenant_site/closed_for_now.py).
"""

from buildpro_saas.agent.facts import HELD, HELD_BY
from buildpro_saas.agent.site import Site

IN_PLACE = "is_in_place"  # in HELD_BY: the site itself is being migrated, and letting go alone does not make it whole
CLOSED = {"maintenance_mode": 1, "allow_reads_during_maintenance": 0}
SHUT = {**CLOSED, "pause_scheduler": 1}
NO_WRITES = {"maintenance_mode": 1, "allow_reads_during_maintenance": 1, "pause_scheduler": 1}


def close(site: Site, by: dict | None = None) -> None:
	"""From now on requests are answered 503, by Frappe itself, before they have touched the database. Repeatable.

	by: plain data that says who holds it, where that is for longer than the moment of a swap.
	"""
	config = site.config
	noted = {HELD_BY: by} if by else {}
	site.update_config({**CLOSED, HELD: before(config, CLOSED), **noted})


def stop_writes(site: Site, by: dict) -> None:
	"""From now on requests can only read, and no scheduled job begins. A site that is in maintenance stays closed. Repeatable.

	by: plain data that says who holds it, and why.
	"""
	config = site.config
	was = before(config, NO_WRITES)
	reads = was["allow_reads_during_maintenance"] if was["maintenance_mode"] else 1
	site.update_config({**NO_WRITES, "allow_reads_during_maintenance": reads, HELD: was, HELD_BY: by})


def shut(site: Site, by: dict) -> None:
	"""From now on nobody comes in, and no scheduled job begins: the site itself is worked on. Repeatable. by: as stop_writes takes it."""
	config = site.config
	site.update_config({**SHUT, HELD: before(config, SHUT), HELD_BY: {**by, IN_PLACE: 1}})


def before(config: dict, keys: dict) -> dict:
	"""What the keys were before anybody held the site with this site_config.json."""
	return {key: config.get(key) for key in keys} | (config.get(HELD) or {})


def let_go(site: Site) -> bool:
	"""Put back what the keys were before the site was held; returns whether it was. Repeatable."""
	was = site.config.get(HELD)
	if was is None:
		return False
	site.update_config({**was, HELD: None, HELD_BY: None})
	return True
