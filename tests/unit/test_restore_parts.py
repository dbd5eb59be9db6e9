"""What a restore decides without a bench: which files are a backup, which version is newer, what the server lacks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent.backup_folder import BackupFolder
from buildpro_saas.agent.dump import piece
from buildpro_saas.agent.dump_rewriting import rewritten, unknown_collations
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.judgement import version_of
from buildpro_saas.agent.row_size import widest_columns

KNOWN = {"utf8mb4_unicode_ci", "utf8mb4_bin", "utf8mb3_general_ci"}


# -- a backup's folder -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("names", "archives"),
	[
		(
			("database.sql", "private/", "public/", "site_config.json"),
			{"private": "private", "public": "public"},
		),
		(("database.sql.zst", "private.tar.zst", "site_config.json"), {"private": "private.tar.zst"}),
		(
			(
				"20270101_000000-acme-database.sql.gz",
				"20270101_000000-acme-files.tar",
				"20270101_000000-acme-private-files.tgz",
				"20270101_000000-acme-site_config_backup.json",
			),
			{
				"private": "20270101_000000-acme-private-files.tgz",
				"public": "20270101_000000-acme-files.tar",
			},
		),
	],
)
def test_the_parts_of_a_backup_by_their_names(names, archives, tmp_path):
	for name in names:
		(tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text(
			json.dumps({"encryption_key": "key", "buildpro_tenant": "acme"})
		)
	found = BackupFolder(str(tmp_path))
	assert found.dump.name == names[0] and found.encryption_key == "key" and found.tenant == "acme"
	assert {part: each.path.name for part, each in found.archives().items()} == archives
	assert found.manifest is None


@pytest.mark.parametrize(
	("files", "said"),
	[
		({}, "There is no backup in"),
		({"notes.txt": ""}, "There is no backup in"),
		(
			{"database.sql": "", "a-database.sql.gz": ""},
			"more than one dump of a database: a-database.sql.gz, database.sql",
		),
		({"a-database-enc.sql.gz": ""}, "is encrypted by the framework"),
		({"database.sql": "", "site_config.json": "{"}, "site_config.json of the backup cannot be read"),
		({"database.sql": "", "manifest.json": "[1]"}, "manifest.json of the backup cannot be read"),
		({"database.sql": "", "manifest.json": '{"tables": 1}'}, "not what a backup writes"),
	],
)
def test_a_folder_that_is_no_backup_is_told(files, said, tmp_path):
	for name, content in files.items():
		(tmp_path / name).write_text(content)
	with pytest.raises(AgentError, match=said):
		found = BackupFolder(str(tmp_path))
		assert found.encryption_key is None or found.manifest
		assert found.manifest


# -- versions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("older", "newer"),
	[
		("14.9.1", "15.0.0"),
		("15.2.0", "15.10.0"),
		("0.0.1", "0.0.2"),
		("15.1.0-dev", "15.1.1-dev"),
		("", "1"),
	],
)
def test_which_version_is_newer(older, newer):
	assert version_of(older) < version_of(newer)


@pytest.mark.parametrize(
	("one", "other"), [("15.0.0", "15.0.0-dev"), ("15", "15.0.0"), ("v15.1.0", "15.1.0+commit.5")]
)
def test_what_stands_behind_three_numbers_does_not_count(one, other):
	assert version_of(one) == version_of(other)


@given(st.text(max_size=20))
def test_any_text_is_some_version(text):
	assert len(version_of(text)) == 3


# -- what the server lacks ---------------------------------------------------------------------------------------------


def sent(statement: bytes) -> bytes:
	return rewritten(statement, piece(statement), KNOWN)


def test_a_collation_that_the_server_lacks_becomes_the_framework_s():
	assert unknown_collations(["utf8mb4_0900_ai_ci", "utf8mb4_unicode_ci", "utf8mb4_0900_bin"], KNOWN) == {
		"utf8mb4_0900_ai_ci": "utf8mb4_unicode_ci",
		"utf8mb4_0900_bin": "utf8mb4_bin",
	}
	table = b"CREATE TABLE `a` (`b` text COLLATE utf8mb4_uca1400_ai_ci) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"
	assert sent(table) == table.replace(b"utf8mb4_uca1400_ai_ci", b"utf8mb4_unicode_ci").replace(
		b"utf8mb4_0900_ai_ci", b"utf8mb4_unicode_ci"
	)
	assert sent(b"CREATE TABLE `a` (`b` text COLLATE utf8_general_ci)").endswith(b"utf8mb3_general_ci)")
	with pytest.raises(AgentError, match="has the collation big5_odd_ci, which the server lacks"):
		sent(b"CREATE TABLE `a` (`b` text COLLATE big5_odd_ci)")


def test_rows_are_sent_as_they_are():
	rows = b"INSERT INTO `a` VALUES ('collate utf8mb4_0900_ai_ci, definer=`a`@`b`')"
	assert sent(rows) == rows


@pytest.mark.parametrize(
	"definer",
	[b"`root`@`localhost`", b"'gone'@'%'", b"`a b`@`10.0.0.1`", b"root@localhost", b"CURRENT_USER()"],
)
def test_whoever_defined_it_it_is_the_site_s_own(definer):
	trigger = (
		b"CREATE DEFINER="
		+ definer
		+ b" TRIGGER `t` BEFORE INSERT ON `a` FOR EACH ROW SET NEW.b = 'definer=`x`@`y`'"
	)
	assert sent(trigger) == (
		b"CREATE DEFINER=CURRENT_USER TRIGGER `t` BEFORE INSERT ON `a` FOR EACH ROW SET NEW.b = 'definer=`x`@`y`'"
	)


def test_the_widest_columns_of_a_table():
	table = b"""CREATE TABLE `a` (
  `name` varchar(140) NOT NULL,
  `wide` varchar(9000) DEFAULT NULL,
  `old` varchar(9000) CHARACTER SET latin1 DEFAULT NULL,
  `text` longtext
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"""
	assert widest_columns(table) == [("wide", 36000), ("old", 9000), ("name", 560)]
