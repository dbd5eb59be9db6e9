"""What setting the proxy up does on a bench's machine, shown before it is done: files outside the bench, and commands.

own: a systemd unit runs nginx as the bench's user, with the one right to open ports below 1024. So testing and reloading it takes no
further rights. included: one file has the machine's nginx read ours, and one line of sudoers lets the bench's user test and reload it.
"""

import grp
import hashlib
import pwd
import shutil
import stat
import subprocess
from dataclasses import replace

from buildpro_saas.agent import proxy_settings, unix_users
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.nginx import Nginx
from buildpro_saas.agent.own_files import OwnFile
from buildpro_saas.agent.proxy_certificates import VERSIONS
from buildpro_saas.agent.proxy_facts import INCLUDED, MODES, NOT_MANAGED, OWN, ProxySetup
from buildpro_saas.agent.proxy_settings import Places, Settings

UNIT = """\
[Unit]
Description=nginx of the bench {bench}
After=network-online.target
Wants=network-online.target

[Service]
Type=simple
User={user}
ExecStart={nginx} -c {main} -g "daemon off;"
ExecReload=/bin/kill -HUP $MAINPID
KillSignal=SIGQUIT
TimeoutStopSec=15
Restart=always
LimitNOFILE=65536
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=true
ProtectSystem=full
ProtectKernelTunables=true
ProtectControlGroups=true
RestrictSUIDSGID=true

[Install]
WantedBy=multi-user.target
"""
ROTATION = """\
{logs}/proxy-*.log {{
	su {user} {group}
	daily
	rotate 14
	compress
	delaycompress
	missingok
	notifempty
	sharedscripts
	postrotate
		kill -USR1 "$(cat {pid})" 2>/dev/null || true
	endscript
}}
"""
INCLUDE = "# Names of the bench {bench}. It stands before files with maps, whose tables' sizes it sets.\ninclude {current}/http*.conf;\n"
SUDOERS = "# The bench's user may test and reload nginx, and nothing else.\n{user} ALL=(root) NOPASSWD: {nginx} -t, {systemctl} reload nginx\n"
COMMAND = "setup-proxy"
SUDOERS_FOLDER = "etc/sudoers.d"
MACHINES_PID = "/run/nginx.pid"
SINGLE = (
	"server_names_hash_bucket_size",
	"server_names_hash_max_size",
	"map_hash_bucket_size",
	"map_hash_max_size",
)


def plan(bench: Bench, mode: str, http_port: int, https_port: int) -> ProxySetup:
	"""What will be done. Raises AgentError for a mode that there is not, and where nginx is missing."""
	if mode not in MODES:
		raise AgentError(f"There is no mode {mode!r}.", f"Give one of {', '.join(MODES)}.")
	if mode == NOT_MANAGED:
		notes = ["nginx is left to you: nothing is written for it, and domains are reached as you have it."]
		return ProxySetup(mode, {}, [], notes)
	places, user = proxy_settings.places(bench), owner_of(bench)
	settings = settings_for(bench, mode)
	planned = (_own if mode == OWN else _included)(places, user, settings, (http_port, https_port))
	notes = planned.notes
	if user == "root":
		note = "The bench belongs to root, so what serves the world runs as root, too: give it a user of its own."
		notes = [note, *notes]
	shown = {f"/{file.path}": file.text for file in files(bench, mode)}
	return replace(planned, files=shown, notes=notes)


def files(bench: Bench, mode: str) -> list[OwnFile]:
	"""What is written outside the bench."""
	if mode == NOT_MANAGED:
		return []
	places, user, found = proxy_settings.places(bench), owner_of(bench), proxy_settings.own(bench)
	name, facts = unit_name(places), {"bench": places.bench, "user": user, "nginx": found.nginx}
	if mode == INCLUDED:
		include = INCLUDE.format(current=places.current, **facts)
		sudoers = SUDOERS.format(systemctl=_systemctl(), **facts)
		return [
			OwnFile(f"etc/nginx/conf.d/00-{name}.conf", include, command=COMMAND),
			OwnFile(f"{SUDOERS_FOLDER}/{name}", sudoers, command=COMMAND, mode=0o440),
		]
	facts |= {"main": places.main, "logs": places.logs, "pid": found.pid_file, "group": _group_of(user)}
	return [
		OwnFile(f"etc/systemd/system/{name}.service", UNIT.format(**facts), command=COMMAND),
		OwnFile(f"etc/logrotate.d/{name}", ROTATION.format(**facts), command=COMMAND),
	]


