"""The whole configuration of an nginx of the bench's own, which includes a release's file."""

from pathlib import Path

from buildpro_saas.agent.nginx_text import filled
from buildpro_saas.agent.proxy_settings import Places

MAIN = """\
# Written by `saas setup-proxy` and by each publishing. Changes are lost.
<user>worker_processes auto;
worker_rlimit_nofile 16384;
worker_shutdown_timeout 60s;
pid <pid>;
error_log <logs>/proxy-error.log;
events {
	worker_connections 4096;
}
http {
	types {
		text/html html htm;
		text/css css;
		text/plain txt map;
		text/xml xml;
		text/csv csv;
		text/javascript js mjs;
		application/json json;
		application/manifest+json webmanifest;
		application/pdf pdf;
		application/zip zip;
		application/gzip gz;
		application/wasm wasm;
		application/msword doc;
		application/vnd.ms-excel xls;
		application/vnd.openxmlformats-officedocument.wordprocessingml.document docx;
		application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx;
		application/vnd.openxmlformats-officedocument.presentationml.presentation pptx;
		font/woff woff;
		font/woff2 woff2;
		font/ttf ttf;
		font/otf otf;
		image/png png;
		image/jpeg jpg jpeg;
		image/gif gif;
		image/webp webp;
		image/avif avif;
		image/svg+xml svg svgz;
		image/x-icon ico;
		audio/mpeg mp3;
		video/mp4 mp4;
		video/webm webm;
	}
	default_type application/octet-stream;
	sendfile on;
	access_log off;
	client_body_temp_path <run>/body;
	proxy_temp_path <run>/proxied;
	fastcgi_temp_path <run>/fastcgi;
	uwsgi_temp_path <run>/uwsgi;
	scgi_temp_path <run>/scgi;
	include <http>;
}
"""


def render(places: Places, http: Path, pid_file: Path, user: str = "") -> str:
	"""Its text. http: the file of a release. user: whom its workers run as, where it is started by root."""
	return filled(
		MAIN,
		{
			"user": f"user {user};\n" if user else "",
			"pid": pid_file,
			"logs": places.logs,
			"run": places.run,
			"http": http,
		},
	)
