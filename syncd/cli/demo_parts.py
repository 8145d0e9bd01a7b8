"""The parts of the demo: its folder with configuration and secrets, and the child processes.

Owns: what is started here is stopped here, in the opposite order. Must not touch anything that it did not make.
"""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from syncd.errors import NeedsOperator, Unreachable
from syncd.shipped import folder
from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

ROWS = "accounts=1500,contacts=12k,deals=6k,events=1k,leads=20k,tasks=4k,audit_trail__c=3k"
TRAFFIC = "8/s"
_JOB_SECONDS = "0.6"
_DOWNLOADS = "6000"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_FOREIGN = ("SYNCD_", "PG", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")


def own_environment() -> dict[str, str]:
    """The environment without what would lead the demo to a real database or organisation."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


class Child:
    """One of syncd's own verbs as a child process: `name` for people, its output in a file of `place`.

    It is in a session of its own, so that a Ctrl-C in the terminal reaches only us, and it ends by itself when we are
    killed. To be used as a context.
    """

    def __init__(self, name: str, arguments: list[str], place: Path) -> None:
        self.name = name
        self._arguments = arguments
        self._place = place
        self._log = place / f"{arguments[0]}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own words)
                [sys.executable, "-m", "syncd", *self._arguments, "--with-parent"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._place,
                env=own_environment(),
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def check(self) -> None:
        """NeedsOperator, with the child's last words, when it has died."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise NeedsOperator(
                f"the demo's {self.name} has ended",
                where=f"exit code {code}",
                why=" | ".join(self.last_lines(4)) or "it said nothing",
                fix="start the demo again; if it happens again, report it with these lines",
            )

    def last_lines(self, number: int) -> list[str]:
        """The end of what the child printed."""
        return self._text().strip().splitlines()[-number:]

    def address(self, ended: threading.Event) -> str:
        """The URL that the child announces, waited for."""
        deadline = time.monotonic() + _START_SECONDS
        while not ended.wait(0.02) and time.monotonic() < deadline:
            if found := _ADDRESS.search(self._text()):
                return found[0]
            self.check()
        raise Unreachable(f"the demo's {self.name} did not come up", fix="start the demo again")

    def _text(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")


def simulator(place: Path) -> Child:
    """The simulated Zoho with live traffic, on any free port."""
    options = {
        "--port": "0",
        "--rows": ROWS,
        "--traffic": TRAFFIC,
        "--job-seconds": _JOB_SECONDS,
        "--downloads-per-minute": _DOWNLOADS,
    }
    return Child("simulated Zoho", ["simulator", *(word for pair in options.items() for word in pair)], place)


def daemon(config: Path) -> Child:
    """The daemon on the demo's configuration."""
    return Child("daemon", ["run", "--config", str(config)], config.parent)


def write_config(place: Path, *, url: str, dsn: str, page: str) -> Path:
    """Write the demo's configuration and secrets into a folder: config/demo.toml with addresses of this moment."""
    for name, secret in (("zoho-client-secret", CLIENT_SECRET), ("zoho-refresh-token", REFRESH_TOKEN)):
        (place / name).touch(mode=0o600, exist_ok=False)
        (place / name).write_text(f"{secret}\n", encoding="utf-8")
    text = (folder("config") / "demo.toml").read_text(encoding="utf-8")
    config = place / "demo.toml"
    config.write_text(filled_in(text, replacements(url=url, dsn=dsn, page=page)), encoding="utf-8")
    return config


def replacements(*, url: str, dsn: str, page: str) -> Mapping[str, str]:
    """What stands in config/demo.toml, each once, and what the demo writes instead."""
    return {
        'accounts_url = "http://127.0.0.1:8700"': f'accounts_url = "{url}"',
        'api_url = "http://127.0.0.1:8700"': f'api_url = "{url}"',
        f'client_id = "{CLIENT_ID}"': f'client_id = "{CLIENT_ID}"\n'
        'client_secret_file = "zoho-client-secret"\nrefresh_token_file = "zoho-refresh-token"',
        'dsn = "postgresql:///syncd_demo"': f'dsn = "{dsn}"',
        'listen = "127.0.0.1:8642"': f'listen = "{page}"',
        "[modules]": '[storage]\nstate_dir = "state"\n\n[modules]',
    }


def filled_in(text: str, changes: Mapping[str, str]) -> str:
    """The text with each line of `changes` replaced; ValueError unless each stands there exactly once."""
    lines = text.splitlines()
    for old in changes:
        if lines.count(old) != 1:
            raise ValueError(f"config/demo.toml should have one line {old!r}")
    return "\n".join(changes.get(line, line) for line in lines) + "\n"


def free_port(wanted: int) -> int:
    """`wanted` if nothing listens there on 127.0.0.1, else some port that is free."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unreachable("no port is free on 127.0.0.1")
