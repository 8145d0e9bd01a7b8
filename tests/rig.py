"""What tests of the whole share: a configuration pointing at a simulator and a database, and a fleet from it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from syncd.bootstrap.fleet import Fleet, threads_for
from syncd.core.model import Job, LoadCounts, Run, StreamKey
from syncd.settings.load import load
from syncd.settings.settings import Settings
from syncd.simulator import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from syncd.sync.ports import Observer, Pause, RunOutcome

CONFIG = """
{top}
[zoho]
accounts_url = "{url}"
api_url = "{url}"
client_id = "{client_id}"
{zoho}
[postgres]
dsn = "{dsn}"
[defaults]
{defaults}
[modules]
{modules}
[web]
listen = "{web}"
[storage]
state_dir = "{state}"
"""


def write_config(
    folder: Path,
    *,
    url: str,
    dsn: str,
    modules: Mapping[str, str],
    defaults: Mapping[str, str] | None = None,
    zoho: Mapping[str, object] | None = None,
    top: str = "",
    web: str = "",
) -> Path:
    """Write syncd.toml into `folder` and return its path; values of `modules` are TOML, those of the others strings."""
    pairs = {key: f'"{value}"' if isinstance(value, str) else value for key, value in (zoho or {}).items()}
    path = folder / "syncd.toml"
    path.write_text(
        CONFIG.format(
            top=top,
            url=url,
            dsn=dsn,
            client_id=CLIENT_ID,
            zoho="\n".join(f"{key} = {value}" for key, value in pairs.items()),
            defaults="\n".join(f'{key} = "{value}"' for key, value in (defaults or {}).items()),
            modules="\n".join(f"{name} = {value}" for name, value in modules.items()),
            web=web,
            state=folder / "state",
        )
    )
    return path


def environment() -> dict[str, str]:
    """The variables that carry the simulator's credentials, and nothing of this process's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCD_", "PG"))}
    return kept | {"SYNCD_ZOHO__CLIENT_SECRET": CLIENT_SECRET, "SYNCD_ZOHO__REFRESH_TOKEN": REFRESH_TOKEN}


def settings_of(path: Path) -> tuple[Settings, ...]:
    """Read a configuration that `write_config` wrote."""
    return load(path, environment())


class Outcomes:
    """An observer that remembers how passes ended."""

    def __init__(self) -> None:
        self.ended: list[RunOutcome] = []

    def run_started(self, run: Run, jobs: int) -> None: ...

    def job_moved(self, run: Run, job: Job) -> None: ...

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None: ...

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None: ...

    def run_finished(self, outcome: RunOutcome) -> None:
        self.ended.append(outcome)


@contextmanager
def fleet_of(path: Path, pause: Pause, observer: Observer | None = None) -> Iterator[Fleet]:
    """The fleet of a configuration file, with its threads."""
    configured = settings_of(path)
    with (
        threads_for(configured) as executor,
        Fleet(configured, pause=pause, observer=observer or Outcomes(), executor=executor) as fleet,
    ):
        yield fleet
