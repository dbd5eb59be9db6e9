"""The parts of delivering entitlements that are plain functions."""

import pytest

from buildpro_saas.entitlements import keys, layers, statement
from buildpro_saas.entitlements.frappe_limits import frappe_limits

SITE = "acme.localhost"


def issued(key: dict, **more) -> str:
	data = {"tenant": "acme", "site": SITE, "layers": layers.single_plan("Core", ["rfi"])}
	return statement.issue(key, data, valid_days=30, grace_days=7, **more)


@pytest.mark.parametrize(
	("limits", "config"),
	[
		({}, {"max_file_size": None, "rate_limit": None}),
		({"max_users": 5}, {"max_file_size": None, "rate_limit": None}),
		(
			{"max_file_size_mb": 25, "request_seconds_per_hour": 1800},
			{"max_file_size": 25 * 1024 * 1024, "rate_limit": {"limit": 1800, "window": 3600}},
		),
		# nothing at all is a limit, too
		({"max_file_size_mb": 0}, {"max_file_size": 0, "rate_limit": None}),
	],
)
def test_what_the_framework_enforces_itself(limits, config):
	assert frappe_limits(limits) == config


def test_a_statement_brings_the_next_key_and_names_all_that_are_in_use():
	old, new = keys.generate(), keys.generate()
	token = issued(old, next_keys={new["kid"]: new["public"]}, keys=[old["kid"], new["kid"]])
	found = statement.verify(token, {old["kid"]: old["public"]}, SITE)
	assert found.next_keys == {new["kid"]: new["public"]}
	assert found.keys == (old["kid"], new["kid"])


def test_a_statement_without_names_of_keys_has_none():
	key = keys.generate()
	assert statement.verify(issued(key), {key["kid"]: key["public"]}, SITE).keys == ()


def test_a_statement_by_the_next_key_is_not_taken_before_that_is_known():
	old, new = keys.generate(), keys.generate()
	with pytest.raises(statement.EntitlementError, match="unknown key"):
		statement.verify(issued(new), {old["kid"]: old["public"]}, SITE)
