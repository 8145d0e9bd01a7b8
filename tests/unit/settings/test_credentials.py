"""Secrets: where they are found, in which order, and which files are refused."""

import os
from pathlib import Path

import pytest

from syncd.settings.credentials import REFRESH_TOKEN, WEB_TOKEN, Found, find_secret
from syncd.settings.places import Places

SECRET = "1000.0123456789abcdef.0123456789abcdef"


def secret_file(path: Path, content: bytes = SECRET.encode(), mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def look(tmp_path: Path, file: str | None = None, **environ: str) -> tuple[str, str]:
    """The secret and its source, or what is said and how to put it right."""
    found, finding = find_secret(REFRESH_TOKEN, file, Places(folder=tmp_path, environ=environ))
    if finding is not None:
        assert found is None
        assert finding.path == ("zoho", "refresh_token_file")
        assert SECRET not in finding.what + finding.fix
        return finding.what, finding.fix
    return (found.value.get_secret_value(), found.source) if found else ("", "")


def test_the_file_beats_the_credential_beats_the_environment(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    environ = {"SYNCD_ZOHO__REFRESH_TOKEN": " c \n", "CREDENTIALS_DIRECTORY": str(credentials)}
    assert look(tmp_path) == ("", "")
    assert look(tmp_path, **environ) == ("c", "$SYNCD_ZOHO__REFRESH_TOKEN")
    credential = secret_file(credentials / "zoho-refresh-token", b"b\n")
    assert look(tmp_path, **environ) == ("b", str(credential))
    file = secret_file(tmp_path / "token", b"a\r\n")
    assert look(tmp_path, "token", **environ) == ("a", str(file))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o677])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    file = secret_file(tmp_path / "token", mode=mode)
    assert look(tmp_path, "token") == (f"{file} is open to other users (mode {mode:04o})", f"run: chmod 600 {file}")


def test_a_credential_of_systemd_is_private_whatever_its_mode(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    secret_file(credentials / "zoho-refresh-token", mode=0o440)
    secret_file(credentials / "acme", b"acme", mode=0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert look(tmp_path, **environ)[0] == SECRET
    assert look(tmp_path, "$CREDENTIALS_DIRECTORY/acme", **environ)[0] == "acme"
    outside = secret_file(tmp_path / "outside", mode=0o440)
    (credentials / "link").symlink_to(outside)
    assert "is open to other users" in look(tmp_path, "$CREDENTIALS_DIRECTORY/link", **environ)[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a\nb", "more than one line"),
        (b"\xff\xfe", "more than one line"),
        (b"x" * 70_000, "more than one line"),
    ],
)
def test_files_that_hold_no_secret(tmp_path: Path, content: bytes, said: str) -> None:
    secret_file(tmp_path / "token", content)
    assert said in look(tmp_path, "token")[0]


def test_files_that_are_none(tmp_path: Path) -> None:
    what, fix = look(tmp_path, "gone")
    assert what == f"{tmp_path / 'gone'} cannot be read: No such file or directory"
    assert "chmod 600" in fix
    assert "is not a file" in look(tmp_path, ".")[0]
    os.mkfifo(tmp_path / "pipe", 0o600)  # reading it would wait for ever
    assert "is not a file" in look(tmp_path, "pipe")[0]


def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    # The same answer that missing rights give, which root cannot be refused.
    what, fix = look(tmp_path, "x" * 300)
    assert "cannot be read: File name too long" in what
    assert "belong to the user" in fix


def test_a_secret_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    secret_file(tmp_path / "token", b"short")
    places = Places(folder=tmp_path, environ={})
    found, finding = find_secret(WEB_TOKEN, "token", places)
    assert found is None
    assert finding is not None
    assert "fewer than 16 characters" in finding.what
    assert "short" not in finding.what


def test_secrets_do_not_print(tmp_path: Path) -> None:
    secret_file(tmp_path / "token")
    found, _ = find_secret(REFRESH_TOKEN, "token", Places(folder=tmp_path, environ={}))
    assert isinstance(found, Found)
    assert SECRET not in f"{found} {found!r} {found.value}"
