"""Secrets and what tells of people are taken out of texts; what helps stays."""

import json

import pytest

from buildpro_saas.redaction import redacted, redacted_values, secrets_in, without_secrets

# in pieces: no file of this repository looks as if it held a key
BEGIN, END = ("-----{} {}PRIVATE KEY-----".format(word, "{}") for word in ("BEGIN", "END"))
PEM = f"{BEGIN.format('')}\nMIIEvQ\nabc\n{END.format('')}"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
	("text", "gone"),
	[
		("mail to ann.lee+x@sub.acme.example failed", "ann.lee"),
		("user=ann%40acme.example", "ann"),
		(f"key:\n{PEM}\nend", "MIIEvQ"),
		(BEGIN.format("EC ") + "\ncut off", "cut off"),
		("AGE-SECRET-KEY-1QQPQQ", "QQPQQ"),
		(f"token {JWT}", "eyJ"),
		("redis://:hunter22@127.0.0.1:13000", "hunter22"),
		("mysql://root:pa55w0rd@db:3306/x", "pa55w0rd"),
		("Authorization: token 0123abcd:ef456789", "0123abcd"),
		("Cookie: sid=9f8e7d; full_name=Ann%20Lee", "Ann"),
		("GET /?sid=9f8e7d6c HTTP/1.1", "9f8e7d6c"),
		('"db_password": "hunter22",', "hunter22"),
		("'encryption_key': 'hunter22'}", "hunter22"),
		("secret=hunter22&x=1", "hunter22"),
		("password: hunter22", "hunter22"),
		("from 198.51.100.23 by", "198.51.100.23"),
		("from 2001:db8:0:1::abcd by", "2001:db8"),
		("call +49 30 1234567 now", "1234567"),
		("digest 3f786850e387550fdab836ed7e6dc881de23001b end", "3f786850"),
	],
)
def test_what_has_the_form_of_a_secret_or_an_address_is_gone(text, gone):
	told = redacted(text)
	assert gone not in told and "[" in told


def test_known_values_are_gone_the_longer_first_and_names_in_any_case():
	text = "ann lee of Acme Construction signed in with abcd-efgh; ANN wrote"
	told = redacted(
		text, secrets=["abcd-efgh", "", "x"], people=["Ann Lee", "Acme Construction", "Acme", "Lee"]
	)
	assert told == "[name] of [name] signed in with [secret]; ANN wrote"


@pytest.mark.parametrize(
	"text",
	[
		"2026-11-27 18:00:01,123 ERROR frappe.exceptions.ValidationError at apps/frappe/frappe/app.py:123",
		"connect to 127.0.0.1:3306 refused",
		"buildpro_saas.agent.operations.diagnosis.look_at_site took 0.123456 s",
		"/srv/bench/sites/acme.example.com/private/backups is missing, code 10.11.6-MariaDB-0+deb12u1",
	],
)
def test_what_helps_stays(text):
	assert redacted(text) == text


CONFIG = {
	**{"db_name": "_acme", "db_password": "pw-of-db", "encryption_key": "enc", "developer_mode": 0},
	**{"redis_cache": "redis://user:pw-of-redis@127.0.0.1:13000", "buildpro_public_keys": {"k1": "public"}},
	"buildpro_signing_key": {"kid": "k1", "private": "private-part"},
	"nested": {"api_token": "tok", "plain": "seen"},
}


def test_secrets_of_a_configuration_are_known_by_their_keys():
	assert secrets_in(CONFIG) >= {"pw-of-db", "enc", "private-part", "tok", "user:pw-of-redis"}
	assert not secrets_in(CONFIG) & {"_acme", "seen", "public"}


def test_a_configuration_without_secrets_keeps_its_keys():
	told = without_secrets(CONFIG)
	assert told.keys() == CONFIG.keys() and told["nested"]["plain"] == "seen" and told["developer_mode"] == 0
	text = redacted(json.dumps(told), secrets_in(CONFIG))
	assert not [each for each in ("pw-of-db", "private-part", 'tok"', "pw-of-redis") if each in text]


def test_plain_data_keeps_its_shape():
	found = {
		"a": ["ann@acme.example", 3, None, {"api_key": "x1", "state": "ok"}],
		"text": 'said "secret=hunter22"',
	}
	told = redacted_values(found, people=["Nobody"])
	assert told["a"] == ["[e-mail]", 3, None, {"api_key": "[secret]", "state": "ok"}]
	assert "hunter22" not in json.loads(json.dumps(told))["text"]
