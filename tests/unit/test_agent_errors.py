"""Which faults pass by themselves."""

import errno

import pymysql
import pytest
import redis
import requests

from buildpro_saas.agent.databases import check_name
from buildpro_saas.agent.errors import AgentError, TransientError, hint_for, is_transient


@pytest.mark.parametrize(
	"error",
	[
		ConnectionRefusedError(111, "refused"),
		TimeoutError("slow"),
		OSError(errno.EMFILE, "too many open files"),
		redis.exceptions.ConnectionError("away"),
		redis.exceptions.BusyLoadingError("loading"),
		pymysql.err.OperationalError(2006, "gone away"),
		pymysql.err.OperationalError(2013, "lost"),
		pymysql.err.OperationalError(1205, "lock wait"),
		pymysql.err.InterfaceError(0, ""),
		requests.ConnectionError("refused"),
		requests.ReadTimeout("slow"),
		TransientError("said so"),
	],
)
def test_transient(error):
	assert is_transient(error)


@pytest.mark.parametrize(
	"error",
	[
		ValueError("bad input"),
		OSError(errno.ENOSPC, "no space"),
		PermissionError(errno.EACCES, "denied"),
		pymysql.err.OperationalError(1045, "access denied"),
		pymysql.err.ProgrammingError(1146, "no table"),
		requests.HTTPError("404"),
		AgentError("said so"),
	],
)
def test_permanent(error):
	assert not is_transient(error)


def test_the_cause_counts():
	try:
		try:
			raise ConnectionResetError("peer")
		except ConnectionResetError as cause:
			raise RuntimeError("wrapped") from cause
	except RuntimeError as error:
		assert is_transient(error)


def test_a_full_disk_is_permanent_whatever_came_before():
	try:
		try:
			raise TimeoutError
		except TimeoutError as cause:
			raise OSError(errno.ENOSPC, "no space") from cause
	except OSError as error:
		assert not is_transient(error) and "disk" in hint_for(error)


@pytest.mark.parametrize("name", ["_0a1b2c3d4e5f6071", "customer1_db", "a_db", "_x"])
def test_database_names_that_the_account_reaches(name):
	assert check_name(name) == name


@pytest.mark.parametrize(
	"name",
	[
		"",
		"mysql",
		"customer",
		"Customer_db",
		"a`_db",
		"a-b_db",
		"1a_db",
		"x" * 62 + "_db",
		"a_db;drop",
		"sys",
		None,
	],
)
def test_database_names_that_it_must_not_reach(name):
	with pytest.raises(AgentError):
		check_name(name)
