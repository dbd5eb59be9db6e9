"""A customer's own certificate is judged before it is stored: one sentence for each thing that can be wrong."""

from datetime import datetime, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from made_certificates import DAY, Maker

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.acme_authorizations import order_names
from buildpro_saas.agent.certificate_facts import DNS_01
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.uploaded_certificate import judged, self_signed

HOST = "erp.customer.test"
NOW = datetime.now(timezone.utc)


@pytest.fixture(scope="module")
def maker():
	return Maker()


def given_to(maker, names=(HOST,), **settings):
	"""(chain with its root, key)."""
	chain, key = maker.issue(list(names), **settings)
	return chain + maker.root_pem, key


def test_a_right_one_is_taken_without_its_root(maker):
	chain, key = given_to(maker)
	kept, kept_key = judged(chain, key, [HOST])
	assert kept == reading.chain_pem(reading.chain_of(chain)[:2])
	assert reading.belong_together(reading.chain_of(kept)[0], reading.key_of(kept_key))


def test_the_order_of_the_text_does_not_matter_and_strangers_are_left_out(maker):
	chain, key = given_to(maker)
	leaf, middle, root = reading.chain_of(chain)
	stranger = Maker().middle
	mixed = key + reading.chain_pem([root, stranger, middle, leaf, middle])
	kept, _key = judged(mixed, key, [])
	assert reading.chain_of(kept) == [leaf, middle]


@pytest.mark.parametrize(
	"key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())]
)
def test_usual_keys_are_taken(maker, key):
	chain, pem = given_to(maker, key=key)
	judged(chain, pem, [HOST])


def test_a_wildcard_covers_one_label(maker):
	chain, key = given_to(maker, ["*.customer.test"])
	judged(chain, key, ["erp.customer.test", "ERP.customer.test"])
	for host in ("customer.test", "a.b.customer.test"):
		with pytest.raises(AgentError, match="and not for"):
			judged(chain, key, [host])


def with_sha1(maker):
	"""(certificate, key) that says it is signed with SHA-1, which no library does any more: the name of the algorithm is exchanged."""
	key, rsa_key = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
	der = maker.signed(HOST, key, (maker.middle, rsa_key), names=[HOST]).public_bytes(Encoding.DER)
	sha256, sha1 = bytes.fromhex("2A864886F70D01010B"), bytes.fromhex("2A864886F70D010105")
	assert der.count(sha256) == 2
	leaf = x509.load_der_x509_certificate(der.replace(sha256, sha1))
	return reading.chain_pem([leaf, maker.middle, maker.root]), reading.key_pem(key)


def faulty(maker):
	"""(chain, key, sentence) for each fault."""
	chain, key = given_to(maker)
	weak = rsa.generate_private_key(65537, 1024)
	yield *given_to(maker, key=weak), "RSA key of 1024 bits"
	yield *given_to(maker, key=ec.generate_private_key(ec.SECP192R1())), "curve secp192r1"
	yield *given_to(maker, key=ed25519.Ed25519PrivateKey.generate()), "kind that browsers do not take"
	yield *with_sha1(maker), "signed with SHA1"
	yield *given_to(maker, begin=NOW - 40 * DAY, life=30 * DAY), "expired on"
	yield *given_to(maker, begin=NOW + 3 * DAY), "valid only from"
	yield *given_to(maker, ["other.test"]), "is for other.test, and not for erp.customer.test"
	yield chain, given_to(maker)[1], "The key does not belong to the certificate of erp.customer.test"
	yield maker.issue([HOST])[0], key, "does not belong"
	yield b"", key, "No certificate can be read"
	yield chain.replace(b"MI", b"xx"), key, "No certificate can be read"
	yield chain, b"", "No private key can be read"
	yield (
		chain,
		b"-----BEGIN %(kind)b-----\nAAAA\n-----END %(kind)b-----" % {b"kind": b"PRIVATE KEY"},
		"No private key can be read",
	)
	locked = reading.key_of(key).private_bytes(
		Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
	)
	yield chain, locked, "locked with a passphrase"
	yield *maker.issue([HOST]), "certificate of A Root, which issued that of An Issuer, is missing"
	leaf = reading.chain_pem(reading.chain_of(chain)[:1])
	yield leaf, key, "certificate of An Issuer, which issued that of erp.customer.test, is missing"
	own = ec.generate_private_key(ec.SECP256R1())
	yield (
		reading.chain_pem([maker.signed(HOST, own, None, names=[HOST])]),
		reading.key_pem(own),
		"signed by itself",
	)
	nameless = maker.signed(HOST, own, (maker.middle, maker.middle_key))
	yield reading.chain_pem([nameless, maker.middle, maker.root]), reading.key_pem(own), "names no host"
	yield chain * 4, key, "There are 12 certificates"


def test_each_fault_has_its_sentence(maker):
	found = list(faulty(maker))
	assert len(found) > 15
	for chain, key, sentence in found:
		with pytest.raises(AgentError) as caught:
			judged(chain, key, [HOST])
		assert sentence in str(caught.value), sentence
		assert caught.value.hint, sentence
		assert "PRIVATE" not in str(caught.value)


def test_an_issuer_that_has_expired_is_told(maker):
	key = ec.generate_private_key(ec.SECP256R1())
	old = maker.signed(
		"Old Issuer",
		key,
		(maker.root, maker.root_key),
		is_authority=True,
		begin=NOW - 40 * DAY,
		life=30 * DAY,
	)
	own = ec.generate_private_key(ec.SECP256R1())
	leaf = maker.signed(HOST, own, (old, key), names=[HOST])
	with pytest.raises(AgentError, match="Old Issuer expired"):
		judged(reading.chain_pem([leaf, old, maker.root]), reading.key_pem(own), [HOST])


def test_a_self_signed_one_says_so():
	chain, key = self_signed("default")
	with pytest.raises(AgentError):
		judged(chain, key, [])
	(certificate,) = reading.chain_of(chain)
	assert reading.belong_together(certificate, reading.key_of(key))
	begin, end = reading.life_of(certificate)
	assert begin < NOW.timestamp() < end


def test_how_an_authority_names_a_certificate():
	"""The example of RFC 9773, 4.1."""
	maker = Maker()
	key_id = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
	leaf = maker.signed(
		HOST, maker.root_key, (maker.middle, maker.middle_key), serial=0x87654321, key_id=key_id
	)
	assert reading.renewal_id(leaf) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_names_are_ordered_once_and_sorted():
	assert order_names(["b.test", "*.a.test", "b.test"], DNS_01) == ["*.a.test", "b.test"]
	assert order_names([f"{'x' * 63}.test"], DNS_01)
	for name in (
		f"{'x' * 64}.test",
		"a..test",
		"a.test.",
		"-a.test",
		"a-.test",
		"ä.test",
		"a b.test",
		"*.*.test",
	):
		with pytest.raises(AgentError, match="no host name"):
			order_names([name], DNS_01)
