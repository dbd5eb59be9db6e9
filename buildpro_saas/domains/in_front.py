"""Services that stand in front of web sites: which addresses and names are theirs. Behind one, visitors and authorities do not meet us."""

import ipaddress

# www.cloudflare.com/ips, which last changed in 2021
CLOUDFLARE = (
	*("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18"),
	*("108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17"),
	*("162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22"),
	*("2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32"),
	*("2a06:98c0::/29", "2c0f:f248::/32"),
)
# api.fastly.com/public-ip-list: the greater ones
FASTLY = ("151.101.0.0/16", "199.232.0.0/16", "146.75.0.0/17", "2a04:4e40::/32", "2a04:4e42::/32")
NETWORKS = {"Cloudflare": CLOUDFLARE, "Fastly": FASTLY}
# What the CNAMEs of their customers end with.
NAMES = {
	"cdn.cloudflare.net": "Cloudflare",
	"fastly.net": "Fastly",
	"cloudfront.net": "Amazon CloudFront",
	"akamaiedge.net": "Akamai",
	"edgekey.net": "Akamai",
	"edgesuite.net": "Akamai",
	"azureedge.net": "Azure",
	"azurefd.net": "Azure Front Door",
	"incapdns.net": "Imperva",
	"b-cdn.net": "bunny.net",
	"sucuri.net": "Sucuri",
}


def service(addresses: list[str], names: list[str]) -> str:
	"""The service that one of the addresses, or of the names in a chain of CNAMEs, is of; empty for none."""
	for name in names:
		for end, found in NAMES.items():
			if name == end or name.endswith(f".{end}"):
				return found
	for address in map(ipaddress.ip_address, addresses):
		for found, networks in NETWORKS.items():
			if any(address in ipaddress.ip_network(network) for network in networks):
				return found
	return ""
