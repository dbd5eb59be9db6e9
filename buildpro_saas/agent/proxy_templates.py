"""Texts that nginx's configuration is made of. What stands as <name> is filled in (proxy_config.py); <p> is the bench's prefix.

`return` in an `if` of a server happens before anything is looked for. So the challenges of certificates' authorities, which are answered
for every name and in every state, are let pass by the variable is_challenge; with our own question, which is not led elsewhere, by is_open.
"""

HEADERS = """\
add_header Strict-Transport-Security $<p>hsts always;
	add_header X-Content-Type-Options nosniff always;
	add_header X-Request-Id $request_id always;"""

# In the http block, once. Who asks is `here` when the connection comes from this very machine.
HTTP = r"""geo $realip_remote_addr $<p>is_trusted {
	default 0;
<trusted>
}
map "$<p>is_trusted$http_x_forwarded_proto" $<p>scheme {
	default $scheme;
	"1https" https;
	"1http" http;
}
map $<p>scheme $<p>port {
	default <http_port>;
	https <https_port>;
}
map "$realip_remote_addr=$server_addr" $<p>is_here {
	default 0;
	"~^127\." 1;
	"~^::1=" 1;
	"~^(.+)=\1$" 1;
}
map $uri $<p>is_challenge {
	default "";
	"~^/\.well-known/acme-challenge/" 1;
}
map $uri $<p>is_open {
	default $<p>is_challenge;
	"/.well-known/buildpro-proxy" 1;
}
map $<p>is_open $<p>target {
	default "";
	"" $<p>target_of_host;
}
map "$<p>scheme,$<p>has_tls,$<p>is_open" $<p>to_https {
	default "";
	"http,1," 1;
}
map $<p>scheme $<p>hsts {
	default "";
	https $<p>hsts_of_host;
}
map $http_upgrade $<p>connection {
	default upgrade;
	"" "";
}
map $upstream_http_x_frame_options $<p>frame_options {
	default "";
	"" SAMEORIGIN;
}
map $http_accept $<p>kind {
	default html;
	"~*^[^,;]*json" json;
}
map $uri $<p>asset_cache {
	default "public, max-age=3600";
	"~\.bundle\.[A-Z0-9]{8}\." "public, max-age=31536000, immutable";
}
map $uri $<p>disposition {
	default "";
	"~*\.(html?|xhtml|xht|svgz?|xml|xsl|mhtml?|swf)$" attachment;
}
map $status $<p>retry_after {
	default "";
	429 1;
	502 5;
	503 5;
	504 5;
}
map $status $<p>status {
	default $status;
	"000" 0;
	"009" 9;
}
map $request_uri $<p>path {
	default $request_uri;
	"~^(?<<p>cut>[^?]*)" $<p>cut;
}
log_format <p>json escape=json
	'{"time":"$time_iso8601","site":"$<p>site","host":"$host","client":"$remote_addr","method":"$request_method",'
	'"path":"$<p>path","protocol":"$server_protocol","scheme":"$<p>scheme","status":$<p>status,"bytes":$bytes_sent,'
	'"received":$request_length,"seconds":$request_time,"upstream_seconds":"$upstream_response_time",'
	'"request_id":"$request_id"}';
upstream <p>web {
	server 127.0.0.1:<web_port> max_fails=0;
}
upstream <p>socketio {
	server 127.0.0.1:<socketio_port> max_fails=0;
}
"""

TLS = """\
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
	ssl_prefer_server_ciphers off;
	ssl_session_cache shared:<p>tls:10m;
	ssl_session_timeout 1d;
	ssl_session_tickets off;
"""

CHALLENGE = """\
location ^~ /.well-known/acme-challenge/ {
	alias <challenges>/;
	default_type text/plain;
	add_header X-Content-Type-Options nosniff;
}
"""

SERVER = {
	# names that no site has
	"nobody": """\
server {
<listen><certificate><tls>	server_name _;
	underscores_in_headers off;
	server_tokens off;
	access_log <logs>/proxy-access.log <p>json;
<challenge>
	location / {
		return 444;
	}
}""",
	# the machine itself asks which release is served
	"probe": """\
server {
<listen>	server_name <probe>;
	access_log off;
	default_type text/plain;
	location / {
		if ($<p>is_here = 0) {
			return 444;
		}
		return 200 "@RELEASE_NAME@ ";
	}
}""",
}

