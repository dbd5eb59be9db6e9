"""What MariaDB needs for many sites."""

from buildpro_saas.agent.database_settings import BUSY_SITES, Setting, wanted_for


def test_more_sites_and_more_tables_want_more():
	few, many, large = wanted_for(2, 240), wanted_for(10, 240), wanted_for(10, 850)
	assert all(few[name] < many[name] < large[name] for name in few)


def test_sites_beyond_those_that_are_busy_at_once_want_no_more():
	assert wanted_for(BUSY_SITES, 240) == wanted_for(BUSY_SITES * 50, 240)


def test_files_are_enough_for_the_tables_and_the_rest():
	wanted = wanted_for(5, 240)
	assert wanted["open_files_limit"] > wanted["innodb_open_files"] == wanted["table_open_cache"] == 240 * 6


def test_a_setting_is_enough_from_what_is_wanted_on():
	assert Setting("x", 10, 10).is_enough and not Setting("x", 9, 10).is_enough


def test_innodb_may_not_open_all_the_files_that_the_machine_allows():
	# what the hundredth site needs: 72 sites of 248 tables ended in "Too many open files" with 20,000 of both
	assert wanted_for(72, 248, may_open=20_000)["open_files_limit"] > 20_000
	assert wanted_for(72, 248, may_open=10)["open_files_limit"] == wanted_for(72, 248)["open_files_limit"]
