"""Which faults pass by themselves, and what to do about the others."""

import ast
import errno
from pathlib import Path

import pymysql
import pytest
import redis
import requests
from pymysql.constants import ER

from buildpro_saas.agent.database_connection import check_name
from buildpro_saas.agent.errors import (
	ACCOUNT_LOCKED,
	CONNECTION_KILLED,
	STATEMENT_TIMEOUT,
	AgentError,
	NotOursError,
	TransientError,
	hint_for,
	is_transient,
)


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


@pytest.mark.parametrize(
	("number", "hint"),
	[
		*((number, "Free disk space") for number in (ER.DISK_FULL, ER.RECORD_FILE_FULL, errno.ENOSPC)),
		*((number, "saas setup") for number in (ER.DBACCESS_DENIED_ERROR, ER.ACCESS_DENIED_ERROR)),
		*(
			(number, "saas setup")
			for number in (ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR)
		),
	],
)
def test_what_to_do_about_mariadbs_answer(number, hint):
	assert hint in hint_for(pymysql.err.OperationalError(number, "said so"))


@pytest.mark.parametrize(
	"said",
	[
		"Error writing file '/tmp/ML1' (Errcode: 28 \"No space left on device\")",
		'Can\'t create table `a`.`b` (errno: 28 "No space left on device")',
		'Got error 28 "No space left on device" from storage engine InnoDB',
	],
)
def test_a_full_disk_is_told_by_mariadbs_text_too(said):
	assert "Free disk space" in hint_for(pymysql.err.OperationalError(ER.ERROR_ON_WRITE, said))
	other = pymysql.err.OperationalError(ER.ERROR_ON_WRITE, said.replace("28", "281"))
	assert not hint_for(other)


def test_mariadbs_error_numbers_have_names():
	"""Where a number is compared with an error's, it is one of PyMySQL's names, or stands once in errors.py."""
	named = {number for number in vars(ER).values() if isinstance(number, int)} - {1000, 1024, 2025, 2026}
	files = (Path(__file__).parents[2] / "buildpro_saas").rglob("*.py")
	written = [
		(file.name, node.value)
		for file in files
		for node in ast.walk(ast.parse(file.read_text()))
		if isinstance(node, ast.Constant)
		and type(node.value) is int
		and node.value in {*named, CONNECTION_KILLED, STATEMENT_TIMEOUT, ACCOUNT_LOCKED}
	]
	unnamed = (CONNECTION_KILLED, STATEMENT_TIMEOUT, ACCOUNT_LOCKED)
	assert sorted(written) == [("errors.py", number) for number in unnamed]


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


def test_an_error_says_what_to_do():
	assert AgentError("The disk is full.", "Make room.").advice == "The disk is full. Make room."
	assert NotOursError("It is another's.").advice == "It is another's."
