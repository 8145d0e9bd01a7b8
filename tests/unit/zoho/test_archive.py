"""The spool: what an archive must be before a byte of it counts."""

import io
import os
import stat
import struct
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import BadArchive, NeedsOperator
from syncd.sync.ports import Archives
from syncd.zoho.archive import BLOCK, ArchiveLimits, Spool

ROWS = b"Id,Last_Name\n" + b"".join(b"%d,Doe\n" % number for number in range(60_000))


def zipped(content: bytes, name: str = "1.csv", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr(name, content)
    return target.getvalue()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def put(spool: Spool, content: bytes, job: str = "1") -> Path:
    path = spool.path(job)
    path.write_bytes(content)
    return path


def test_it_satisfies_the_port_of_a_run(spool: Spool) -> None:
    archives: Archives = spool
    assert archives.path("17").name == "17.zip"


def test_the_directory_is_private_and_a_shared_one_is_refused(tmp_path: Path) -> None:
    Spool(tmp_path / "a" / "spool")
    assert stat.S_IMODE((tmp_path / "a" / "spool").stat().st_mode) == 0o700
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(NeedsOperator, match="spool cannot be used"):
        Spool(tmp_path / "shared")
    (tmp_path / "file").write_text("")
    with pytest.raises(NeedsOperator):
        Spool(tmp_path / "file" / "spool")


@pytest.mark.parametrize("job", ["", "../x", "1/2", "x", "1.zip"])
def test_a_path_is_made_of_digits(spool: Spool, job: str) -> None:
    with pytest.raises(ValueError, match="not a job id"):
        spool.path(job)


@pytest.mark.parametrize("name", ["1.csv", "whatever.ics", "../../etc/passwd", "/abs", "a/b/c"])
def test_the_member_comes_in_blocks_whatever_its_name(spool: Spool, name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    path = put(spool, zipped(ROWS, name))
    blocks = list(spool.blocks(path))
    assert b"".join(blocks) == ROWS
    assert {len(block) for block in blocks[:-1]} <= {BLOCK}
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_it_may_be_read_again(spool: Spool) -> None:
    contents = spool.blocks(put(spool, zipped(ROWS)))
    first = next(iter(contents))  # given up half way, as a loader does that needs another way
    assert b"".join(contents) == ROWS
    assert b"".join(contents).startswith(first)


@given(st.binary(max_size=3000), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_any_content_comes_out_unchanged(tmp_path_factory: pytest.TempPathFactory, content: bytes, method: int) -> None:
    spool = Spool(tmp_path_factory.getbasetemp() / "any")
    assert b"".join(spool.blocks(put(spool, zipped(content, method=method)))) == content


def two_members() -> bytes:
    target = io.BytesIO(zipped(ROWS))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("2.csv", "x")
    return target.getvalue()


def flipped() -> bytes:
    content = bytearray(zipped(ROWS))
    content[len(content) // 2] ^= 0x40
    return bytes(content)


def lying(size: int) -> bytes:
    """An archive whose directory declares another size of the member than there is."""
    content = bytearray(zipped(ROWS))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", size)
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(zipped(ROWS))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 8] |= 1
    content[6] |= 1
    return bytes(content)


BAD = {
    "empty file": b"",
    "html": b"<html>We are sorry</html>",
    "json": b'{"code": "INTERNAL_ERROR"}',
    "csv": ROWS,
    "half": zipped(ROWS)[:-2000],
    "first half": zipped(ROWS)[: len(zipped(ROWS)) // 2],
    "no members": b"PK\x05\x06" + bytes(18),
    "two members": two_members(),
    "junk before": b"junk" + zipped(ROWS),
    "zip before": zipped(b"other", "2.csv") + zipped(ROWS),
    "flipped bit": flipped(),
    "declares less": lying(1000),
    "declares more": lying(len(ROWS) + 1000),
    "encrypted": encrypted(),
    "bzip2": zipped(ROWS, method=zipfile.ZIP_BZIP2),
    "lzma": zipped(ROWS, method=zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_must_not_be_loaded(spool: Spool, name: str) -> None:
    path = put(spool, BAD[name])
    with pytest.raises(BadArchive) as caught:
        for _ in spool.blocks(path):
            pass
    assert caught.value.where == str(path)
    assert caught.value.why


def test_a_file_that_is_not_there(spool: Spool) -> None:
    with pytest.raises(BadArchive, match="not there"):
        next(iter(spool.blocks(spool.path("1"))))


def test_a_bomb_is_refused_before_it_is_read(spool: Spool) -> None:
    bomb = put(spool, zipped(bytes(64 * 1024**2)))
    with pytest.raises(BadArchive, match="no table is that repetitive"):
        next(iter(spool.blocks(bomb)))
    small = put(spool, zipped(bytes(1024**2)), "2")
    assert sum(map(len, spool.blocks(small))) == 1024**2


def test_a_repetitive_table_is_no_bomb(tmp_path: Path) -> None:
    """Rows that differ in id alone, with five columns of the same boilerplate."""
    line = b",yes,%s,none,none,\n" % (b"The same remark in every row, as a form letter leaves it. " * 6)
    rows = b"Id,A,B,C,D,E\n" + b"".join(b"41508680000%08d%s" % (number, line) for number in range(60_000))
    path = tmp_path / "1.zip"
    path.write_bytes(zipped(rows))
    spool = Spool(tmp_path, limits=ArchiveLimits(small=1024**2))
    assert sum(map(len, spool.blocks(path))) == len(rows)


def test_a_member_over_the_cap_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", limits=ArchiveLimits(most_bytes=1000))
    with pytest.raises(BadArchive, match="1000 are allowed"):
        next(iter(spool.blocks(put(spool, zipped(ROWS)))))


def test_memory_does_not_grow_with_the_member(spool: Spool) -> None:
    import tracemalloc

    path = put(spool, zipped(bytes(range(256)) * 80_000))
    tracemalloc.start()
    try:
        for _ in spool.blocks(path):
            pass
        assert tracemalloc.get_traced_memory()[1] < 4 * BLOCK
    finally:
        tracemalloc.stop()


def test_held_and_discarded(spool: Spool) -> None:
    assert not spool.held("1")
    path = put(spool, zipped(ROWS))
    assert spool.held("1")
    spool.discard(path)
    spool.discard(path)
    assert not spool.held("1")


WRITER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_sweep_takes_what_nobody_wants_any_more(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", clock=lambda: 1_000_000.0)
    old, young, foreign = put(spool, b"x", "1"), put(spool, b"x", "2"), spool.path("1").with_name("notes.zip")
    foreign.write_bytes(b"x")
    for path, age in ((old, 3), (young, 1), (foreign, 3)):
        stamp = 1_000_000.0 - timedelta(days=age).total_seconds()
        os.utime(path, (stamp, stamp))
    orphan = old.with_name(".3.zip.part-0a0b")
    orphan.write_bytes(b"x")
    busy = old.with_name(".4.zip.part-0c0d")
    command = [sys.executable, "-c", WRITER, str(busy)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"locked\n"
        assert spool.sweep() == 2
        assert sorted(path.name for path in old.parent.iterdir()) == [".4.zip.part-0c0d", "2.zip", "notes.zip"]
    assert spool.sweep() == 1
    assert not busy.exists()
