"""The OpenFeature provider: OpenFeature's own scenarios as far as they are about a provider, and what is ours.

OpenFeature ships no suite for providers. Its specification's evaluation_v2.feature is for SDKs with their in-memory provider;
what is chosen of it here are the scenarios whose flags a provider without targeting, strings, floats and objects can have.
"""

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler

FEATURE = Path(__file__).parent / "openfeature/evaluation_v2.feature"
# "boolean-flag" is a feature of the plan, "boolean-zero-flag" one of another; "string-flag" is what is no boolean.
FEATURES, OTHERS = ("boolean-flag",), ("boolean-zero-flag",)
LIMITS = {"integer-flag": 10, "integer-zero-flag": 0, "string-flag": 1}
# Scenario → the types of flag that it is run with.
CHOSEN = {
	"Resolve values": ("Boolean", "Integer"),
	"Resolves zero value": ("Boolean", "Integer"),
	"Flag not found error": ("Boolean", "String", "Integer", "Float", "Object"),
	"Type mismatch error": ("Boolean", "String", "Integer", "Float", "Object"),
	# the variant of an integer is a name in the in-memory provider's data
	"Complete evaluation details structure": ("Boolean",),
	"Variant field population": ("Boolean",),
	"Asynchronous flag evaluation": ("Boolean", "Integer"),
}
FLAG = re.compile(r'an? (\w+)-flag with key "(.*)" and a fallback value "(.*)"')


def pickles():
	document = Parser().parse(FEATURE.read_text())
	for pickle in Compiler().compile({**document, "uri": FEATURE.name}):
		flags = [FLAG.fullmatch(step["text"]) for step in pickle["steps"]]
		types = [flag[1] for flag in flags if flag]
		if types and types[0] in CHOSEN.get(pickle["name"], ()):
			yield pytest.param(
				[step["text"] for step in pickle["steps"]],
				id=f"{pickle['name']}, {types[0]}".replace(" ", "_"),
			)


SCENARIOS = list(pickles())


class Scenario:
	"""One scenario being played."""

	def __init__(self, client):
		self.client, self.details = client, None

	def play(self, text: str) -> None:
		for pattern, step in self.STEPS.items():
			if found := re.fullmatch(pattern, text):
				return step(self, *found.groups())
		pytest.fail(f"no step: {text}")

	def flag(self, kind: str, key: str, default: str) -> None:
		self.kind, self.key = kind, key
		self.default = self.value_of(default)

	def value_of(self, text: str):
		if self.kind == "String":
			return text
		return json.loads(text.replace('\\"', '"'))

	def evaluate(self) -> None:
		ask = getattr(self.client, f"get_{self.kind.lower()}_details")
		self.details = ask(self.key, self.default)

	def evaluate_async(self) -> None:
		ask = getattr(self.client, f"get_{self.kind.lower()}_details_async")
		self.details = asyncio.run(ask(self.key, self.default))

	def check(self, name: str, wanted) -> None:
		found = getattr(self.details, name)
		assert found == wanted and type(found) is type(wanted), self.details

	STEPS = {
		"a stable provider": lambda self: None,
		FLAG.pattern: flag,
		"the flag was evaluated with details": evaluate,
		"the flag was evaluated with details asynchronously": evaluate_async,
		"the evaluation should complete without blocking": lambda self: None,
		'the resolved details value should be "(.*)"': lambda self, text: self.check(
			"value", self.value_of(text)
		),
		'the reason should be "(.*)"': lambda self, text: self.check("reason", self.reason(text)),
		'the error-code should be "(.*)"': lambda self, text: self.check("error_code", self.error(text)),
		'the flag key should be "(.*)"': lambda self, text: self.check("flag_key", text),
		'the variant should be "(.*)"': lambda self, text: self.check("variant", text),
	}

	def reason(self, text):
		from openfeature.flag_evaluation import Reason

		return Reason(text)

	def error(self, text):
		from openfeature.exception import ErrorCode

		return ErrorCode(text)


@pytest.fixture
def client(site):
	from openfeature import api

	from buildpro_saas.openfeature_provider import BuildProProvider

	api.set_provider(BuildProProvider())
	yield api.get_client()
	api.clear_providers()


@pytest.mark.parametrize("steps", SCENARIOS)
def test_a_scenario_of_openfeature(steps, client, tests_allowed):
	from buildpro_saas.testing import entitled

	scenario = Scenario(client)
	with entitled(*FEATURES, without=OTHERS, limits=LIMITS):
		for text in steps:
			scenario.play(text)
	assert scenario.details is not None


def test_the_scenarios_are_there():
	assert len(SCENARIOS) >= 18


def test_reason_and_message_are_in_the_metadata(site, client):
	from openfeature.flag_evaluation import Reason

	site.apply(killed=[{"feature": "rfi"}])
	details = client.get_boolean_details("bim", True)
	assert details.value is False and details.variant == "off" and details.reason == Reason.STATIC
	assert details.flag_metadata["reason"] == "NOT_IN_PLAN"
	assert details.flag_metadata["required_plan"] == "Enterprise"
	assert details.flag_metadata["message"] == site.gating.get_feature_access("bim").message
	assert all(isinstance(value, bool | int | float | str) for value in details.flag_metadata.values())
	killed = client.get_boolean_details("rfi", True)
	assert killed.value is False and killed.reason == Reason.DISABLED


def test_a_name_nobody_knows_names_the_nearest(site, client):
	site.apply()
	assert 'Did you mean "rfi"' in client.get_boolean_details("rfy", False).error_message
	assert 'Did you mean "max_users"' in client.get_integer_details("max_user", 1).error_message


def test_a_refusal_is_no_error_that_the_callers_default_would_answer(site, client):
	assert client.get_boolean_value("rfi", True) is False  # no entitlement at all
	assert client.get_integer_value("max_users", 99) == 0
	site.apply(status="Suspended")
	assert client.get_boolean_value("rfi", True) is False
	assert client.get_integer_value("max_users", 99) == 0


def test_limits(site, client):
	from openfeature.flag_evaluation import Reason

	site.apply()
	assert client.get_integer_value("max_users", 1) == 25
	site.apply(limits={})
	details = client.get_integer_details("max_users", 1000)
	assert details.value == 1000 and details.reason == Reason.DEFAULT and details.variant == "unlimited"


def test_a_limit_nobody_knows_is_none_although_no_statement_counts(site, client):
	"""The statement was lost: the limits of the last one hold, and the site's apps say what can be limited."""
	from openfeature.exception import ErrorCode
	from openfeature.flag_evaluation import Reason

	site.apply()
	Path(site.frappe.local.site_path, site.entitlement.FILE).unlink()
	site.frappe.local.cache.clear()  # another request
	assert site.entitlement.current_decisions().statement is None
	assert client.get_integer_value("max_users", 1) == 25
	details = client.get_integer_details("max_user", 7)
	assert (details.value, details.error_code) == (7, ErrorCode.FLAG_NOT_FOUND)
	assert 'Did you mean "max_users"' in details.error_message
	details = client.get_integer_details("max_storage_gb", 7)
	assert (details.value, details.reason) == (7, Reason.DEFAULT)


def test_a_stale_entitlement_is_told(site, client, monkeypatch):
	from openfeature.flag_evaluation import Reason

	site.apply()
	gate = site.entitlement.current_decisions()
	in_grace = gate.statement.expires + 1000
	monkeypatch.setattr(time, "time", lambda: in_grace)
	site.entitlement.forget_in_request()
	details = client.get_boolean_details("rfi", False)
	assert details.value is True and details.reason == Reason.STALE
	assert details.flag_metadata["is_stale"] is True
