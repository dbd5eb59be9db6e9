"""Brings changed entitlements to the tenants' sites of this machine's benches: one batch, however many tenants, the most urgent first."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

import frappe
from frappe.model.document import Document

from buildpro_saas.agent.door import Door, SiteDoor
from buildpro_saas.entitlements.acceptance import KEYS_KEY, SEQUENCE_KEY
from buildpro_saas.jobs import batch_rows, batches
from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.licensing import backoff, signing_keys, site_files
from buildpro_saas.licensing.entitlement_sources import FIELDS, with_rows
from buildpro_saas.licensing.sources import Sources
from buildpro_saas.tenant_status import WITH_SITE

PLAYBOOK = "send_entitlements"
# Which deliveries go first: what one customer waits for, a change for many, and what is renewed in time.
OWN, MANY, RENEWAL = 10, 0, -10
FEW = 3  # tenants that are sent to as one is
# In frappe.local: the batch that this request or job has made.
LOCAL_KEY = "buildpro_delivery"
# In the site_config.json of a tenant's site.
TOKEN = "buildpro_sync_token"
# In frappe.local, within `together`: what is to be sent at its end.
TOGETHER_KEY = "buildpro_deliveries_together"
# Of a Tenant, what is needed to sign its statement and to bring it to its site.
SIGNED_BY = (
	*("name", "status", "subdomain", "site", "bench", "database", "company", "trusted_keys", "token_since"),
	*("entitlement_sequence", "entitlement_renew_at", *FIELDS, *backoff.FIELDS),
)
# Not through the query builder, which parses each of the fields by itself: a fifth of the time of a delivery.
HOLD = f"select {', '.join(f'`{field}`' for field in SIGNED_BY)} from tabTenant where name = %s for update"
MakeReady = Callable[[Document, SiteDoor], None]


def send(tenants: Iterable[str] | None, why: str, *, priority: int | None = None) -> None:
	"""Sign new entitlements for the tenants (names; None: for all) and put them into force on their sites, after this commit.

	Tenants without a site, and those of benches on other machines, are left out: these ask for theirs themselves
	(api/entitlements.py). Calls of one transaction are merged into one batch. `why` is what Desk shows with it. priority: OWN, MANY or
	RENEWAL; where not given, a few tenants go before many.
	"""
	if (waiting := getattr(frappe.local, TOGETHER_KEY, None)) is not None:
		waiting.append((None if tenants is None else list(tenants), why))
		return
	if not (found := _on_our_benches(tenants)):
		return
	if priority is None:
		priority = OWN if len(found) <= FEW else MANY
	if not _merge(found, why, priority):
		batch = batches.start(PLAYBOOK, found, why=why, priority=priority)
		setattr(frappe.local, LOCAL_KEY, batch.name)


@contextmanager
def together() -> Iterator[None]:
	"""Make what is sent within the block one sending at its end, whatever is committed meanwhile. The caller commits.

	Where the block ends in an error, nothing is sent: renew_entitlements finds what is missing.
	"""
	waiting: list[tuple[list[str] | None, str]] = []
	setattr(frappe.local, TOGETHER_KEY, waiting)
	try:
		yield
	finally:
		delattr(frappe.local, TOGETHER_KEY)
	if waiting:
		names = [each for each, _why in waiting]
		send(
			None if None in names else {*chain(*names)},
			"; ".join(dict.fromkeys(why for _names, why in waiting)),
		)


def _on_our_benches(tenants: Iterable[str] | None) -> list[tuple[str, str]]:
	"""(name, bench) of the tenants that have a site on a bench that can be reached from here."""
	filters = {"status": ("in", WITH_SITE), "bench": ("in", reached())}
	if tenants is not None:
		filters["name"] = ("in", list(tenants))
	return [
		tuple(row)
		for row in frappe.get_all("Tenant", filters, ["name", "bench"], order_by="name", as_list=True)
	]


def _merge(tenants: list[tuple[str, str]], why: str, priority: int) -> bool:
	"""Add the tenants to the batch that this transaction has made; False when there is none, or it has gone its way.

	The row itself is asked: a rollback, to a savepoint too, takes it away.
	"""
	name = getattr(frappe.local, LOCAL_KEY, None)
	return bool(name) and batches.add(name, tenants, why, priority)


# -- one tenant ----------------------------------------------------------------------------------------------------


def deliver(tenant: str, bench: Door, make_ready: MakeReady, sources: Sources) -> str:
	"""Put a new entitlement of the tenant into force on its site on this bench; returns what to tell of it.

	make_ready(tenant document, site): raises AgentError where the site is not that tenant's. Commits before, and the caller what it has
	written. Raises that, and what the site raised.
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
	"""What of the tenant's document a statement needs (SIGNED_BY, add-ons, overrides), its row held until the next commit; not to be saved.

	Commits before. Raises frappe.DoesNotExistError. Whoever signs holds the row until the site has the statement: of two deliveries at
	once, the one with the higher sequence number then also carries the newer content.
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

	What the site needs for that, and to ask for the next one itself, is mended on the way: the admin site's public keys and the
	tenant's token. sources: where they were read for many. Returns {"plan", "status"}, the status as the statement has it.
	"""
	if sources:
		sources.follow()
	else:
		sources = Sources()
	config = site.config
	mended = _mended(tenant, config)
	tenant.trust(list(mended.get(KEYS_KEY) or config[KEYS_KEY]))
	signed = tenant.sign_entitlement(above=int(config.get(SEQUENCE_KEY) or 0), sources=sources)
	accepted = site_files.put(site, config, signed["token"], sources, mended)
	tenant.trust(list(accepted.config[KEYS_KEY]))
	site_files.show(site, config, accepted, tenant.company)
	backoff.reached(tenant)
	return {"plan": accepted.statement.grants().plan, "status": accepted.statement.status}


def _mended(tenant, config: dict) -> dict:
	"""What of the site's site_config.json is to be other than it is, for the site to take a statement and to ask for the next one."""
	mended = {}
	public = signing_keys.public_keys()
	if not public.keys() & (config.get(KEYS_KEY) or {}).keys():
		mended[KEYS_KEY] = public
	token = tenant.sync_token(known=config.get(TOKEN) or "")
	if token != config.get(TOKEN):
		mended[TOKEN] = token
	return mended


def under_way() -> set[str]:
	"""Tenants to whom something is about to be sent."""
	return batch_rows.tenants_under_way(PLAYBOOK)
