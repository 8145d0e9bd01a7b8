"""A folder of files: several orgs, what they share, and what they must not."""

import pytest

from syncd.errors import ConfigWrong
from syncd.settings.load import load
from syncd.settings.settings import Settings
from tests.unit.settings.config_folder import GOOD, ConfigFolder


def several(folder: ConfigFolder, **texts: str) -> tuple[Settings, ...]:
    for name, text in texts.items():
        folder.write(text, f"{name}.toml")
    return load(folder.path, {})


def told(folder: ConfigFolder, **texts: str) -> list[str]:
    with pytest.raises(ConfigWrong) as wrong:
        several(folder, **texts)
    return folder.told(wrong.value)


def org(name: str, *, schema: str = "", token: str = "", more: str = "") -> str:
    return (
        f'org = "{name}"\n'
        + GOOD.replace('"token"', f'"{token or name}"')
        + f'[postgres]\nschema = "{schema or f"zoho_{name}"}"\n'
        + more
    )


@pytest.fixture(autouse=True)
def tokens(folder: ConfigFolder) -> None:
    for name in ("a", "b", "c"):
        folder.secret(name, f"token-of-{name}")


def test_one_settings_per_file(folder: ConfigFolder) -> None:
    found = several(folder, two=org("b"), one=org("a"))
    assert [(one.org, one.source.name, one.postgres.schema_name) for one in found] == [
        ("a", "one.toml", "zoho_a"),
        ("b", "two.toml", "zoho_b"),
    ]


def test_what_one_file_says_for_all_is_said(folder: ConfigFolder) -> None:
    more = 'dsn = "dbname=crm"\n[web]\nlisten = ""\n[log]\nlevel = "debug"\n[storage]\nstate_dir = "s"\n'
    found = several(folder, one=org("a"), two=org("b", more=more))
    for settings in found:
        assert settings.conninfo().get_secret_value() == "dbname=crm"
        assert settings.web.listen is None
        assert settings.log.level == "debug"
        assert settings.state_dir == folder.path / "s"
    assert [settings.postgres.schema_name for settings in found] == ["zoho_a", "zoho_b"]


def test_the_same_words_in_several_files_are_no_fault(folder: ConfigFolder) -> None:
    more = 'dsn = "dbname=crm"\n[log]\nlevel = "debug"\n'
    assert len(several(folder, one=org("a", more=more), two=org("b", more=more))) == 2


def test_what_all_share_cannot_differ(folder: ConfigFolder) -> None:
    one, two = org("a", more='dsn = "dbname=x"\n[log]\nlevel = "info"\n'), org("b", more='dsn = "dbname=y"\n[log]\n')
    first, second = told(folder, one=one, two=two)
    assert first.startswith("two.toml:12 postgres.dsn: all orgs share this, and one.toml:12 says something else")
    assert second.startswith("two.toml:13 log: all orgs share this")


def test_a_fault_in_what_is_shared_is_told_once_where_it_stands(folder: ConfigFolder) -> None:
    (problem,) = told(folder, one=org("a"), two=org("b", more='[log]\nlevel = "loud"\n'), three=org("c"))
    assert problem.startswith('two.toml:13 log.level: "loud"')


def test_each_org_has_a_name_of_its_own(folder: ConfigFolder) -> None:
    (problem,) = told(folder, one=org("a"), two=org("a", schema="other", token="b"))
    assert problem.startswith('two.toml:1 org: "a" is the org of one.toml already | write org = "NAME"')
    nameless = GOOD + '[postgres]\nschema = "x"\n'
    (problem,) = told(folder, one=nameless, two=nameless.replace('"x"', '"y"').replace('"token"', '"b"'))
    assert problem.startswith('two.toml:1 org: "default" is the org of one.toml already')


@pytest.mark.parametrize(("one", "two"), [("x", "x"), ("x_live", "x"), ("x", "x_live")])
def test_each_org_has_a_schema_of_its_own(folder: ConfigFolder, one: str, two: str) -> None:
    (problem,) = told(folder, one=org("a", schema=one), two=org("b", schema=two))
    assert problem.startswith(f'two.toml:11 postgres.schema: "{two}" gets in the way of "{one}"')
    assert 'schema = "zoho_b"' in problem


def test_the_schema_nobody_names_is_taken_once_too(folder: ConfigFolder) -> None:
    def without(name: str) -> str:
        return f'org = "{name}"\n' + GOOD.replace('"token"', f'"{name}"')

    (problem,) = told(folder, one=without("a"), two=without("b"))
    assert 'postgres.schema: "zoho" gets in the way of "zoho"' in problem


def test_two_orgs_cannot_have_one_refresh_token(folder: ConfigFolder) -> None:
    (problem,) = told(folder, one=org("a", token="a"), two=org("b", token="a"))
    assert "two.toml:7 zoho.refresh_token_file: it is the refresh token of one.toml as well" in problem


def test_the_faults_of_all_files_are_told_at_once(folder: ConfigFolder) -> None:
    problems = told(folder, one="[zoho", two=org("b").replace('"eu"', '"xx"'), three=org("a") + "x = 1")
    assert [one.partition(" ")[0] for one in problems] == ["one.toml:1", "three.toml:12", "two.toml:4"]


def test_the_environment_holds_for_all(folder: ConfigFolder) -> None:
    folder.write(org("a"), "one.toml")
    folder.write(org("b"), "two.toml")
    found = load(folder.path, {"SYNCD_LOG__LEVEL": "error", "SYNCD_MODULES__CONTACTS": "1d"})
    assert {settings.log.level for settings in found} == {"error"}
