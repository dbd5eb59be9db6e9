"""What the agent raises, and which faults pass by themselves."""

import errno
import re

from pymysql.constants import CR, ER

# PyMySQL has no name for these: MariaDB ended the connection; MariaDB ended the statement for its time; the account is locked
# (mariadb.com/kb/en/mariadb-error-codes).
CONNECTION_KILLED, STATEMENT_TIMEOUT, ACCOUNT_LOCKED = 1927, 1969, 4151
# What a connection meets that was ended, or whose account was locked. 0 is PyMySQL's own, for one that it has closed after another of these.
SHUT_OUT_CODES = frozenset(
	{
		0,
		ACCOUNT_LOCKED,
		CONNECTION_KILLED,
		CR.CR_SERVER_GONE_ERROR,
		CR.CR_SERVER_LOST,
		CR.CR_SERVER_LOST_EXTENDED,
	}
)
# What a statement meets whose tables have moved to another database.
NO_TABLE = ER.NO_SUCH_TABLE
# What a question meets that asks for a table or a column which another version of the framework has.
LACKING_CODES = frozenset({ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR})
# MariaDB's answers for "not now": cannot connect, gone away, lost, too many connections, shutting down, killed, lock wait,
# deadlock, row changed since it was read.
TRANSIENT_MARIADB_CODES = frozenset(
	{
		*(CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_GONE_ERROR),
		*(CR.CR_SERVER_LOST, CR.CR_SERVER_LOST_EXTENDED),
		*(ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.SERVER_SHUTDOWN),
		*(ER.ABORTING_CONNECTION, ER.QUERY_INTERRUPTED, CONNECTION_KILLED, STATEMENT_TIMEOUT),
		*(ER.NET_READ_ERROR, ER.NET_READ_INTERRUPTED, ER.NET_ERROR_ON_WRITE, ER.NET_WRITE_INTERRUPTED),
		*(ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK, ER.CHECKREAD),
	}
)
# The disk is full (of its own accord, or as the operating system said it); the account lacks a right.
FULL_CODES = frozenset({ER.DISK_FULL, ER.RECORD_FILE_FULL, errno.ENOSPC})
# MariaDB has other numbers for a file that it cannot make or write (of a table, of its tmpdir), and says the operating system's in the text.
FULL_TEXT = re.compile(rf"\b(?:errno|Errcode|error):? {errno.ENOSPC}\b")
DENIED_CODES = frozenset(
	{
		*(ER.DBACCESS_DENIED_ERROR, ER.ACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR),
		ER.SPECIFIC_ACCESS_DENIED_ERROR,
	}
)
# A table of an engine without transactions was cut off or is damaged; the first four are MyISAM's own (perror).
CRASHED_CODES = frozenset(
	{126, 127, 144, 145, ER.NOT_KEYFILE, ER.OLD_KEYFILE, ER.CRASHED_ON_USAGE, ER.CRASHED_ON_REPAIR}
)
NO_SUCH_SAVEPOINT = ER.SP_DOES_NOT_EXIST
# What a database user meets who is not there, has another password, has no rights, or is locked.
NOT_LET_IN_CODES = frozenset({ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ACCOUNT_LOCKED})
# What keeps somebody out of MariaDB, or from writing there, in one word (trouble_of).
AWAY, LATE, DENIED, NO_DATABASE, NO_CONNECTION, FULL = (
	"away",
	"late",
	"denied",
	"no database",
	"no connection",
	"full",
)
OTHER = "other"
TROUBLES = {
	**dict.fromkeys(
		(CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_UNKNOWN_HOST, ER.SERVER_SHUTDOWN), AWAY
	),
	**dict.fromkeys((CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_LOST_EXTENDED), AWAY),
	STATEMENT_TIMEOUT: LATE,
	**dict.fromkeys((ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED), NO_CONNECTION),
	ER.BAD_DB_ERROR: NO_DATABASE,
	**dict.fromkeys((*DENIED_CODES, ACCOUNT_LOCKED), DENIED),
}
TRANSIENT_ERRNOS = frozenset(
	{errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}
	| {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EMFILE, errno.ENFILE}
)


# Seconds: who asks to be left alone for longer is asked again all the same.
LONGEST_ASKED = 3600.0


class AgentError(Exception):
	"""A permanent fault: trying again does not help. `hint` says what to do."""

	is_transient = False

	def __init__(self, message: str, hint: str = ""):
		super().__init__(message)
		self.hint = hint

	@property
	def advice(self) -> str:
		"""What is wrong, and what to do about it."""
		return " ".join(filter(None, (str(self), self.hint)))


class TransientError(AgentError):
	"""A fault that passes by itself: the same call may succeed later.

	retry_after: seconds for which whoever was asked wants to be left alone; 0 where he did not say so.
	"""

	is_transient = True
	retry_after = 0.0


class KilledError(TransientError):
	"""A process was ended by signal 9: by the kernel for want of memory, or by somebody. It says nothing about the work that it did."""


class NotOursError(AgentError):
	"""A site, database or folder does not carry the mark of the job that wants to touch it."""


class OperationFault(AgentError):
	"""An error of another kind than the agent's, which an operation ended with on another bench or in another process.

	text: the error's message alone, without its kind.
	"""

	def __init__(self, message: str, hint: str = "", text: str = "", is_transient: bool = False):
		super().__init__(message, hint)
		self.text = text
		self.is_transient = is_transient


