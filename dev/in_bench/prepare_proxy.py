"""Prepares the bench's own nginx as `saas setup-proxy` does, but for systemd: `prepare_proxy.py NGINX WEB_PORT HTTP_PORT HTTPS_PORT`.

Runs in the bench's env, in its folder `sites`. A service of dev/ runs nginx then, on loopback alone.
"""

import sys
from pathlib import Path

from buildpro_saas.agent import proxy_settings, proxy_setup
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.proxy_facts import ProxySpec


def prepare(nginx: str, web_port: int, http_port: int, https_port: int) -> None:
	"""Write its settings, and a first release where there is none that has these ports."""
	bench = Bench(Path.cwd().parent)
	current = proxy_settings.places(bench).current
	listens = "".join(file.read_text() for file in current.glob("*.conf"))
	if not all(f":{port}" in listens for port in (http_port, https_port)):
		current.unlink(missing_ok=True)
	spec = ProxySpec(
		[], "", web_port=web_port, http_port=http_port, https_port=https_port, listen=["127.0.0.1"]
	)
	proxy_setup.prepare(bench, proxy_settings.own(bench, nginx), spec)


if __name__ == "__main__":
	prepare(sys.argv[1], *map(int, sys.argv[2:]))
