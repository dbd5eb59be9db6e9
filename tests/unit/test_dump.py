"""Dumps of databases are judged as they stream by: whole or cut off, by whom, of what, and what no server should be sent."""

import gzip
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildpro_saas.agent import dump
from buildpro_saas.agent.dump_statements import BOM, Statements
from buildpro_saas.agent.errors import AgentError

APPS = b"""CREATE TABLE `tabInstalled Application` (
  `name` varchar(140) NOT NULL,
  `app_name` varchar(140) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `app_version` varchar(140) DEFAULT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `tabInstalled Application` VALUES
('1','frappe','15.42.0'),
('2','erpnext','15.38.4 (it\\'s; (new)'),
('3','hrms',NULL);
"""
END = b"-- Dump completed on 2026-11-26 20:00:00\n"
MARIADB = b"-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n-- Server version\t10.11.6-MariaDB\n"
MYSQL = b"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
-- Server version\t8.0.36
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET TIME_ZONE='+00:00' */;
SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';
"""
VIEWS = b"""/*!50001 CREATE VIEW `late` AS SELECT
 1 AS `name`*/;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`gone`@`%`*/ /*!50003 TRIGGER `stamp` BEFORE INSERT ON `tabNote` FOR EACH ROW BEGIN
  SET NEW.title = 'a;b'; -- it's; said
  SET NEW.content = "c;;d";
END */;;
DELIMITER ;
CREATE SEQUENCE `note_id_seq` start with 1 minvalue 1 maxvalue 9223372036854775806 increment by 1 cache 50 nocycle ENGINE=InnoDB;
DO SETVAL(`note_id_seq`, 51, 0);
/*!50001 DROP VIEW IF EXISTS `late`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`old`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `late` AS select `tabNote`.`name` AS `name` from `tabNote` */;
"""


def judged(text: bytes, name: str = "database.sql") -> dump.Dump:
	return dump.judge_stream(io.BytesIO(text), name)


def statements(text: bytes) -> list[bytes]:
	return list(Statements(io.BytesIO(text)))


# -- what a dump is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"before",
	[
		b"",
		BOM,
		b"/*M!999999\\- enable the sandbox mode */ \n",
		b"/*!999999\\- enable the sandbox mode */\r\n",
	],
)
@pytest.mark.parametrize("head", [MARIADB, MYSQL])
def test_a_whole_dump_of_either_maker(before, head):
	found = judged(before + head + APPS + VIEWS + END)
	assert found.apps == {"frappe": "15.42.0", "erpnext": "15.38.4 (it's; (new)", "hrms": ""}
	assert found.tables == ["tabInstalled Application"] and found.views == ["late"]
	assert found.triggers == ["stamp"] and found.sequences == ["note_id_seq"]
	assert found.definers == ["gone@%", "old@localhost"] and found.collations == ["utf8mb4_unicode_ci"]
	assert ("MariaDB" if head is MARIADB else "8.0.36") in found.server


def test_columns_that_the_rows_name_themselves():
	rows = (
		b"INSERT INTO `tabInstalled Application` (`app_version`, `app_name`) VALUES ('1.0','crm'),('2',NULL)"
	)
	assert dump.installed_apps(dump.VERSIONS, rows, []) == {"crm": "1.0"}


def test_apps_that_a_site_names_without_their_versions():
	defaults = b"""CREATE TABLE `tabDefaultValue` (
  `name` varchar(140) NOT NULL,
  `parent` varchar(140),
  `defkey` varchar(140),
  `defvalue` text
);
INSERT INTO `tabDefaultValue` VALUES ('a','__global','installed_apps','[\\"frappe\\", \\"hrms\\"]'),('b','Guest','x','y');
"""
	assert judged(MARIADB + defaults + END).apps == {"frappe": "", "hrms": ""}
	assert judged(MARIADB + APPS + defaults + END).apps["frappe"] == "15.42.0"
	assert judged(MARIADB + defaults + APPS + END).apps["frappe"] == "15.42.0"


@pytest.mark.parametrize(
	("text", "said"),
	[
		(MARIADB + APPS, "is cut off"),
		(MARIADB + APPS[:-30], "ends in the middle"),
		(MARIADB + APPS + b"CREATE TABLE `a` (`b` int);\n", "is cut off"),
		(MARIADB + APPS[:40] + b"\0" * 4096 + APPS[40:] + END, "zero bytes from byte"),
		(b"\n\n", "no dump of a site"),
		(b"%PDF-1.4 ;\n", "that a site's dump has not: %PDF"),
		(MARIADB + b"CREATE TABLE `a` (`b` int);\n" + END, "which apps"),
		(MARIADB + b"USE `one`;\n" + APPS + b"USE `two`;\n" + END, "databases one, two"),
		(MARIADB + APPS + b"INSERT INTO `mysql`.`user` VALUES (1);\n" + END, "databases mysql"),
		(MARIADB + b"\\! touch /tmp/owned\n" + APPS + END, "command for a database client"),
		(MARIADB + APPS + b"GRANT ALL ON *.* TO x;\n" + END, "has not: GRANT"),
		(MARIADB + APPS + b"source /etc/passwd;\n" + END, "has not: source"),
		(MARIADB + APPS + b"LOAD DATA INFILE '/etc/passwd' INTO TABLE x;\n" + END, "has not: LOAD"),
	],
)
def test_what_cannot_be_loaded_is_told(text, said):
	with pytest.raises(AgentError, match=re.escape(said)):
		judged(text)


def test_one_database_that_is_chosen_by_name_is_no_fault():
	chosen = b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `one` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\nUSE `one`;\n"
	assert judged(MARIADB + chosen + APPS + END).apps


@pytest.mark.parametrize("pack", ["plain", "gz", "zst"])
def test_files_are_unpacked_whatever_they_are_called(pack, tmp_path):
	whole, path = MARIADB + APPS + END, tmp_path / "database.sql"
	path.write_bytes(_packed(whole, pack))
	assert dump.judge(path).size == len(whole)
	if pack != "plain":
		path.write_bytes(_packed(whole * 50, pack)[:-40])
		with pytest.raises(AgentError, match=r"cut off|middle of a statement"):
			dump.judge(path)
	path.write_bytes(b"")
	with pytest.raises(AgentError, match="has zero bytes"):
		dump.judge(path)


def _packed(text: bytes, pack: str) -> bytes:
	if pack == "gz":
		return gzip.compress(text)
	if pack == "zst":
		return subprocess.run(["zstd", "--stdout"], input=text, capture_output=True, check=True).stdout
	return text


def test_without_zstd_it_is_said_what_to_install(tmp_path, monkeypatch):
	path = Path(tmp_path / "database.sql.zst")
	path.write_bytes(b"\x28\xb5\x2f\xfd and more")
	monkeypatch.setenv("PATH", str(tmp_path))
	with pytest.raises(AgentError, match="packed by zstd") as told:
		dump.judge(path)
	assert "Install the package zstd" in told.value.hint


# -- rules -------------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


def quoted(text: str, raw: bool) -> str:
	"""A string of SQL: with its line ends as they are, or escaped as dump programs do."""
	text = text.replace("\\", "\\\\").replace("'", "\\'")
	return "'" + (text if raw else text.replace("\n", "\\n").replace("\r", "\\r")) + "'"


@st.composite
def rows(draw) -> str:
	values = draw(st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=4))
	return f"INSERT INTO `t` VALUES ({','.join(quoted(*value) for value in values)})"


COMMENTS = st.sampled_from(["", "-- it's; `not\n", '# a "comment;\n', "/* it's; */ "])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(COMMENTS, rows()), max_size=6))
def test_statements_end_where_they_end_whatever_strings_hold(pieces):
	text = "".join(f"{comment}{row};\n" for comment, row in pieces).encode()
	found = statements(text)
	assert [each[each.index(b"INSERT") :] for each in found] == [
		row.strip().encode() for _comment, row in pieces
	]


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_long_string_over_several_lines_is_read_once(quote):
	"""A minute is short of two to the power of 200 tries."""
	text = f"INSERT INTO `t` VALUES ({quote}{'long ' * 40}\\\\ \n{'more ' * 40}\n{quote});\n"
	code = (
		"import sys, io; from buildpro_saas.agent.dump_statements import Statements;"
		"print(len(list(Statements(io.BytesIO(sys.stdin.buffer.read())))))"
	)
	read = subprocess.run(
		[sys.executable, "-c", code], input=text.encode(), capture_output=True, timeout=60, check=True
	)
	assert read.stdout.strip() == b"1"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_dump_that_is_cut_off_anywhere_is_known(data):
	whole = MARIADB + APPS + VIEWS + END
	cut = data.draw(st.integers(0, len(whole) - len(END) + len(b"-- Dump complete")))
	with pytest.raises(AgentError):
		judged(whole[:cut])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_what_is_no_dump_is_never_taken_for_one(noise):
	with pytest.raises(AgentError):
		judged(noise)