APP = """\
<limits>
	limit_req_status 429;
	proxy_pass http://<p>web;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	proxy_set_header Host $host<port>;
	proxy_set_header X-Frappe-Site-Name $<p>site;
	proxy_set_header X-Forwarded-For $remote_addr;
	proxy_set_header X-Forwarded-Proto $<p>scheme;
	proxy_set_header X-Forwarded-Host "";
	proxy_set_header Forwarded "";
	proxy_set_header X-Request-Id $request_id;
	proxy_set_header X-Use-X-Accel-Redirect True;
	proxy_connect_timeout 10s;
	proxy_read_timeout 120s;
	proxy_send_timeout 120s;
	proxy_next_upstream off;
	proxy_redirect off;
	proxy_buffer_size 32k;
	proxy_buffers 8 32k;
	proxy_busy_buffers_size 64k;
	proxy_hide_header Strict-Transport-Security;
	proxy_hide_header X-Content-Type-Options;
	proxy_hide_header X-Request-Id;
	<headers>
	add_header X-Frame-Options $<p>frame_options always;"""

# In each server block of sites.
SITE = """\
underscores_in_headers off;
server_tokens off;
access_log <logs>/proxy-access.log <p>json;
<real_ip>
<tls>
<headers>

gzip on;
gzip_comp_level 5;
gzip_min_length 256;
gzip_proxied any;
gzip_vary on;
gzip_types application/atom+xml application/javascript application/json application/manifest+json application/rss+xml
	application/xml font/otf font/ttf image/svg+xml image/x-icon text/css text/javascript text/plain;

set $<p>refused 1;
if (-f <sites>/$<p>site/site_config.json) {
	set $<p>refused "";
}
if (-f <sites>/.buildpro/renamed/$<p>site) {
	set $<p>refused "";
}
if ($<p>is_challenge) {
	set $<p>refused "";
}
if ($<p>refused) {
	return 444;
}
if ($<p>target) {
	return 307 https://$<p>target<https_port>$request_uri;
}
if ($<p>to_https) {
	return 307 https://$host<https_port>$request_uri;
}
set $<p>is_closed "";
if (-f <live>/closed/$<p>site) {
	set $<p>is_closed 1;
}
<keys>

error_page 402 /.buildpro-pages/suspended.$<p>kind;
error_page 413 /.buildpro-pages/too-large.$<p>kind;
error_page 429 /.buildpro-pages/too-many.$<p>kind;
error_page 502 503 504 /.buildpro-pages/unavailable.$<p>kind;
location ^~ /.buildpro-pages/ {
	internal;
	alias <pages>/;
	<headers>
	add_header Retry-After $<p>retry_after always;
	add_header Cache-Control no-store always;
}

<challenge>
location = /.well-known/buildpro-proxy {
	default_type text/plain;
	if ($<p>is_here = 0) {
		return 404;
	}
	return 200 "@RELEASE_NAME@ $<p>site";
}

location ^~ /assets/ {
	root <sites>;
	try_files $uri =404;
	<headers>
	add_header Cache-Control $<p>asset_cache;
}

location ^~ /files/ {
	if ($<p>is_closed) {
		return 402;
	}
	root <sites>/$<p>site/public;
	try_files $uri @app;
	<headers>
	add_header Cache-Control "public, max-age=300";
	add_header Content-Disposition $<p>disposition;
}

location ^~ /protected/ {
	internal;
	return 404;
}
location ^~ /protected/private/ {
	internal;
	alias <sites>/$<p>site/private/;
	<headers>
}

location ^~ /socket.io/ {
	proxy_pass http://<p><socketio>;
	proxy_http_version 1.1;
	proxy_set_header Upgrade $http_upgrade;
	proxy_set_header Connection $<p>connection;
	proxy_set_header Host $host<port>;
	proxy_set_header X-Frappe-Site-Name $<p>site;
	proxy_set_header X-Forwarded-For $remote_addr;
	proxy_set_header X-Forwarded-Proto $<p>scheme;
	proxy_set_header X-Forwarded-Host "";
	proxy_set_header Forwarded "";
	proxy_set_header X-Request-Id $request_id;
	proxy_read_timeout 600s;
	proxy_buffering off;
}

location / {
	<app>
}
location @app {
	<app>
}
"""

# The whole of an nginx of the bench's own.
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
