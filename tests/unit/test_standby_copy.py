"""A standby site that cannot be made: what its job says to do about it."""

import errno
from types import SimpleNamespace

import pytest

from buildpro_saas.agent.errors import AgentError, as_plain, from_plain
from buildpro_saas.fleet.steps import image as steps
from buildpro_saas.jobs.playbook import WayClosedError


@pytest.mark.parametrize(
	("cause", "hint"),
	[
		# as another bench, or an operation's thread, tells it
		(
			from_plain(as_plain(OSError(errno.ENOSPC, "No space left on device"))),
			"Free disk space on the bench's",
		),
		(ValueError("no idea"), "See the Error Log"),
		(None, "See the Error Log"),
	],
	ids=["full disk", "unknown", "no cause"],
)
def test_the_hint_is_that_of_the_cause(monkeypatch, cause, hint):
	def fail(*_arguments):
		raise WayClosedError("copying failed") from cause

	monkeypatch.setattr(steps.site_sources, "copy_image", fail)
	monkeypatch.setattr(steps.images, "still_ready", lambda name: None)
	context = SimpleNamespace(bench=SimpleNamespace(standby=lambda database: None))
	with pytest.raises(AgentError) as caught:
		steps.FillStandby()._copy(context, SimpleNamespace(name="IMG-1"), "_0a")
	assert caught.value.hint.startswith(hint) and "press Retry" in caught.value.hint
