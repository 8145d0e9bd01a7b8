"""The unit file: what systemd says of it where there is one, and what it must say everywhere."""

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from syncd import shipped
from syncd.core.limits import GRANTS_PER_TEN_MINUTES
from syncd.daemon.plan import Patience
from syncd.errors import ConfigWrong, GrantRefused
from syncd.settings.credentials import KINDS
from syncd.settings.places import SYSTEM

Unit = Mapping[str, Mapping[str, Sequence[str]]]
ANALYZE = shutil.which("systemd-analyze") or ""
needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed here")


@pytest.fixture
def file() -> Path:
    return shipped.folder("systemd") / "syncd.service"


@pytest.fixture
def unit(file: Path) -> Unit:
    return parse(file.read_text())


def parse(text: str) -> Unit:
    """Sections and their directives; each directive has the values of all its lines (systemd.syntax(7))."""
    sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        name, equals, value = line.partition("=")
        assert equals, line
        assert not value.endswith("\\"), "this parser knows no continued lines"
        sections[section][name].append(value)
    return sections


def seconds(unit: Unit, section: str, name: str) -> int:
    (value,) = unit[section][name]
    return int(value)


@needs_systemd
def test_systemd_calls_it_safe(file: Path) -> None:
    """`--threshold=15` means 1.5 on the scale from 0 (safe) to 10."""
    command = [ANALYZE, "security", "--offline=true", "--threshold=15", "--no-pager", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@needs_systemd
def test_systemd_understands_every_line(file: Path, tmp_path: Path) -> None:
    # What it starts is not installed where the tests run; all else is as shipped.
    copy = tmp_path / "syncd.service"
    copy.write_text(file.read_text().replace("/opt/syncd/bin/syncd", shutil.which("true") or "/bin/true"))
    done = subprocess.run([ANALYZE, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False)
    complaints = [line for line in done.stderr.splitlines() if "syncd" in line]
    assert (done.returncode, complaints) == (0, [])


def test_no_directive_is_said_twice(unit: Unit) -> None:
    lists = {"LoadCredential", "SystemCallFilter"}
    assert set(unit) == {"Unit", "Service", "Install"}
    for directives in unit.values():
        assert [name for name, values in directives.items() if len(values) > 1 and name not in lists] == []


def test_it_starts_what_the_command_line_has(unit: Unit) -> None:
    (command,) = unit["Service"]["ExecStart"]
    assert command == f"/opt/syncd/bin/syncd --config {SYSTEM} run"
    assert unit["Service"]["Type"] == ["notify"]
    assert unit["Service"]["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_a_stop_has_time_to_drain(unit: Unit) -> None:
    assert seconds(unit, "Service", "TimeoutStopSec") > Patience().drain
    assert seconds(unit, "Service", "WatchdogSec") >= 2 * Patience().watch


def test_no_restart_repeats_what_only_a_person_can_mend(unit: Unit) -> None:
    (listed,) = unit["Service"]["RestartPreventExitStatus"]
    assert {int(code) for code in listed.split()} == {2, GrantRefused.exit_code, ConfigWrong.exit_code}
    assert unit["Service"]["Restart"] == ["on-failure"]


def test_a_crash_loop_stays_below_the_token_budget_and_never_gives_up(unit: Unit) -> None:
    interval, burst = seconds(unit, "Unit", "StartLimitIntervalSec"), seconds(unit, "Unit", "StartLimitBurst")
    pause = seconds(unit, "Service", "RestartSec")
    assert interval >= 600
    assert burst < GRANTS_PER_TEN_MINUTES
    assert interval / pause <= burst


def test_credentials_have_the_names_that_settings_look_for(file: Path, unit: Unit) -> None:
    names = {kind.credential for kind in KINDS}
    active = {value.partition(":")[0] for value in unit["Service"]["LoadCredential"]}
    assert active == {"zoho-client-secret", "zoho-refresh-token"}
    # The others are there to be uncommented: a credential without its file would keep the unit from starting.
    uncommented = parse(file.read_text().replace("#LoadCredential", "LoadCredential"))
    loaded = dict(value.split(":") for value in uncommented["Service"]["LoadCredential"])
    assert loaded == {name: f"{SYSTEM.parent}/credentials/{name}" for name in names}


@pytest.mark.parametrize(
    "name",
    [
        "DynamicUser",
        "NoNewPrivileges",
        "ProtectHome",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "PrivateDevices",
        "PrivateTmp",
        "PrivateUsers",
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "RemoveIPC",
        "RestrictNamespaces",
        "RestrictRealtime",
        "RestrictSUIDSGID",
    ],
)
def test_what_is_not_needed_is_shut(unit: Unit, name: str) -> None:
    assert unit["Service"][name] == ["yes"]


def test_what_is_needed_is_named(unit: Unit) -> None:
    service = unit["Service"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["RestrictAddressFamilies"] == ["AF_UNIX AF_INET AF_INET6"]
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert service["SystemCallArchitectures"] == ["native"]
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == (["syncd"], ["0700"])
    assert service["UMask"] == ["0077"]
    assert service["LimitCORE"] == ["0"]


def test_no_secret_is_handed_over_where_it_shows(unit: Unit) -> None:
    assert not {"Environment", "EnvironmentFile", "SetCredential"} & unit["Service"].keys()
