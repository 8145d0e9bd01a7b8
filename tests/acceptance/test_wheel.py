"""The wheel, installed outside the checkout: it carries what syncd needs, and works there."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.rig import environment, write_config

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment with the wheel in it, and the wheel."""

    wheel: Path
    folder: Path

    def run(self, *command: str, config: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs in an empty folder outside the checkout."""
        variables = environment() | ({"SYNCD_CONFIG": str(config)} if config else {})
        variables.pop("PYTHONPATH", None)
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        program = self.folder / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]],
            env=variables,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel built from the checkout, in an environment that finds its dependencies in this one; no network."""
    built, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("env")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(built)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    venv.create(folder, with_pip=False, symlinks=True)
    install = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*install, "--no-index", "--no-deps", str(wheel)], check=True, capture_output=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # A path from here is only searched: the editable syncd that lies there is not seen.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return Installed(wheel, folder)


def test_it_carries_migrations_samples_and_units(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    carried = {name.removeprefix("syncd/_shipped/") for name in names if name.startswith("syncd/_shipped/")}
    kept = [
        path.relative_to(ROOT)
        for place in ("migrations", "config", "systemd")
        for path in (ROOT / place).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {str(path) for path in kept} <= carried
    assert {"migrations/versions/0001_ledger.py", "config/demo.toml", "systemd/syncd.service"} <= carried
    assert {"syncd/postgres/queries.sql", "syncd/web/templates/overview.html", "syncd/web/static/style.css"} <= names


def test_it_carries_no_tests_and_no_names_of_this_machine(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = wheel.namelist()
        assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
        metadata = next(name for name in names if name.endswith("METADATA"))
        text = wheel.read(metadata).decode()
    assert "Provides-Extra: demo" in text
    assert str(ROOT) not in text


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    done = installed.run("python", "-c", "import syncd; print(syncd.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed.folder), done.stderr
    assert installed.run("syncd", "--version").stdout.startswith("syncd 0.")
    assert installed.run("syncd", "export", "config").stdout == (ROOT / "config" / "syncd.toml").read_text()
    unit = installed.run("syncd", "export", "systemd")
    assert unit.stdout == (ROOT / "systemd" / "syncd.service").read_text()


def test_it_upgrades_a_database(installed: Installed, empty_dsn: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, url="http://127.0.0.1:1", dsn=empty_dsn, modules={"Contacts": '"15m"'})
    first = installed.run("syncd", "db", "upgrade", config=config)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("applied 0001_ledger\n")
    assert installed.run("syncd", "db", "upgrade", config=config).stdout == "the ledger is up to date\n"
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM syncd.module_status").fetchone() == (0,)


def test_its_demo_runs(installed: Installed) -> None:
    done = installed.run("syncd", "demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "zoho.contacts " in done.stdout
    assert not list((installed.folder / "work").iterdir())
