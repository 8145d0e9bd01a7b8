"""Where a configuration is looked for, and what its paths mean."""

from pathlib import Path

import pytest

from syncd.errors import ConfigWrong
from syncd.settings.places import Places, configuration_files, find_configuration


def test_the_first_of_the_usual_places_wins(tmp_path: Path) -> None:
    home, working, named, given = (tmp_path / name for name in ("home", "working", "named.toml", "given.toml"))
    by_home = home / ".config" / "syncd" / "syncd.toml"
    by_home.parent.mkdir(parents=True)
    working.mkdir()
    environ = {"HOME": str(home)}
    with pytest.raises(ConfigWrong, match="no configuration") as nothing:
        find_configuration(None, environ, working)
    assert str(by_home) in str(nothing.value)
    assert "/etc/syncd/syncd.toml" in str(nothing.value)
    by_home.touch()
    assert find_configuration(None, environ, working) == by_home
    (working / "syncd.toml").touch()
    assert find_configuration(None, environ, working) == working / "syncd.toml"
    named.touch()
    environ["SYNCD_CONFIG"] = str(named)
    assert find_configuration(None, environ, working) == named
    given.touch()
    assert find_configuration(Path("../given.toml"), environ, working).resolve() == given


@pytest.mark.parametrize("environ", [{}, {"SYNCD_CONFIG": "gone.toml"}])
def test_what_was_named_must_be_there(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "syncd.toml").touch()
    with pytest.raises(ConfigWrong) as wrong:
        find_configuration(None if environ else Path("gone.toml"), environ, tmp_path)
    (problem,) = wrong.value.problems
    assert problem.where == ("$SYNCD_CONFIG" if environ else "--config")
    assert f"{tmp_path / 'gone.toml'} does not exist" in problem.what


def test_a_place_that_may_not_be_looked_at_is_not_passed_over(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)  # no name of a file may be so long, which is an error like missing rights
    with pytest.raises(ConfigWrong, match="cannot be looked at"):
        find_configuration(None, {"HOME": str(long)}, tmp_path)


def test_a_folder_means_all_its_files(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml", "notes.txt", ".hidden.toml"):
        (tmp_path / name).touch()
    assert [file.name for file in configuration_files(tmp_path)] == ["a.toml", "b.toml"]
    assert configuration_files(tmp_path / "b.toml") == (tmp_path / "b.toml",)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigWrong, match="file in this folder"):
        configuration_files(tmp_path / "empty")


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    places = Places(folder=tmp_path, environ={"HOME": "/home/me", "CREDENTIALS_DIRECTORY": "/run/credentials/syncd"})
    assert places.resolve("secret") == tmp_path / "secret"
    assert places.resolve("/etc/secret") == Path("/etc/secret")
    assert places.resolve("~/secret") == Path("/home/me/secret")
    assert places.resolve("$CREDENTIALS_DIRECTORY/acme") == Path("/run/credentials/syncd/acme")
    assert places.resolve("$OTHER/acme") == tmp_path / "$OTHER" / "acme"


def test_the_state_folder(tmp_path: Path) -> None:
    def state(configured: str | None = None, **environ: str) -> Path:
        return Places(folder=tmp_path, environ=environ).state_dir(configured)

    assert state("mine", STATE_DIRECTORY="/var/lib/syncd") == tmp_path / "mine"
    assert state(STATE_DIRECTORY="/var/lib/syncd:/var/lib/other", HOME="/home/me") == Path("/var/lib/syncd")
    assert state(XDG_STATE_HOME="/x", HOME="/home/me") == Path("/x/syncd")
    assert state(HOME="/home/me") == Path("/home/me/.local/state/syncd")
    assert state() == Path("/var/lib/syncd")
