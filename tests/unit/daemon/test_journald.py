"""The journal's protocol, spoken to a real datagram socket that stands for journald."""

import array
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.daemon.journald import Journal, datagram, field_name, reaches_journal


def parse(content: bytes) -> dict[str, bytes]:
    """The fields of an entry, read as the protocol's page says."""
    fields: dict[str, bytes] = {}
    while content:
        line, _, rest = content.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if equals:
            content = rest
        else:
            size = int.from_bytes(rest[:8], "little")
            value, content = rest[8 : 8 + size], rest[8 + size :]
            assert content[:1] == b"\n"
            content = content[1:]
        fields[name.decode()] = value
    return fields


class Journald:
    """A socket that is read like journald's, entries in sealed files included."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.bind(str(path))

    def entry(self) -> dict[str, str]:
        content, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _level, kind, rights in ancillary:
            assert kind == socket.SCM_RIGHTS
            (number,) = array.array("i", rights)
            assert fcntl.fcntl(number, fcntl.F_GET_SEALS) & fcntl.F_SEAL_WRITE  # journald maps no file that may change
            with os.fdopen(number, "rb") as file:
                file.seek(0)
                content += file.read()
        return {name: value.decode() for name, value in parse(content).items()}


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    running = Journald(tmp_path / "socket")
    with closing(running.socket):
        yield running


names = st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True)


@given(st.dictionaries(names, st.text(st.characters(codec="utf-8")), max_size=5))
def test_whatever_is_sent_is_read_back(fields: dict[str, str]) -> None:
    assert {name: value.decode() for name, value in parse(datagram(fields)).items()} == fields


def test_an_entry_arrives(journald: Journald) -> None:
    with closing(Journal(journald.path)) as journal:
        journal.send({"MESSAGE": "two\nlines", "PRIORITY": "3", "SYNCD_MODULE": "Leads"})
    assert journald.entry() == {"MESSAGE": "two\nlines", "PRIORITY": "3", "SYNCD_MODULE": "Leads"}


def test_an_entry_too_large_for_a_datagram_arrives_whole(journald: Journald) -> None:
    text = "é" * 500_000
    before = len(list(Path("/proc/self/fd").iterdir()))
    with closing(Journal(journald.path)) as journal:
        journal.send({"MESSAGE": text, "PRIORITY": "3"})
        journal.send({"MESSAGE": "small"})
    assert journald.entry() == {"MESSAGE": text, "PRIORITY": "3"}
    assert journald.entry() == {"MESSAGE": "small"}
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_text_that_is_no_unicode_is_sent_nevertheless(journald: Journald) -> None:
    with closing(Journal(journald.path)) as journal:
        journal.send({"MESSAGE": "lone \ud800 surrogate"})
    assert journald.entry() == {"MESSAGE": "lone \\ud800 surrogate"}


def test_a_journal_that_is_gone_or_full_is_an_error_at_once(journald: Journald) -> None:
    def fill(journal: Journal) -> None:
        for _ in range(100_000):
            journal.send({"MESSAGE": "x" * 1000})

    with closing(Journal(journald.path)) as journal:
        with pytest.raises(BlockingIOError):
            fill(journal)
        journald.socket.close()
        with pytest.raises(ConnectionRefusedError):
            journal.send({"MESSAGE": "x"})
        journald.path.unlink()
        with pytest.raises(FileNotFoundError):
            journal.send({"MESSAGE": "x"})


@given(st.text(max_size=100))
def test_field_names_are_the_journals(key: str) -> None:
    name = field_name(key)
    assert name.startswith("SYNCD_")
    assert len(name) <= 64
    assert all(sign.isascii() and (sign.isupper() or sign.isdecimal() or sign == "_") for sign in name)


def test_stderr_is_the_journal_only_if_it_is_that_stream(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream, (tmp_path / "other").open("w") as other:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert reaches_journal(environ, stream.fileno())
        assert not reaches_journal(environ, other.fileno())
        assert not reaches_journal({}, stream.fileno())
    assert not reaches_journal(environ, -1)
