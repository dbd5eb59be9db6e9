"""What belongs to a country today: its currency, and its time zones.

Frappe's own table (country_info.json) has currencies that are gone, no currency for some 50 countries, and zones in alphabetical
order. So currencies come from CLDR, through Babel, and zones from the tz database; others keep both up to date. The place of the tz
database's tables differs from machine to machine: Python's zoneinfo says where it looks, else a package brings them.
"""

from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from importlib import resources, util
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

import frappe
from babel.core import get_global
from babel.numbers import get_currency_precision, get_currency_symbol, get_territory_currencies
from frappe.core.doctype.user.user import get_timezones

# What changed since the oldest Babel that a framework brings: country's code, its currency, the first day of it.
NEWER_CURRENCIES = {
	"BG": ("EUR", date(2026, 1, 1)),
	"CW": ("XCG", date(2025, 3, 31)),
	"SX": ("XCG", date(2025, 3, 31)),
}
# Countries with several times of day where one is meant unless another is named: primaryZones of CLDR's metaZones.xml, which
# Babel leaves out.
PRIMARY_ZONES = {
	"CL": "America/Santiago",
	"CN": "Asia/Shanghai",
	"DE": "Europe/Berlin",
	"EC": "America/Guayaquil",
	"ES": "Europe/Madrid",
	"MH": "Pacific/Majuro",
	"MY": "Asia/Kuala_Lumpur",
	"NZ": "Pacific/Auckland",
	"PT": "Europe/Lisbon",
	"UA": "Europe/Kyiv",
	"UZ": "Asia/Tashkent",
}
LARGEST_OF_AUSTRALIA = "Australia/Sydney"  # the tables have Tasmania's first
PACKAGES_WITH_TABLES = ("tzdata", "pytz")
NUMBER_FORMATS = {0: "#,###", 3: "#,###.###"}  # by digits after the point
COMPARED_WEEKS = range(0, 104, 4)  # zones whose clocks agree in each of these from now on are one choice


def code_of(country: str | None) -> str:
	"""ISO 3166 code, in capitals, of a Country record of Frappe by its name; "" where there is none."""
	return (frappe.get_cached_value("Country", country, "code") or "").upper() if country else ""


def currency(code: str, on: date | None = None) -> str | None:
	"""ISO 4217 code of the currency of a country (ISO 3166 code) on a day, today's by default; None where it has none.

	Of several that are legal tender it is the country's own (Namibia: NAD, not ZAR).
	"""
	on = on or date.today()
	newer, since = NEWER_CURRENCIES.get(code, (None, date.max))
	if on >= since:
		return newer
	tender = get_territory_currencies(code, on) if code in get_global("territory_currencies") else []
	own = [name for name in tender if name.startswith(code)]
	return next(iter(own or tender), None)


def zones(code: str) -> tuple[str, ...]:
	"""All time zones of a country (ISO 3166 code), under the names that the framework takes; the order is the tz database's."""
	return _zones_by_country().get(code, ())


def choice(code: str) -> tuple[str, ...]:
	"""One time zone for each time of day in the country. It is a single one where the country's zone is clear without asking."""
	found = zones(code)
	if (primary := accepted_name(PRIMARY_ZONES.get(code, ""))) in found:
		return (primary,)
	by_clock: dict[tuple, str] = {}
	# the best-known first: Sydney for eastern Australia, and not Macquarie Island
	for zone in sorted(found, key=_obscurity):
		by_clock.setdefault(_clock(zone), zone)
	return tuple(sorted(by_clock.values(), key=found.index))


def accepted_name(zone: str) -> str:
	"""Today's name for an older name of a time zone (Asia/Calcutta), where the framework takes today's; else the name as given."""
	new = _links().get(zone, zone)
	is_place = new in _zones_of_table()
	return new if is_place and new in accepted_zones() else zone


@lru_cache(maxsize=1)
def accepted_zones() -> frozenset[str]:
	"""The names that the framework takes for a site's time zone, and Python for a clock."""
	return frozenset(get_timezones()["timezones"]) & available_timezones()


def present_currencies() -> frozenset[str]:
	"""The currencies of all countries today."""
	return frozenset(filter(None, map(currency, get_global("territory_currencies"))))


def make_currency(name: str | None) -> None:
	"""Make the record of a present currency that this site lacks: Frappe's installer knows fewer. Any other code is ignored."""
	if not name or frappe.db.exists("Currency", name) or name not in present_currencies():
		return
	digits = get_currency_precision(name)
	frappe.get_doc(
		{
			"doctype": "Currency",
			"currency_name": name,
			"symbol": get_currency_symbol(name, "en"),
			"fraction_units": 10**digits,
			"number_format": NUMBER_FORMATS.get(digits, "#,###.##"),
		}
	).insert(ignore_permissions=True)


def make_currencies() -> None:
	"""Make the records of all present currencies that this site lacks, so that they can be chosen."""
	for name in sorted(present_currencies()):
		make_currency(name)


# -- the tz database's tables --------------------------------------------------------------------------------------------


def _table(name: str) -> list[list[str]]:
	"""The lines of one of the tz database's tables, each split into fields, without comments; none where the machine lacks it."""
	folders = [Path(path) for path in TZPATH]
	folders += [resources.files(name) / "zoneinfo" for name in PACKAGES_WITH_TABLES if util.find_spec(name)]
	for folder in folders:
		if (folder / name).is_file():
			lines = (folder / name).read_text(encoding="utf-8").splitlines()
			return [line.split() for line in lines if line and not line.startswith("#")]
	return []


@lru_cache(maxsize=1)
def _zones_of_table() -> dict[str, str]:
	"""Time zone → code of the country that it belongs to."""
	return {zone: code for code, _place, zone, *_comment in _table("zone.tab")}


def _obscurity(zone: str) -> tuple[bool, bool, bool]:
	"""A sort key: zones by which CLDR explains those of other systems come first, then zones that have other names, too."""
	return (zone != LARGEST_OF_AUSTRALIA, zone not in _of_cldr(), zone not in _links().values())


@lru_cache(maxsize=1)
def _of_cldr() -> frozenset[str]:
	return frozenset(map(accepted_name, get_global("windows_zone_mapping").values()))


@lru_cache(maxsize=1)
def _links() -> dict[str, str]:
	"""Other name of a time zone → the name in zone.tab; such as Asia/Calcutta → Asia/Kolkata."""
	known = _zones_of_table()
	links = {fields[2]: fields[1] for fields in _table("tzdata.zi") if fields[0] == "L"}
	return {old: new for old, new in links.items() if old not in known and new in known}


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
	older = {new: old for old, new in _links().items() if old in accepted_zones()}
	found: dict[str, list[str]] = {}
	for zone, code in _zones_of_table().items():
		# a framework that does not know the newest name knows the zone by an older one
		name = zone if zone in accepted_zones() else older.get(zone)
		if name:
			found.setdefault(code, []).append(name)
	return {code: tuple(names) for code, names in found.items()}


def _clock(zone: str) -> tuple[timedelta, ...]:
	"""How far the zone's clock is from UTC, from now on."""
	now, zone_info = datetime.now(timezone.utc), ZoneInfo(zone)
	weeks = (now + timedelta(weeks=week) for week in COMPARED_WEEKS)
	return tuple(moment.astimezone(zone_info).utcoffset() for moment in weeks)
