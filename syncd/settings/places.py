"""Files and folders around a configuration: where it is looked for, and what paths in it mean.

The environment and the working folder are arguments, so that nothing depends on the process's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from syncd.errors import ConfigWrong, Problem

_NAME = "syncd.toml"
_CREDENTIALS = "$CREDENTIALS_DIRECTORY"
SYSTEM = Path("/etc/syncd") / _NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What paths mean: relative ones count from `folder`, the configuration's own."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def credentials(self) -> Path | None:
        """Where systemd put the unit's credentials (systemd.exec(5), LoadCredential=)."""
        given = self.environ.get("CREDENTIALS_DIRECTORY", "")
        return Path(given) if given else None

    def is_credential(self, path: Path) -> bool:
        """Whether a file is one of systemd's credentials, which are as private as can be whatever their mode says."""
        return self.credentials is not None and path.resolve().is_relative_to(self.credentials.resolve())

    def resolve(self, text: str) -> Path:
        """The path that a text of the configuration means; `~` and a leading $CREDENTIALS_DIRECTORY are put in."""
        if self.credentials is not None and text.startswith(f"{_CREDENTIALS}/"):
            return self.credentials / text.removeprefix(f"{_CREDENTIALS}/")
        home = home_folder(self.environ)
        if home is not None and text.startswith("~/"):
            return home / text.removeprefix("~/")
        return self.folder / text

    def state_dir(self, configured: str | None) -> Path:
        """The folder for syncd's own files; it need not exist yet."""
        if configured is not None:
            return self.resolve(configured)
        # A unit may have several; they are separated by colons (systemd.exec(5), StateDirectory=).
        if given := self.environ.get("STATE_DIRECTORY", "").partition(":")[0]:
            return Path(given)
        if given := self.environ.get("XDG_STATE_HOME", ""):
            return Path(given) / "syncd"
        home = home_folder(self.environ)
        return home / ".local" / "state" / "syncd" if home is not None else Path("/var/lib/syncd")


def home_folder(environ: Mapping[str, str]) -> Path | None:
    """The user's own folder, as the environment says; None without one."""
    return Path(environ["HOME"]) if environ.get("HOME") else None


def find_configuration(path: Path | None, environ: Mapping[str, str], working: Path) -> Path:
    """The file or folder to read: `path`, else $SYNCD_CONFIG, else the first of the usual places that exists.

    ConfigWrong when it is not there; only what was named by hand may be a folder.
    """
    named, by = (path, "--config") if path is not None else (environ.get("SYNCD_CONFIG", ""), "$SYNCD_CONFIG")
    if named:
        given = working / named
        if not _is_there(given, by):
            raise _nothing(by, f"{given} does not exist")
        return given
    usual = [working / _NAME]
    if (home := home_folder(environ)) is not None:
        usual.append(home / ".config" / "syncd" / _NAME)
    usual.append(SYSTEM)
    for candidate in usual:
        if _is_there(candidate, "--config"):
            return candidate
    raise _nothing("--config", f"no configuration: looked for {', '.join(map(str, usual))}")


def configuration_files(found: Path) -> tuple[Path, ...]:
    """The files of a configuration: itself, or for a folder all its `*.toml`, sorted. ConfigWrong for an empty one."""
    if not found.is_dir():
        return (found,)
    files = tuple(sorted(file for file in found.glob("*.toml") if not file.name.startswith(".")))
    if not files:
        raise _nothing(str(found), "no *.toml file in this folder")
    return files


def _is_there(path: Path, where: str) -> bool:
    """Whether a file or folder exists. ConfigWrong when this may not even be known: another one would be used then."""
    try:
        return path.exists()
    except OSError as error:
        problem = Problem(
            where=where,
            what=f"{path} cannot be looked at: {error.strerror}",
            fix="run as the user that owns it, or name another one (--config PATH)",
        )
        raise ConfigWrong((problem,)) from None


def _nothing(where: str, what: str) -> ConfigWrong:
    fix = f"write one (syncd export config > {_NAME}) or name one (--config PATH)"
    return ConfigWrong((Problem(where=where, what=what, fix=fix),))
