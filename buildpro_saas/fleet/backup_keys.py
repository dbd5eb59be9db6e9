"""The keys of tenants' backups. Each tenant's store has its own; the operator's recovery key opens them all.

A key is a random text. It is kept in the Backup Store's Password field, and wrapped for the recovery key (age, through pyrage): that
copy lies beside the store, too, so that backups can be read when the admin site is gone. The recovery key itself is kept nowhere: it is
shown once. Of it we know only the recipient, with which keys are wrapped.
"""

import base64
import secrets

import frappe
import pyrage
from frappe import _
from frappe.utils import now_datetime
from frappe.utils.password import remove_encrypted_password

from buildpro_saas.refusal import refuse

STORE = "Backup Store"
IN_USE, DESTROYED = "In Use", "Destroyed"
KEY_BYTES = 32


def recipient() -> str:
	"""The public half of the recovery key; empty where none was made."""
	return frappe.db.get_single_value("SaaS Settings", "recovery_recipient") or ""


def needed_recipient() -> str:
	"""The same. Raises frappe.ValidationError where none was made: no backup is taken that only the admin site could read."""
	return recipient() or refuse(
		_(
			"There is no recovery key yet, and without one no backup is taken: make it with `saas recovery-key`."
		),
		title=_("Recovery Key"),
	)


def check_recipient(text: str) -> str:
	"""The recipient in its one spelling. Raises frappe.ValidationError for a text that is none."""
	text = (text or "").strip()
	try:
		pyrage.x25519.Recipient.from_str(text)
	except Exception:
		refuse(
			_("{0} is no recipient of a recovery key: it begins with age1. `saas recovery-key` makes one."),
			text[:80],
			title=_("Recovery Key"),
		)
	return text


def make_recovery_key() -> tuple[str, str]:
	"""A new recovery key: (recipient, secret). Nothing is kept of it."""
	identity = pyrage.x25519.Identity.generate()
	return str(identity.to_public()), str(identity)


def set_recipient(text: str) -> int:
	"""Have all keys wrapped for another recovery key from now on; returns how many were. The caller commits.

	Copies that lie beside the stores are replaced with each store's next backup.
	"""
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", check_recipient(text))
	stores = frappe.get_all(STORE, {"status": IN_USE}, pluck="name")
	for name in stores:
		store = frappe.get_doc(STORE, name)
		store.db_set("wrapped_key", wrapped(store.get_password("key"), text))
	return len(stores)


def store_of(tenant: str | None, bench: str) -> str:
	"""The name of the tenant's store on a bench, None: of this site's; made, with its key, where there is none yet. The caller commits.

	Raises frappe.ValidationError where there is no recovery key: no backup is taken that only the admin site could read.
	"""
	# of two at once, one makes it
	frappe.db.get_value("Tenant" if tenant else "Bench", tenant or bench, "name", for_update=True)
	whose = tenant or ("is", "not set")
	found = frappe.db.get_value(STORE, {"tenant": whose, "bench": bench, "status": IN_USE})
	if found:
		return found
	wrapped_for = needed_recipient()
	key = secrets.token_urlsafe(KEY_BYTES)
	doc = frappe.get_doc(
		{
			"doctype": STORE,
			"tenant": tenant,
			"bench": bench,
			"status": IN_USE,
			"folder": frappe.db.get_value("Bench", bench, "backup_folder"),
			"store_id": secrets.token_hex(16),
			"key": key,
			"wrapped_key": wrapped(key, wrapped_for),
		}
	)
	return doc.insert(ignore_permissions=True).name


def key_of(store: str) -> str:
	"""The key of a store. Raises frappe.ValidationError for one whose key was destroyed."""
	doc = frappe.get_doc(STORE, store)
	key = doc.get_password("key", raise_exception=False)
	if doc.status != IN_USE or not key:
		refuse(
			_("The key of {0} was destroyed: nobody can read its backups any more."),
			store,
			title=_("Backup Key"),
		)
	return key


def destroy(tenant: str) -> list[str]:
	"""Destroy the keys of all stores of a tenant, here and wrapped; returns the stores. What is left on disk nobody can read.

	The caller commits. The stores themselves are removed by backups.remove_destroyed.
	"""
	stores = frappe.get_all(STORE, {"tenant": tenant, "status": IN_USE}, pluck="name")
	for name in stores:
		remove_encrypted_password(STORE, name, "key")
		frappe.db.set_value(
			STORE,
			name,
			{"status": DESTROYED, "key": "", "wrapped_key": "", "destroyed_at": now_datetime()},
		)
	return stores


def wrapped(key: str, recipient: str) -> str:
	"""A key as only the holder of the recovery key can read it: an age file in base64, one line."""
	sealed = pyrage.encrypt(key.encode(), [pyrage.x25519.Recipient.from_str(recipient)])
	return base64.b64encode(sealed).decode()


def unwrapped_file(content: bytes, secret: str) -> str:
	"""The key in the file beside a store, STORE.key.age. The rest is as `unwrapped` has it."""
	return unwrapped(base64.b64encode(content).decode(), secret)


def unwrapped(text: str, secret: str) -> str:
	"""The key in a wrapped text. secret: the recovery key, AGE-SECRET-KEY-1…. Raises frappe.ValidationError for another one."""
	try:
		return pyrage.decrypt(
			base64.b64decode(text), [pyrage.x25519.Identity.from_str(secret.strip())]
		).decode()
	except Exception:
		refuse(_("This recovery key does not open it."), title=_("Recovery Key"))
