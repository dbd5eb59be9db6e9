"""The line at the end of a backup's database, as it streams by in blocks of any length."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent import backup_end
from buildpro_saas.agent.backup_facts import About
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import App, Manifest

# data may have what looks like the line, whole or in part
PIECES = (
	b"insert into x values (1);\n",
	backup_end.BEGINS,
	backup_end.BEGINS[:9],
	b"\n",
	b"{}\n",
	b"x" * 300,
)


def about(sql: bytes) -> About:
	manifest = Manifest({"tabNote": [2, 77]}, "a-digest", len(sql))
	digest = hashlib.sha256(sql).hexdigest()
	return About("acme.localhost", "_db", manifest, {}, [App("frappe", "15.0.0")], len(sql), digest)


def follow(stream: bytes, length: int) -> About:
	follower = backup_end.Follower()
	for at in range(0, len(stream), length):
		follower.take(stream[at : at + length])
	return follower.end("aa" * 8)


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(1, 700))
def test_it_is_found_however_the_stream_is_cut(pieces, length):
	sql = b"".join(pieces)
	told = about(sql)
	assert follow(sql + backup_end.line_of(told), length) == told


@given(st.sampled_from(PIECES), st.integers(1, 700))
def test_a_stream_that_is_cut_off_or_was_changed_is_told(piece, length):
	whole = piece + backup_end.line_of(about(piece))
	for stream in (whole[:-1], piece, b""):
		with pytest.raises(AgentError, match=r"no end mark|cannot be read"):
			follow(stream, length)
	with pytest.raises(AgentError, match="not what was written"):
		follow(b"--" + whole, length)


def test_what_only_looks_like_the_line_is_not_kept(monkeypatch):
	monkeypatch.setattr(backup_end, "LONGEST", 1000)
	sql = backup_end.BEGINS + b"y" * 5000
	assert follow(sql + backup_end.line_of(about(sql)), 64) == about(sql)
