"""Overrides from the environment."""

from typing import Any

import pytest

from syncd.settings.environment import overlaid


def test_values_are_put_where_their_names_say() -> None:
    raw = {"zoho": {"client_id": "x"}, "modules": {"Leads": "15m", "Deals": {"every": "1h"}}}
    environ = {
        "SYNCD_POSTGRES__DSN": "postgresql:///crm",
        "SYNCD_ZOHO__CONCURRENT_JOBS": "2",
        "SYNCD_ZOHO__DAILY_CREDITS": "50%",
        "SYNCD_WEB__LISTEN": "",
        "SYNCD_MODULES__LEADS__EVERY": "1m",
        "SYNCD_MODULES__DEALS__FIELDS": '["Amount"]',
        "SYNCD_MODULES__Contacts": "2h",
    }
    result, variables = overlaid(raw, environ)
    assert result == {
        "zoho": {"client_id": "x", "concurrent_jobs": 2, "daily_credits": "50%"},
        "postgres": {"dsn": "postgresql:///crm"},
        "web": {"listen": ""},
        "modules": {"Leads": {"every": "1m"}, "Deals": {"every": "1h", "fields": ["Amount"]}, "Contacts": "2h"},
    }
    assert variables["modules", "Leads", "every"] == "SYNCD_MODULES__LEADS__EVERY"
    assert len(variables) == len(environ)
    assert raw == {"zoho": {"client_id": "x"}, "modules": {"Leads": "15m", "Deals": {"every": "1h"}}}


@pytest.mark.parametrize(
    "name", ["SYNCD_CONFIG", "SYNCD_TEST_PROFILE", "PATH", "XSYNCD_ZOHO__CLIENT_ID", "SYNCD_ZOHO__CLIENT_SECRET"]
)
def test_other_variables_are_left_alone(name: str) -> None:
    assert overlaid({}, {name: "x"}) == ({}, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1000.12345", "1000.12345"),  # a client id, not a number
        ("007", "007"),
        ("4\nadmin = true", "4\nadmin = true"),
        ("{ api_name = 'A' }", {"api_name": "A"}),
        ("'quoted'", "quoted"),
        ("false", False),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("5m # five", "5m # five"),
    ],
)
def test_what_a_text_means(text: str, value: Any) -> None:
    assert overlaid({}, {"SYNCD_A__B": text})[0] == {"a": {"b": value}}


def test_a_value_in_the_way_is_left_to_be_reported() -> None:
    assert overlaid({"zoho": 5}, {"SYNCD_ZOHO__CLIENT_ID": "x"}) == ({"zoho": 5}, {})
