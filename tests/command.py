"""What tests of the command line share: an organisation to run it on, and the command in this process or in its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.cli import main
from syncd.simulator import Config, Simulator
from tests.rig import environment, write_config

ROWS = {"Contacts": 60, "Deals": 40}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """Its stdout, read as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Desk:
    """A simulated organisation, a database, and a configuration that names both."""

    sim: Simulator
    url: str
    dsn: str
    folder: Path
    config: Path

    def configure(self, modules: Mapping[str, str] | None = None, **others: Any) -> Path:
        """Write the configuration anew; `others` are those of `write_config`."""
        given = {"url": self.url, "dsn": self.dsn, "defaults": {"settle": "0.5s", "overlap": "2s"}, **others}
        given["defaults"] = {"poll": "0.02s..0.1s", **given["defaults"]}
        given["zoho"] = {"downloads_per_minute": 10_000, **given.get("zoho", {})}
        return write_config(self.folder, modules=modules or dict.fromkeys(ROWS, '"15m"'), **given)

    def run(self, *arguments: str) -> Ran:
        """Run a command line in this process, through the same boundary as the console script."""
        with environ(environment() | {"SYNCD_CONFIG": str(self.config), "HOME": str(self.folder)}):
            return ran(*arguments)

    def process(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command line as a process of its own; to be waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "syncd", *arguments],
            env=environment() | {"SYNCD_CONFIG": str(self.config)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def ran(*arguments: str) -> Ran:
    """Run a command line in this process and catch what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.run(arguments)
    return Ran(code, out.getvalue(), err.getvalue())


@contextmanager
def environ(variables: Mapping[str, str]) -> Iterator[None]:
    """This process's environment is these variables for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def desk(folder: Path, dsn: str, config: Config | None = None) -> Iterator[Desk]:
    """A desk with the configuration of ROWS, its simulator serving."""
    sim = Simulator(config or Config(rows=ROWS, downloads_per_minute=10_000))
    with sim.serve() as url:
        made = Desk(sim, url, dsn, folder, folder / "syncd.toml")
        made.configure()
        yield made
