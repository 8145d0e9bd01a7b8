"""`syncd init`: from nothing to a configuration that syncs, and nothing written when something does not work."""

import io
import json
import os
import pty
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.simulator import CLIENT_ID, CLIENT_SECRET
from tests.command import Desk, Ran, desk, environ, ran
from tests.rig import environment


@pytest.fixture
def at(tmp_path: Path, dsn: str) -> Iterator[Desk]:
    with desk(tmp_path, dsn) as made:
        yield made


def fresh(at: Desk) -> Path:
    """A folder for a new configuration."""
    folder = at.folder / "new"
    folder.mkdir()
    (at.folder / "secret").write_text(CLIENT_SECRET)
    return folder


def code(at: Desk) -> str:
    return at.sim.accounts.issue_code(at.sim.clock.timestamp())


def init(at: Desk, folder: Path, *arguments: str, **changes: str) -> Ran:
    """Run init with every option, some of them changed or (with '') left out."""
    (at.folder / "code").write_text(changes.pop("code", "") or code(at))
    options = {
        "folder": str(folder),
        "accounts_url": at.url,
        "api_url": at.url,
        "client_id": CLIENT_ID,
        "client_secret_file": str(at.folder / "secret"),
        "code_file": str(at.folder / "code"),
        "dsn": at.dsn,
        "modules": "contacts, Deals",
    } | changes
    words = [word for name, value in options.items() if value for word in (f"--{name.replace('_', '-')}", value)]
    plain = {name: value for name, value in environment().items() if not name.startswith("SYNCD_")}
    with environ(plain | {"HOME": str(at.folder)}):
        return ran("init", *words, *arguments)


def test_it_writes_a_configuration_that_syncs(at: Desk) -> None:
    folder = fresh(at)
    told = init(at, folder)
    assert told.code == 0, told.out + told.err
    assert f"wrote {folder / 'syncd.toml'}" in told.out
    text = (folder / "syncd.toml").read_text()
    assert 'Contacts = "15m"\nDeals = "15m"\n' in text
    assert CLIENT_SECRET not in text + told.out + told.err
    assert sorted(path.name for path in folder.iterdir()) == ["credentials", "syncd.toml"]
    for secret in (folder / "credentials").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with environ({"HOME": str(at.folder), "PATH": os.environ["PATH"]}):
        assert ran("--config", str(folder), "sync").code == 0
        assert ran("--config", str(folder / "syncd.toml"), "check").code == 0


def test_a_configuration_that_is_there_is_left_alone(at: Desk) -> None:
    folder = fresh(at)
    (folder / "syncd.toml").write_text("mine")
    told = init(at, folder)
    assert told.code == 78
    assert "there is a configuration already\n    fix: edit it, or write over it: --force" in told.err
    assert (folder / "syncd.toml").read_text() == "mine"
    assert init(at, folder, "--force").code == 0


@pytest.mark.parametrize(
    ("changes", "exit_code", "said"),
    [
        ({"code": "1000.stale.code"}, 77, "a code lives minutes and works once"),
        ({"client_id": "1000.SOMEONEELSE"}, 77, "check client_id"),
        ({"dsn": "postgresql://127.0.0.1:1/crm"}, 69, "fix: see that the server runs"),
        ({"dsn": "postgresql://me:secret@127.0.0.1/crm"}, 78, "a password does not belong into it"),
        ({"modules": "Contcats,Home"}, 78, "did you mean Contacts"),
        ({"accounts_url": "", "api_url": "", "data_center": "mars"}, 78, "'mars' is none of Zoho's data centers"),
        ({"accounts_url": "http://127.0.0.1:1"}, 69, "fix: "),
        ({"client_id": ""}, 2, "--client-id is missing, and there is no terminal to ask on\nfix: give --client-id"),
    ],
)
def test_what_does_not_work_leaves_nothing_behind(
    at: Desk, changes: dict[str, str], exit_code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    folder = fresh(at)
    told = init(at, folder, **changes)
    assert told.code == exit_code, told.out + told.err
    assert said in told.err
    assert list(folder.iterdir()) == []
    assert CLIENT_SECRET not in told.out + told.err


def test_errors_are_json_when_asked_for(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    told = init(at, fresh(at), code="1000.stale.code")
    assert told.code == 77
    with environ({"HOME": str(at.folder)}):
        document = json.loads(ran("init", "--json").err)
    assert document["error"]["exit_code"] == 2


@pytest.mark.process
def test_at_a_terminal_it_asks_and_asks_again(at: Desk) -> None:
    """A wrong code and a wrong module are told, and asked for once more; secrets are not shown."""
    folder = fresh(at)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "syncd", "init", "--accounts-url", at.url, "--api-url", at.url]
    plain = {name: value for name, value in environment().items() if not name.startswith("SYNCD_")}
    process = subprocess.Popen(
        [*command, "--folder", str(folder)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=plain | {"HOME": str(at.folder), "TERM": "dumb"},
        cwd=at.folder,
        start_new_session=True,
    )
    os.close(slave)
    screen = _Screen(master)
    answers = [
        ("Client ID: ", CLIENT_ID),
        ("Client secret: ", CLIENT_SECRET),
        ("Code: ", "1000.stale.code"),
        ("Client ID: ", CLIENT_ID),
        ("Client secret: ", CLIENT_SECRET),
        ("Code: ", code(at)),
        ("PostgreSQL [postgresql:///crm]: ", at.dsn),
        ("Which [", "Contcats"),
        ("Which [", ""),
    ]
    for question, answer in answers:
        screen.until(question)
        os.write(master, f"{answer}\n".encode())
    assert process.wait(60) == 0, screen.text
    screen.close()
    assert "a code lives minutes and works once" in screen.text
    assert "did you mean Contacts" in screen.text
    assert CLIENT_SECRET not in screen.text
    assert re.search(r'Leads = "15m"\nContacts = "15m"', (folder / "syncd.toml").read_text())


class _Screen:
    """What a pseudo terminal has shown; a thread reads it, so that the program never waits for a reader."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._shown = ""
        self._seen = 0
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def text(self) -> str:
        return self._shown.replace("\r\n", "\n")

    def until(self, words: str) -> None:
        """Wait until `words` are shown behind what was waited for before."""
        with self._more:
            found = self._more.wait_for(lambda: words in self._shown[self._seen :], 60)
            assert found, self._shown
            self._seen = self._shown.index(words, self._seen) + len(words)

    def close(self) -> None:
        self._reader.join(10)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 4096)
            except OSError:  # the last process on the terminal has ended
                return
            with self._more:
                self._shown += piece.decode(errors="replace")
                self._more.notify_all()
