"""Set up the checkout's own .venv and run its tasks; needs python3 >= 3.11 with venv, and nothing else.

Owns: the virtual environment, its stamp, and what each task runs. Must not import anything but the standard library.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENV = ROOT / ".venv"
PYTHON = ENV / "bin" / "python"
STAMP = ENV / "syncd-stamp"
RUNTIME, DEVELOPMENT = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"

USAGE = """usage: python3 dev.py TASK [ARGUMENT ...]

  demo    embedded PostgreSQL, a simulated Zoho and the daemon; --once does one pass and exits
  test    the test suite; arguments go to pytest
  check   lint, types, import contracts, tests: what CI runs
  lint    ruff, mypy and the import contracts alone
  bench   the benchmark scripts of tests/bench; name some to run only those
  campaign  seeded lives with faults (--seeds N, --seed S), planted bugs (--mutants), crashes at every boundary
          (--boundaries K), real processes under fire (--long KILLS); docs/campaign.md
  format  let ruff rewrite the formatting
  lock    resolve the dependencies anew and write both lock files (needs uv)
"""


def digest(lock: Path) -> str:
    """The identity of a set-up: a change of lock file, project file, interpreter or place makes a new one."""
    parts = [
        lock.read_bytes(),
        (ROOT / "pyproject.toml").read_bytes(),
        sys.version.encode(),
        str(ROOT).encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def set_up(lock: Path) -> None:
    """Make .venv hold exactly what LOCK says; a warm start only compares one stamp.

    The development set contains the runtime set, so a stamp of either satisfies a task that needs the smaller one.
    """
    stamp = STAMP.read_text() if STAMP.is_file() else ""
    if stamp and stamp in {digest(lock), digest(DEVELOPMENT)}:
        return
    if sys.version_info < (3, 11):
        sys.exit(f"dev.py: Python {sys.version.split()[0]} is too old\nfix: run it with python3.11 or newer")
    print(f"setting up {ENV.name} from {lock.name} (once, under a minute)", file=sys.stderr, flush=True)
    STAMP.unlink(missing_ok=True)
    if not PYTHON.is_file() or subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL):
        create_environment()
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.check_call([*pip, "--require-hashes", "--only-binary=:all:", "-r", lock])
    subprocess.check_call([*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT])
    STAMP.write_text(digest(lock))


def create_environment() -> None:
    shutil.rmtree(ENV, ignore_errors=True)
    try:
        venv.create(ENV, with_pip=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(ENV, ignore_errors=True)
        sys.exit(
            "dev.py: this python3 cannot make a virtual environment with pip\n"
            "fix: Debian leaves venv out of python3; run: sudo apt-get install -y python3-venv"
        )


def run(*command: str | Path) -> None:
    """Run one step of a task; a failing step ends the task with its exit code."""
    print(
        "$",
        *(Path(part).name if part == PYTHON else str(part) for part in command),
        file=sys.stderr,
        flush=True,
    )
    if code := subprocess.call(command, cwd=ROOT):
        sys.exit(code)


def lint() -> None:
    tools = ENV / "bin"
    run(tools / "ruff", "check", ".")
    run(tools / "ruff", "format", "--check", ".")
    run(tools / "mypy")
    run(tools / "lint-imports", "--no-cache")


def test(arguments: list[str]) -> None:
    chosen = any(argument.startswith(("-n", "-p", "--pdb")) for argument in arguments)
    workers = [] if chosen else ["-n", "2", "--dist", "worksteal"]
    run(PYTHON, "-m", "pytest", "-q", *workers, *arguments)


def bench(names: list[str]) -> None:
    scripts = sorted((ROOT / "tests" / "bench").glob("bench_*.py"))
    known = {script.stem.removeprefix("bench_"): script for script in scripts}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"dev.py: no benchmark named {', '.join(unknown)}\nfix: choose from {', '.join(known)}")
    for name in names or known:
        run(PYTHON, known[name])


def lock() -> None:
    base = [
        "uv",
        "pip",
        "compile",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    base += ["--no-emit-index-url", "--python-version", "3.11", "pyproject.toml", "--extra", "demo"]
    run(*base, "--group", "build", "--output-file", RUNTIME)
    run(*base, "--group", "dev", "--output-file", DEVELOPMENT)


def main(arguments: list[str]) -> None:
    task, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if task not in {"demo", "test", "check", "lint", "bench", "campaign", "format", "lock"}:
        print(USAGE, end="", file=sys.stdout if task in {"-h", "--help"} else sys.stderr)
        sys.exit(0 if task in {"-h", "--help"} else 2)
    if task == "lock":
        lock()
        return
    set_up(RUNTIME if task == "demo" else DEVELOPMENT)
    if task == "demo":
        os.execv(PYTHON, [str(PYTHON), "-m", "syncd", "demo", *rest])
    elif task == "test":
        test(rest)
    elif task == "check":
        lint()
        test(rest)
    elif task == "lint":
        lint()
    elif task == "bench":
        bench(rest)
    elif task == "campaign":
        run(PYTHON, "-m", "tests.campaign", *rest)
    elif task == "format":
        run(ENV / "bin" / "ruff", "format", ".")
        run(ENV / "bin" / "ruff", "check", "--fix", ".")


if __name__ == "__main__":
    main(sys.argv[1:])
