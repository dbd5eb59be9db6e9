"""When a name that waits is looked at again, and what a look says."""

from buildpro_saas.domains import looks


def test_the_pauses_grow_and_do_not_end():
	pauses = [looks.pause_after(number) for number in range(1, 40)]
	assert pauses == sorted(pauses)
	assert pauses[0] == looks.MINUTE and pauses[-1] == looks.LONGEST_WAIT


def test_a_dns_that_does_not_answer_says_nothing_about_the_name():
	unknown = looks.Look(None, True, "No server answers.")
	assert not unknown.is_good and not unknown.is_known
	assert looks.Look(True, True, "").is_good
	assert looks.Look(False, True, "Set a TXT record.").is_known
