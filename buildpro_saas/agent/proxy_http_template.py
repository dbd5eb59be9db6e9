"""Texts of nginx's configuration that stand there once: what the http block has, and the servers that are no site's.

What stands as <name> is filled in (proxy_config.py); <p> is the bench's prefix.
"""

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
