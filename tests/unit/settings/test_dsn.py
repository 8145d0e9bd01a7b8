"""Connection strings: passwords are seen, hidden and added so that libpq reads the same back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from syncd.settings.dsn import has_password, mask, secrets_in, with_password

passwords = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(
    st.sampled_from(
        ["", "dbname=crm", "host=db user=me ", "postgresql:///crm", "postgres://me@db:1/crm?sslmode=require"]
    ),
    passwords,
)
def test_libpq_reads_an_added_password_back(dsn: str, password: str) -> None:
    added = with_password(dsn, password)
    assert conninfo_to_dict(added) == {**conninfo_to_dict(dsn), "password": password}
    assert has_password(added)
    assert secrets_in(added) == (password,)
    assert not has_password(dsn)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:hunter2@db/crm",
        "postgresql://me:hunter2@[::1/crm",
        "postgresql://me:hunter2@h1:1,h2:2/crm",
        "postgresql:///crm?user=me&password=hunter2",
        "host=db password=hunter2",
        "password = 'hunter2' host=db",
        "password='hun ter2\\'hunter2' host=db",
    ],
)
def test_a_password_is_seen_and_hidden(dsn: str) -> None:
    assert has_password(dsn)
    assert "ter2" in secrets_in(dsn)[0]
    assert "ter2" not in mask(dsn)
    assert "db" in mask(dsn) or "crm" in mask(dsn)


@pytest.mark.parametrize(
    "dsn",
    ["", "postgresql:///crm", "postgresql://me@db/crm", "host=db passfile=x", "sslpassword_file=x", "password=''"],
)
def test_no_password_is_seen_where_there_is_none(dsn: str) -> None:
    assert not secrets_in(dsn)


@pytest.mark.parametrize("dsn", ["", "postgresql:///crm", "postgresql://me@db:5432/crm", "host=db dbname=crm"])
def test_nothing_else_is_hidden(dsn: str) -> None:
    assert mask(dsn) == dsn


@pytest.mark.parametrize("dsn", ["host=db sslpassword=hunter2", "postgresql://db/crm?sslpassword=hunter2&x=1"])
def test_the_passphrase_of_a_key_is_a_secret_but_no_password(dsn: str) -> None:
    assert secrets_in(dsn) == ("hunter2",)
    assert not has_password(dsn)
    assert "hunter2" not in mask(dsn)
