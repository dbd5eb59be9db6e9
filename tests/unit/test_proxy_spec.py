"""From records to what the proxy serves: who redirects where, and that nobody is ever sent into a loop or to a dead end."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

SITE = "acme.example.com"
OWN, CUSTOMERS = "Own Subdomain", "Customer's Domain"
STATES = ("Waiting for DNS", "Verified", "Certificate", "Live")


def name(host: str, **values) -> SimpleNamespace:
	usual = {
		**{"kind": CUSTOMERS, "is_primary": 0, "is_failing": 0, "state": "Live", "serves": "Redirects"},
		**{"certificate": f"of {host}", "hsts_seconds": 0},
	}
	return SimpleNamespace(host=host, **{**usual, **values})


def own(**values) -> SimpleNamespace:
	return name(SITE, **{"kind": OWN, "serves": "Serves", "certificate": "wildcard", **values})


def composed(*names, former=None, over=()):
	"""What each name does. over: certificates that have ended."""
	from buildpro_saas.domains import proxy_spec

	folders = {
		each.certificate: SimpleNamespace(folder=each.host, is_over=each.certificate in over)
		for each in names
		if each.certificate
	}
	return {host.name: host for host in proxy_spec.compose(SITE, names, folders, former or {})}


def test_a_site_without_any_record_answers_under_its_own_name():
	assert composed()[SITE].redirects_to == ""


def test_the_primary_name_serves_and_the_others_lead_there():
	found = composed(
		own(),
		name("erp.acme.test", is_primary=1),
		name("old.acme.test"),
		name("both.acme.test", serves="Serves"),
	)
	leads = {host: each.redirects_to for host, each in found.items()}
	primary = "erp.acme.test"
	assert leads == {SITE: primary, primary: "", "old.acme.test": primary, "both.acme.test": ""}


@pytest.mark.parametrize(
	"broken", [{"is_failing": 1}, {"state": "Certificate"}, {"certificate": None}], ids=str
)
def test_where_the_primary_name_fails_the_own_name_serves(broken):
	found = composed(own(), name("erp.acme.test", is_primary=1, **broken), name("old.acme.test"))
	assert found[SITE].redirects_to == ""
	assert found["old.acme.test"].redirects_to == SITE


def test_a_name_without_certificate_is_not_served_at_all():
	assert "new.acme.test" not in composed(own(), name("new.acme.test", state="Verified"))


def test_a_certificate_that_has_ended_is_still_served_and_nobody_is_sent_there():
	"""Also where a clock has leapt ahead, and all seem to have ended: names that answer must not be taken away."""
	found = composed(own(), name("erp.acme.test", is_primary=1), over=("of erp.acme.test", "wildcard"))
	assert found[SITE].redirects_to == "" and found[SITE].certificate == SITE
	assert found["erp.acme.test"].certificate == "erp.acme.test"
	assert found["erp.acme.test"].redirects_to == SITE


def test_former_names_lead_to_where_the_site_is_now():
	former = {"was.example.com": None, SITE: None, "first.example.com": "of erp.acme.test"}
	found = composed(own(), name("erp.acme.test", is_primary=1), former=former)
	assert found["was.example.com"].redirects_to == "erp.acme.test"
	assert found["was.example.com"].certificate == ""
	# where there is no wildcard's certificate, the one that it had
	assert found["first.example.com"].certificate == "erp.acme.test"


names = st.builds(
	name,
	st.sampled_from([f"{letter}.acme.test" for letter in "abcdef"]),
	is_primary=st.integers(0, 1),
	is_failing=st.integers(0, 1),
	state=st.sampled_from(STATES),
	serves=st.sampled_from(("Serves", "Redirects")),
	certificate=st.sampled_from((None, "one", "two")),
)


@given(st.lists(names, max_size=5, unique_by=lambda each: each.host), st.integers(0, 1))
def test_whoever_is_sent_on_arrives(others, is_primary):
	found = composed(own(is_primary=is_primary), *others)
	for host in found.values():
		if host.redirects_to:
			assert found[host.redirects_to].redirects_to == ""
