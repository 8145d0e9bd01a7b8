"""Private files that survive a restart."""

import stat
import threading
from pathlib import Path

import pytest

from syncd.errors import NeedsOperator
from syncd.zoho.state_file import StateFile


def test_it_is_written_private_and_read_back(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state" / "token.json")
    assert file.read() == {}
    file.write({"a": 1})
    file.write({"a": 2})
    assert file.read() == {"a": 2}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert list(file.path.parent.iterdir()) == [file.path]  # no temporary file stays


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = StateFile(tmp_path / "token.json")
    file.write({"a": 1})
    file.path.chmod(mode)
    with pytest.raises(NeedsOperator, match="open to other users") as caught:
        file.read()
    assert "chmod 600" in caught.value.fix


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("{}")
    target.chmod(0o600)
    (tmp_path / "token.json").symlink_to(target)
    with pytest.raises(NeedsOperator):
        StateFile(tmp_path / "token.json").read()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xff", b"[" * 100_000])
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    file = StateFile(tmp_path / "token.json")
    file.write({})
    file.path.write_bytes(content)
    assert file.read() == {}


def test_a_place_that_cannot_be_written_needs_the_operator(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = StateFile(tmp_path / "file" / "token.json")
    with pytest.raises(NeedsOperator, match="cannot be used"):
        file.write({})
    with pytest.raises(NeedsOperator, match="cannot be used"), file.locked(lambda _: None):
        pass


def test_the_lock_lets_one_in_and_calls_wait_for_the_others(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "token.json")
    waited = threading.Event()
    inside = threading.Event()

    def other() -> None:
        with StateFile(file.path).locked(lambda _: waited.set()):
            inside.set()

    with file.locked(lambda _: None):
        thread = threading.Thread(target=other)
        thread.start()
        assert waited.wait(5)
        assert not inside.is_set()
    assert inside.wait(5)
    thread.join(5)


def test_a_drain_while_waiting_for_the_lock_comes_through(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "token.json")

    def draining(_: float) -> None:
        raise InterruptedError

    with (
        file.locked(lambda _: None),
        pytest.raises(InterruptedError),
        StateFile(file.path).locked(draining),
    ):
        pass


def test_writers_of_one_process_do_not_trip_over_each_other(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "token.json")

    def write(number: int) -> None:
        for _ in range(20):
            file.write({"n": number})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert file.read()["n"] in range(4)
    assert list(tmp_path.iterdir()) == [file.path]


def test_a_sibling_lies_beside_it(tmp_path: Path) -> None:
    assert StateFile(tmp_path / "zoho-token-a.json").sibling("credits").path == tmp_path / "zoho-token-a-credits.json"
