"""What `make demo PROXY=1` runs beside the bench: a DNS server (knot), a resolver, an authority (pebble) and the bench's nginx.

They are services of our own bench once its home has a folder for them (network.py makes it), and start only when they are named.
"""

from __future__ import annotations

from pathlib import Path

from dev import probes, unpacked
from dev.home import REPO, Home
from dev.service_list import Service

BASE_DOMAIN = "buildpro.test"
CUSTOMER_ZONE = "customer.test"
NAMES = ("knot", "resolver", "pebble", "nginx")
# No waiting between what is asked, and no order that an earlier one has answered already.
PEBBLE_SETTINGS = ("PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0")


def services_of(home: Home, bench: Path) -> list[Service]:
	"""The services in starting order; none on another bench than our own, and none before their folder is there."""
	if bench != home.bench or not home.network.exists():
		return []
	ports, folder = home.ports(), home.network
	return [
		Service(
			"knot",
			(unpacked.program(home, "knotd"), "-c", str(folder / "knot.conf")),
			folder,
			lambda _: all(probes.dns_answers(ports["dns"], zone) for zone in (BASE_DOMAIN, CUSTOMER_ZONE)),
			"dns",
			is_spare=True,
		),
		Service(
			"resolver",
			(
				str(bench / "env/bin/python"),
				str(REPO / "dev/in_bench/resolver.py"),
				*(str(ports["resolver"]), str(ports["dns"])),
			),
			folder,
			lambda _: probes.dns_answers(ports["resolver"], BASE_DOMAIN),
			"resolver",
			is_spare=True,
		),
		Service(
			"pebble",
			(
				*("env", *PEBBLE_SETTINGS, unpacked.program(home, "pebble")),
				*("-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{ports['resolver']}"),
			),
			folder,
			lambda _: all(map(probes.port_answers, (ports["acme"], ports["acme_management"]))),
			"acme",
			is_spare=True,
		),
		Service(
			"nginx",
			(
				unpacked.program(home, "nginx"),
				*("-c", str(bench / "config/buildpro/proxy/nginx.conf"), "-g", "daemon off;"),
			),
			folder,
			lambda _: probes.port_answers(ports["proxy_https"]),
			"proxy_https",
			is_spare=True,
		),
	]