def _own(places: Places, user: str, settings: Settings, ports: tuple[int, int]) -> ProxySetup:
	name = unit_name(places)
	commands = [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", f"{name}.service"]]
	notes = [
		f"nginx runs as {user}, reads only files of the bench, and may open ports below 1024. {user} gets no right of root's.",
		f"It listens on the ports {ports[0]} and {ports[1]}.",
	]
	taken = {port: sorted(unix_users.listening_on(port)) for port in ports}
	hindrance = ""
	if users := {port: names for port, names in taken.items() if names and not _is_ours(settings, places)}:
		port, names = next(iter(users.items()))
		hindrance = (
			f"A process of {', '.join(names)} listens on port {port} already. Where that is the machine's nginx, stop and"
			" disable it (`systemctl disable --now nginx`), or choose --mode included."
		)
	return ProxySetup(OWN, {}, commands, notes, hindrance)


def _included(places: Places, user: str, settings: Settings, ports: tuple[int, int]) -> ProxySetup:
	group = _group_of(machines_user())
	commands = [
		["chgrp", "-R", group, str(places.certificates)],
		["chmod", "-R", "g+rX", str(places.certificates)],
		# so that new ones get that group
		["chmod", "g+s", str(places.certificates), str(places.certificates / VERSIONS)],
		[settings.nginx, "-t"],
		[_systemctl(), "reload", "nginx"],
	]
	notes = [
		f"The machine's nginx starts as root and reads files that {user} writes: so {user} could have it write any file."
		" The mode own avoids that; choose this one where other server blocks share the ports.",
		f"Keys of certificates become readable for the group {group}, as nginx's workers read them.",
	]
	if closed := _closed_to_others(places):
		notes.append(f"nginx's workers cannot enter {', '.join(closed)}: `chmod o+x` lets them.")
	if not settings.is_default:
		notes.append(
			"Another file has the default server of these ports: it answers names that nobody serves here."
		)
	hindrance = "" if shutil.which("visudo") else "There is no sudo on this machine: `apt-get install sudo`."
	return ProxySetup(INCLUDED, {}, commands, notes, hindrance)


def settings_for(bench: Bench, mode: str) -> Settings:
	"""The settings of a mode on this machine."""
	if mode == NOT_MANAGED:
		return Settings()
	found = proxy_settings.own(bench)
	if mode == OWN:
		return found
	others = others_configuration(found.nginx, proxy_settings.places(bench))
	return Settings(
		mode=INCLUDED,
		nginx=found.nginx,
		pid_file=MACHINES_PID,
		test=["sudo", "-n", found.nginx, "-t"],
		reload=["sudo", "-n", _systemctl(), "reload", "nginx"],
		is_default="default_server" not in others,
		left_out=[name for name in SINGLE if name in others],
		version=found.version,
	)


def others_configuration(nginx: str, places: Places) -> str:
	"""What the machine's nginx reads beside our files, without comments; empty where it may not be asked."""
	done = subprocess.run([nginx, "-T", "-q"], capture_output=True, text=True, check=False, timeout=60)
	kept, is_ours = [], False
	for line in done.stdout.splitlines():
		if line.startswith("# configuration file "):
			is_ours = str(places.root) in line
		elif not is_ours:
			kept.append(line.partition("#")[0])
	return "\n".join(kept)


def _closed_to_others(places: Places) -> list[str]:
	"""The folders on the way to what nginx's workers read that only their owner may enter."""
	ways = (places.sites, places.challenges, places.live, places.pages)
	folders = {folder for way in ways for folder in (way, *way.parents) if folder.is_dir()}
	return sorted(str(folder) for folder in folders if not folder.stat().st_mode & stat.S_IXOTH)


def _is_ours(settings: Settings, places: Places) -> bool:
	return Nginx(settings, places).master() is not None


def unit_name(places: Places) -> str:
	"""The name of what we write outside the bench: the bench's folder's, and a few letters, since two may be called alike."""
	plain = "".join(each if each.isalnum() or each in "-_" else "-" for each in places.bench.name)
	return f"buildpro-proxy-{plain}-{hashlib.sha256(str(places.bench).encode()).hexdigest()[:6]}"


def owner_of(bench: Bench) -> str:
	"""The user whose the bench is."""
	return unix_users.owner(bench.sites_path)


def machines_user() -> str:
	"""Whom the workers of the machine's nginx run as. Raises AgentError where that user is missing."""
	for name in ("www-data", "nginx"):
		try:
			return pwd.getpwnam(name).pw_name
		except KeyError:
			continue
	raise AgentError(
		"This machine has no user www-data or nginx, as whom nginx's workers run.", "Install nginx."
	)


def _group_of(user: str) -> str:
	return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def _systemctl() -> str:
	return shutil.which("systemctl") or "/usr/bin/systemctl"