def sentence(error: BaseException) -> str:
	"""What to tell people of an error. The agent's own messages are sentences; others get their kind in front."""
	text = str(error).strip()
	if isinstance(error, AgentError):
		return text
	return f"{type(error).__name__}: {text}" if text else type(error).__name__


def seconds_asked(error: BaseException) -> float:
	"""For how many seconds whoever was asked wants to be left alone: LONGEST_ASKED at most, 0 where he did not say so."""
	return min(max(error.retry_after, 0.0), LONGEST_ASKED) if isinstance(error, TransientError) else 0.0


def as_plain(error: BaseException) -> dict:
	"""The error as plain data: {"kind", "message", "text", "hint", "is_transient"}. from_plain makes an error of it again."""
	return {
		"kind": _kind_of(error),
		"message": sentence(error),
		"text": str(error),
		"hint": hint_for(error),
		"is_transient": is_transient(error),
	}


def from_plain(told: dict) -> AgentError:
	"""The error that as_plain told."""
	for cls in _PLAIN:
		if told["kind"] == cls.__name__:
			return cls(told["message"], told["hint"])
	return OperationFault(told["message"], told["hint"], told["text"], told["is_transient"])


_PLAIN = (NotOursError, KilledError, TransientError, AgentError)  # the more particular first


def _kind_of(error: BaseException) -> str:
	kinds = () if isinstance(error, OperationFault) else _PLAIN
	return next((cls.__name__ for cls in kinds if isinstance(error, cls)), OperationFault.__name__)


def is_transient(error: BaseException) -> bool:
	"""True when trying again later may help: connection refused, lock wait, time-out, server going away.

	Looks through the chain of causes, since libraries wrap the socket's error in their own.
	"""
	seen = set()
	while error is not None and id(error) not in seen:
		seen.add(id(error))
		if isinstance(error, AgentError):
			return error.is_transient
		if isinstance(error, OSError) and error.errno == errno.ENOSPC:
			return False
		if _is_transient_itself(error):
			return True
		error = error.__cause__ or error.__context__
	return False


def _is_transient_itself(error: BaseException) -> bool:
	if isinstance(error, ConnectionError | TimeoutError):
		return True
	if isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS:
		return True
	if _is_of_library(error, "redis", "requests", "urllib3"):
		return type(error).__name__ in (
			*(
				"ConnectionError",
				"TimeoutError",
				"BusyLoadingError",
				"ConnectTimeout",
				"ReadTimeout",
				"Timeout",
			),
			*(
				"NewConnectionError",
				"MaxRetryError",
				"ProtocolError",
				"ChunkedEncodingError",
				"ReadOnlyError",
			),
		)
	if _is_of_library(error, "pymysql", "MySQLdb"):
		# pymysql says InterfaceError(0, "") of a connection that is closed on our side
		return type(error).__name__ == "InterfaceError" or mariadb_code(error) in TRANSIENT_MARIADB_CODES
	return False


def _is_of_library(error: BaseException, *names: str) -> bool:
	return any(cls.__module__.split(".")[0] in names for cls in type(error).__mro__)


def mariadb_code(error: BaseException) -> int | None:
	"""The number that MariaDB's client put first in the exception's arguments; None for no number."""
	return error.args[0] if error.args and isinstance(error.args[0], int) else None


def trouble_of(error: BaseException) -> str:
	"""What keeps somebody out of MariaDB, or from writing there: one of AWAY, LATE, DENIED, … OTHER; "" for an error that is not MariaDB's."""
	if isinstance(error, TimeoutError) or isinstance(error.__cause__ or error.__context__, TimeoutError):
		return LATE
	if not _is_of_library(error, "pymysql", "MySQLdb"):
		return ""
	if is_of_full_disk(error):
		return FULL
	text = str(error.args[-1]) if error.args else ""
	return LATE if "timed out" in text else TROUBLES.get(mariadb_code(error), OTHER)


def sentence_of_mariadb(error: BaseException) -> str:
	"""What MariaDB's client says, without its number; `sentence` for other errors."""
	if mariadb_code(error) is None or len(error.args) < 2:
		return sentence(error)
	return " ".join(str(error.args[1]).split())


def is_of_full_disk(error: BaseException) -> bool:
	"""Whether a disk is full: the operating system says so, or MariaDB."""
	if isinstance(error, OSError):
		return error.errno == errno.ENOSPC
	number = mariadb_code(error)
	return number in FULL_CODES or (number is not None and bool(FULL_TEXT.search(str(error.args[-1]))))


def hint_for(error: BaseException) -> str:
	"""One sentence on what the operator can do about the error; empty where nothing is known beyond the error itself."""
	if isinstance(error, AgentError):
		return error.hint
	if is_of_full_disk(error):
		return "Free disk space on the bench's machine, then press Retry."
	if mariadb_code(error) in CRASHED_CODES:
		return "Repair the table that is named (`repair table` in MariaDB), then press Retry."
	if mariadb_code(error) in DENIED_CODES:
		return "Run `bench --site <admin site> saas setup` to give the database account its rights, then press Retry."
	return ""
