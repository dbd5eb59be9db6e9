"""Brings changed entitlements to the tenants' sites of the benches that can be reached from here.

All go by one batch, however many tenants, and the most urgent batch first.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter

import frappe
from frappe.model.document import Document

from buildpro_saas.agent.door import Door, SiteDoor
from buildpro_saas.entitlements.acceptance import KEYS_KEY, SEQUENCE_KEY, number, trusted_keys
from buildpro_saas.jobs import batch_rows, batches
from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.licensing import backoff, signing, signing_keys, site_files, sync_tokens
from buildpro_saas.licensing.entitlement_sources import FIELDS, with_rows
from buildpro_saas.licensing.sources import Sources
from buildpro_saas.tenant_status import WITH_SITE

PLAYBOOK = "send_entitlements"
# Priorities of deliveries: what one customer waits for, a change for many, and what is renewed in time.
OWN, MANY, RENEWAL = 10, 0, -10
FEW = 3  # up to so many tenants have the priority of one
# In frappe.local: the batch that this request or job has made.
LOCAL_KEY = "buildpro_delivery"
# In the site_config.json of a tenant's site.
TOKEN = "buildpro_sync_token"
# In frappe.local, within `together`: what is to be sent at its end.
TOGETHER_KEY = "buildpro_deliveries_together"
# The fields of a Tenant that are needed to sign its statement and to bring it to its site.
SIGNED_BY = (
	*("name", "status", "subdomain", "site", "bench", "database", "company", "trusted_keys", "token_since"),
	*("entitlement_sequence", "entitlement_renew_at", *FIELDS, *backoff.FIELDS),
)
# Not made by the query builder: that parses each field by itself, which takes a fifth of a delivery.
HOLD = f"select {', '.join(f'`{field}`' for field in SIGNED_BY)} from tabTenant where name = %s for update"
MakeReady = Callable[[Document, SiteDoor], None]


def send(tenants: Iterable[str] | None, why: str, *, priority: int | None = None) -> None:
	"""Sign new entitlements for the tenants and put them into force on their sites, once this transaction commits.

	tenants: names; None for all. Left out are tenants without a site, and those of benches that cannot be reached: these sites ask for
	theirs (api/entitlements.py). Calls of one transaction become one batch. why: shown in Desk with the batch. priority: OWN, MANY or
	RENEWAL; without it a few tenants go before many.
	"""
	waiting = getattr(frappe.local, TOGETHER_KEY, None)
	if waiting is not None:
		waiting.setdefault(priority, []).append((None if tenants is None else list(tenants), why))
	elif found := _on_our_benches(tenants):
		_put(found, why, _usual_priority(found) if priority is None else priority)


@contextmanager
def together() -> Iterator[None]:
	"""Send what is asked for within the block at its end, by one batch, whatever is committed meanwhile. The caller commits.

	The batch has the highest priority that was asked for, and begins with the tenants that it was asked for. Calls without one are few
	tenants or many all together: five hundred whose date has come do not go before one customer's change. Where the block ends in an
	error, nothing is sent: renew_entitlements finds what is missing.
	"""
	waiting: dict[int | None, list[tuple[list[str] | None, str]]] = {}
	setattr(frappe.local, TOGETHER_KEY, waiting)
	try:
		yield
	finally:
		delattr(frappe.local, TOGETHER_KEY)
	deliveries = []
	for asked, calls in waiting.items():
		names = [each for each, _why in calls]
		if found := _on_our_benches(None if None in names else {*chain(*names)}):
			priority = _usual_priority(found) if asked is None else asked
			deliveries.append((priority, found, "; ".join(dict.fromkeys(why for _names, why in calls))))
	for priority, found, why in sorted(deliveries, key=itemgetter(0), reverse=True):
		_put(found, why, priority)


def _on_our_benches(tenants: Iterable[str] | None) -> list[tuple[str, str]]:
	"""(name, bench) of the tenants that have a site on a bench that can be reached from here."""
	filters = {"status": ("in", WITH_SITE), "bench": ("in", reached())}
	if tenants is not None:
		filters["name"] = ("in", list(tenants))
	return [
		tuple(row)
		for row in frappe.get_all("Tenant", filters, ["name", "bench"], order_by="name", as_list=True)
	]


def _usual_priority(tenants: Collection) -> int:
	return OWN if len(tenants) <= FEW else MANY


def _put(tenants: list[tuple[str, str]], why: str, priority: int) -> None:
	"""Have it sent to the tenants, (name, bench) of each, by the batch of this transaction."""
	if not _merge(tenants, why, priority):
		batch = batches.start(PLAYBOOK, tenants, why=why, priority=priority)
		setattr(frappe.local, LOCAL_KEY, batch.name)


def _merge(tenants: list[tuple[str, str]], why: str, priority: int) -> bool:
	"""Add the tenants to the batch that this transaction has made. False when there is none, or it has begun.

	The batch's row itself is asked: a rollback, also to a savepoint, takes it away.
	"""
	name = getattr(frappe.local, LOCAL_KEY, None)
	return bool(name) and batches.add(name, tenants, why, priority)


# -- one tenant ----------------------------------------------------------------------------------------------------


def deliver(tenant: str, bench: Door, make_ready: MakeReady, sources: Sources) -> str:
	"""Sign a new entitlement of the tenant (name) and put it into force on its site on this bench. Returns a sentence's end on it.

	make_ready(tenant document, site): raises AgentError where the site is not that tenant's. Commits before it begins; the caller commits
	what it has written. Raises what make_ready and the site raise.
	"""
	try:
		doc = locked(tenant)
	except frappe.DoesNotExistError:
		return "there is no such tenant any more"
	if doc.status not in WITH_SITE:
		return f"is {doc.status}, and left out"
	site = bench.site(doc.site_name)
	make_ready(doc, site)
	brought = put_into_force(doc, site, sources)
	return f"plan {brought['plan']}, {brought['status']}"


def locked(tenant: str) -> Document:
	"""The tenant's document with what a statement needs (SIGNED_BY, add-ons, overrides), its row held until the next commit. Not to be saved.

	Commits before. Raises frappe.DoesNotExistError. Whoever signs holds the row until the site has the statement. So of two deliveries at
	once the one with the higher sequence number also has the newer content.
	"""
	frappe.db.commit()
	# the locking read comes first: what is read after it is no older than the lock
	rows = frappe.db.sql(HOLD, tenant, as_dict=True)
	if not rows:
		raise frappe.DoesNotExistError(f"There is no tenant {tenant}.")
	doc = frappe.get_doc({"doctype": "Tenant", **with_rows(rows)[0]})
	doc.flags.is_held = True
	return doc


def put_into_force(tenant, site: SiteDoor, sources: Sources | None = None) -> dict:
	"""Sign the entitlement of the tenant (document, its row held), and put it into force on its site.

	What the site needs to take it, and to ask for the next one, is mended on the way: the admin site's public keys and the tenant's
	token. sources: given where they were read for many tenants. Returns {"plan", "status"}, as the statement has them. Raises AgentError
	where the site refuses it, TransientError where the site has changed meanwhile.
	"""
	if sources:
		sources.follow()
	else:
		sources = Sources()
	config = site.config
	mended = _mended(tenant, config)
	signing.trust(tenant, mended.get(KEYS_KEY) or trusted_keys(config))
	signed = signing.sign(tenant, above=int(number(config, SEQUENCE_KEY)), sources=sources)
	accepted = site_files.put(site, config, signed["token"], sources, mended)
	signing.trust(tenant, accepted.config[KEYS_KEY])
	site_files.show(site, config, accepted, tenant.company)
	backoff.reached(tenant)
	return {"plan": accepted.statement.grants().plan, "status": accepted.statement.status}


def _mended(tenant, config: dict) -> dict:
	"""What of the site's site_config.json must change, so that the site takes a statement and can ask for the next one."""
	mended = {}
	public = signing_keys.public_keys()
	if not public.keys() & trusted_keys(config).keys():
		mended[KEYS_KEY] = public
	known = config.get(TOKEN)
	token = sync_tokens.for_site(tenant.name, known=known if isinstance(known, str) else "")
	if token != known:
		mended[TOKEN] = token
	return mended


def under_way() -> set[str]:
	"""Tenants (names) to whom something is about to be sent."""
	return batch_rows.tenants_under_way(PLAYBOOK)
