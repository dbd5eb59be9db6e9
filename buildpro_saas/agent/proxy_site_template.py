"""Text of nginx's configuration: how a site is served, in each server block, and the parts that others have, too.

What stands as <name> is filled in (proxy_config.py); <p> is the bench's prefix. `return` in an `if` of a server happens before anything
is looked for. So the challenges of certificates' authorities, which are answered for every name and in every state, are let pass by the
variable is_challenge; with our own question, which is not led elsewhere, by is_open.
"""

HEADERS = """\
add_header Strict-Transport-Security $<p>hsts always;
	add_header X-Content-Type-Options nosniff always;
	add_header X-Request-Id $request_id always;"""

CHALLENGE = """\
location ^~ /.well-known/acme-challenge/ {
	alias <challenges>/;
	default_type text/plain;
	add_header X-Content-Type-Options nosniff;
}
"""

# What the app is told of the visitor, and by nobody else: in each place that passes a request on.
VISITOR = """\
proxy_set_header Host $host<port>;
	proxy_set_header X-Frappe-Site-Name $<p>site;
	proxy_set_header X-Forwarded-For $remote_addr;
	proxy_set_header X-Forwarded-Proto $<p>scheme;
	proxy_set_header X-Forwarded-Host "";
	proxy_set_header Forwarded "";
	proxy_set_header X-Request-Id $request_id;"""

APP = """\
<limits>
	limit_req_status 429;
	proxy_pass http://<p>web;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	<visitor>
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
	<visitor>
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
