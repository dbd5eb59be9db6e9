"""Host names as customers type them: what is taken, in which form, and what is refused with which sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.domains import host_names, in_front, ownership
from buildpro_saas.domains.host_names import normalised, shown


@pytest.mark.parametrize(
	("text", "host"),
	[
		("erp.customer.com", "erp.customer.com"),
		("  ERP.Customer.COM.  ", "erp.customer.com"),
		("bücher.example", "xn--bcher-kva.example"),
		("BÜCHER.example", "xn--bcher-kva.example"),
		("straße.example", "xn--strae-oqa.example"),
		("例え。テスト", "xn--r8jz45g.xn--zckzah"),
		("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
		("a.b.c.d.e.f.customer.com", "a.b.c.d.e.f.customer.com"),
		("3com.com", "3com.com"),
		(
			"erp\u200b.customer.com",
			"erp.customer.com",
		),  # as it is copied from some pages; browsers do not see it
		(f"{'a' * 63}.com", f"{'a' * 63}.com"),
	],
)
def test_a_name_gets_its_one_form(text, host):
	assert normalised(text) == host
	assert normalised(host) == host


@pytest.mark.parametrize(
	("text", "said"),
	[
		("", "Enter a host name"),
		(".", "Enter a host name"),
		("customer", "is one label"),
		("https://erp.customer.com/app", "is a link"),
		("erp.customer.com/", "is a link"),
		("erp.customer.com:8443", "has a port"),
		("ada@customer.com", "is an e-mail address"),
		("*.customer.com", "stands for many names"),
		("192.0.2.1", "is an address"),
		("2001:db8::1", "is an address"),
		("[::1]", "is an address"),
		("1.2.3", "ends with a number"),
		("erp.0x7f", "ends with a number"),
		("erp_1.customer.com", "has an underscore"),
		("erp customer.com", "has a space"),
		("erp..customer.com", "two dots in a row"),
		(".customer.com", "two dots in a row"),
		("customer.com..", "two dots in a row"),
		("-erp.customer.com", "begins or ends with a hyphen"),
		("erp-.customer.com", "begins or ends with a hyphen"),
		("er--p.customer.com", "hyphens in third and fourth place"),
		("erp!.customer.com", "characters that a host name cannot have"),
		("xn--a.customer.com", "is no name that the DNS can have"),
		("xn--.customer.com", "is no name that the DNS can have"),
		("♥.customer.com", "is no name that the DNS can have"),
		("erp\u0000.customer.com", "characters that a host name cannot have"),
		(f"{'a' * 64}.com", "64 characters between two dots"),
		(".".join(["a" * 60] * 4), "use at most 237"),
		("machine.local", "is for names of a local network"),
		("acme.localhost", "is this machine's own name"),
		("abc.onion", "is Tor's"),
		("erp.invalid", "is never in the DNS"),
		("1.0.0.127.in-addr.arpa", "is for addresses"),
	],
)
def test_what_no_customer_can_have_is_a_sentence(text, said):
	with pytest.raises(ValueError, match=said) as refused:
		normalised(text)
	assert str(refused.value).endswith(".")


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_a_sentence(text):
	try:
		host = normalised(text)
	except ValueError as error:
		assert not isinstance(error, UnicodeError)
		return
	assert normalised(host) == host
	assert host.isascii() and host == host.lower() and len(ownership.record_name(host)) < 254
	assert shown(host)


def test_people_read_a_name_in_their_own_letters():
	assert shown("erp.xn--bcher-kva.example") == "erp.bücher.example"
	assert shown("erp.xn--a.example") == "erp.xn--a.example"


def test_names_above_and_below():
	assert host_names.parents("a.example.com") == ["example.com", "com"]
	assert host_names.is_under("a.example.com", "example.com")
	assert host_names.is_under("example.com", "example.com")
	assert not host_names.is_under("notexample.com", "example.com")


# -- ownership ---------------------------------------------------------------------------------------------------------

SECRET = b"0123456789abcdef"


def test_a_token_is_of_one_tenant_and_one_host():
	tokens = {
		ownership.token(SECRET, "acme", "erp.customer.com"),
		ownership.token(SECRET, "rival", "erp.customer.com"),
		ownership.token(SECRET, "acme", "www.customer.com"),
		ownership.token(b"fedcba9876543210", "acme", "erp.customer.com"),
		ownership.token(SECRET, "acmeerp", ".customer.com"),
		ownership.token(SECRET, "acmeerp.", "customer.com"),
	}
	assert len(tokens) == 6
	assert ownership.token(SECRET, "acme", "erp.customer.com") in tokens
	assert all(len(token) == len("buildpro-verify=") + 40 for token in tokens)


def test_a_token_is_made_of_no_short_secret():
	with pytest.raises(ValueError, match="fewer than 16 bytes"):
		ownership.token(b"", "acme", "erp.customer.com")


# -- services in front ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("addresses", "names", "service"),
	[
		(["104.16.1.1"], [], "Cloudflare"),
		(["2606:4700::1"], [], "Cloudflare"),
		(["192.0.2.1"], ["d1.cloudfront.net"], "Amazon CloudFront"),
		(["192.0.2.1"], ["notcloudfront.net"], ""),
		(["192.0.2.1", "2001:db8::1"], ["proxy.example.com"], ""),
		([], [], ""),
	],
)
def test_a_service_in_front_is_known_by_address_or_name(addresses, names, service):
	assert in_front.service(addresses, names) == service
