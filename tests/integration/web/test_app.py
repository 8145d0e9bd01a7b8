"""The pages over a real socket."""

import base64
import http.client
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from starlette.types import ASGIApp

from syncd.core.health import unlisted
from syncd.errors import ConfigWrong
from syncd.web.app import status_app
from syncd.web.source import Readings, Site
from tests.integration.web.written_site import (
    HOSTILE,
    MODULES,
    NOW,
    ORG,
    WrittenLedger,
    key,
    site_of,
    status_of,
    written_ledger,
)

Serve = Callable[[ASGIApp], int]
TOKEN = "a-token-of-enough-characters"
PAGES = ["/", "/live", "/runs", "/runs?failed=1", "/run/4190", "/run/4100", "/module/default/Leads"]
PAGES += [f"/module/{ORG}/{module}" for module in MODULES]


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Strict(HTMLParser):
    """Collects what a page refers to, and fails on tags that do not close."""

    VOID = frozenset({"meta", "link", "rect", "path", "line", "polyline", "polygon", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names += [name for name, _ in attrs]
        self.refers += [value for name, value in attrs if name in {"href", "src"} and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def read(text: str) -> Strict:
    page = Strict()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


@pytest.fixture(scope="module")
def port(serve: Serve) -> int:
    """The written site, reached by one name more than loopback's."""
    return serve(status_app(site_of(written_ledger()), names=["Status.Example.com"]))


@pytest.fixture(scope="module")
def guarded(serve: Serve) -> int:
    """The same for any address, behind a token."""
    return serve(status_app(site_of(written_ledger()), host="0.0.0.0", token=TOKEN))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_local_and_free_of_foreign_markup(port: int, path: str) -> None:
    answer = ask(port, path)
    assert answer.status == 200
    page = read(answer.text)
    assert [one for one in page.refers if not one.startswith("/") or one.startswith("//")] == []
    assert "style" not in page.names
    assert not [name for name in page.names if name.startswith("on")]
    assert "<script>" not in answer.text
    assert "None" not in re.sub(r"<[^>]*>", "", answer.text)


def test_every_link_of_the_first_page_leads_somewhere(port: int) -> None:
    for path in sorted(set(read(ask(port, "/").text).refers)):
        expected = {200, 503} if path == "/healthz" else {200}
        assert ask(port, path).status in expected, path


def test_the_first_page_says_what_is_wrong_first(port: int) -> None:
    text = ask(port, "/").text
    assert "<title>(parked) syncd</title>" in text
    assert 'href="/favicon/parked.svg"' in text
    assert "2 of 7 modules are fresh; Events is parked" in text
    order = re.findall(r'class="name" href="/module/default/(\w+)"', text)
    assert order == ["Events", "Deals", "Contacts", "Invoices", "Tasks", "Accounts", "Leads"]
    assert "nothing to do: try again in 64 s" in text
    assert "16 of 26 jobs" in text
    assert "61 %" in text
    assert text.count('<div class="lane">') == 4
    assert "6 planned" in text


def test_what_others_wrote_is_shown_as_text(port: int) -> None:
    text = ask(port, "/run/4100").text
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_run_shows_its_jobs_with_ids_as_they_are(port: int) -> None:
    text = ask(port, "/run/4190").text
    assert "365239700000064603" in text
    assert "2024-04-01 00:00:00 … 2024-04-28 00:00:00" in text
    assert "<code>Last_Name</code>" in text


def test_a_module_shows_where_its_fields_went(port: int) -> None:
    text = ask(port, "/module/default/Leads").text
    assert "<code>last_name</code>" in text
    assert "→ users" in text
    assert "partial" in text
    assert "not supported" in text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/run/1", "/run/99999999999999999999", "/run/x", "/module/default/Nothing", "/favicon/x.svg"]
)
def test_what_is_not_there(port: int, path: str) -> None:
    answer = ask(port, path)
    assert answer.status == 404
    read(answer.text)


def test_static_files_stay_in_their_folder(port: int) -> None:
    assert ask(port, "/static/style.css").status == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"):
        assert ask(port, path).status == 404


def test_runs_can_be_chosen(port: int) -> None:
    assert re.findall(r'href="/run/(\d+)"', ask(port, "/runs?module=Deals").text) == ["4100"]
    assert re.findall(r'href="/run/(\d+)"', ask(port, "/runs?failed").text) == ["4100"]
    assert len(re.findall(r'href="/run/(\d+)"', ask(port, "/runs?org=default&module=Leads").text)) == 3


# -------------------------------------------------------------------------------------------------------- for machines


def test_healthz_names_what_is_alarming(port: int) -> None:
    answer = ask(port, "/healthz")
    assert answer.status == 503
    assert answer.text.splitlines() == [
        "NOT_OK",
        "default/Events parked, 7 h behind, due within 45 min: Zoho: no permission for Events",
        "default/Deals late, 1 h 33 min behind, due within 45 min: Zoho answered 429 on a download (limit 10 a minute)",
    ]


def test_healthz_when_all_is_well(ledger: WrittenLedger, serve: Serve) -> None:
    ledger.statuses = tuple(status_of(module, lag=timedelta(minutes=1)) for module in MODULES)
    answer = ask(serve(status_app(site_of(ledger, tuple))), "/healthz")
    assert (answer.status, answer.text) == (200, "OK\n")


def test_the_status_document(port: int) -> None:
    answer = ask(port, "/api/status.json")
    assert answer.headers["Content-Type"] == "application/json"
    document = json.loads(answer.text)
    assert (document["version"], document["ok"], document["state"]) == (1, False, "parked")
    assert document["modules"][1]["lag_seconds"] == 5580.0
    assert document["modules"][1]["last_run"]["id"] == "4182"


def test_metrics_pass_through(port: int) -> None:
    answer = ask(port, "/metrics")
    assert answer.text == "syncd_x 1\n"
    assert answer.headers["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8"


# --------------------------------------------------------------------------------------------------- without a database


@pytest.mark.parametrize("path", ["/", "/live", "/runs", "/module/default/Leads"])
def test_pages_survive_a_database_that_is_down(ledger: WrittenLedger, site: Site, serve: Serve, path: str) -> None:
    ledger.down = True
    answer = ask(serve(status_app(site)), path)
    assert answer.status in {200, 404, 503}
    read(answer.text)
    if path != "/module/default/Leads":
        assert "PostgreSQL does not answer" in answer.text


def test_machines_hear_of_a_database_that_is_down(ledger: WrittenLedger, site: Site, serve: Serve) -> None:
    ledger.down = True
    port = serve(status_app(site))
    health, status = ask(port, "/healthz"), ask(port, "/api/status.json")
    assert (health.status, status.status) == (503, 503)
    assert health.text.splitlines()[1].startswith("the ledger cannot be read: crm@db: PostgreSQL does not answer")
    assert json.loads(status.text)["ok"] is False
    assert ask(port, "/metrics").status == 200


def test_the_last_reading_is_kept_while_the_database_is_down(ledger: WrittenLedger, site: Site) -> None:
    moment = [0.0]
    readings = Readings(site, keep=1.0, monotonic=lambda: moment[0])
    first = readings.latest()
    ledger.down, moment[0] = True, 1.0
    kept = readings.latest()
    assert kept == replace(first, trouble=kept.trouble)
    assert "PostgreSQL does not answer" in kept.trouble
    ledger.down, moment[0] = False, 2.0
    assert readings.latest() == first


def test_many_readers_cost_one_reading(ledger: WrittenLedger, site: Site) -> None:
    moment = [0.0]
    readings = Readings(site, keep=1.0, monotonic=lambda: moment[0])
    for _ in range(50):
        readings.latest()
    moment[0] = 0.99
    readings.latest()
    assert ledger.reads == 1
    moment[0] = 1.0
    readings.latest()
    assert ledger.reads == 2


def test_an_org_more_makes_the_orgs_visible(ledger: WrittenLedger, serve: Serve) -> None:
    other = replace(key("Leads"), org="acme")
    ledger.statuses = (*ledger.statuses, replace(unlisted(other), watermark=NOW))
    site = site_of(ledger)
    deadlines = {**site.deadlines(), other: timedelta(hours=1)}
    text = ask(serve(status_app(replace(site, deadlines=lambda: deadlines))), "/").text
    assert 'href="/module/acme/Leads"' in text
    assert "<small>acme</small>" in text


# ------------------------------------------------------------------------------------------------------------ the guard


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/status.json", "/nowhere", "/static/style.css"])
def test_every_answer_carries_the_security_headers(port: int, path: str) -> None:
    headers = ask(port, path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8642", 200),
        ("LOCALHOST", 200),
        ("[::1]:8642", 200),
        ("status.example.com", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.168.1.5", 421),
        ("localhost:1:2", 421),
        ("", 421),
    ],
)
def test_only_known_names_are_served(port: int, host: str, status: int) -> None:
    assert ask(port, "/api/status.json", Host=host).status == status


@pytest.mark.parametrize(("host", "status"), [("192.168.1.5:8642", 401), ("[2001:db8::1]", 401), ("evil.example", 421)])
def test_on_any_address_names_must_still_be_known(guarded: int, host: str, status: int) -> None:
    assert ask(guarded, "/", Host=host).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(port: int, method: str) -> None:
    assert ask(port, "/", method).status == 405


def test_head_is_answered_without_a_body(port: int) -> None:
    answer = ask(port, "/", "HEAD")
    assert (answer.status, answer.text) == (200, "")


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer " + TOKEN, 200),
        ("bearer  " + TOKEN, 200),
        (basic(TOKEN), 200),
        ("Bearer " + TOKEN[:-1], 401),
        ("Bearer ", 401),
        (basic(""), 401),
        (basic("wrong"), 401),
        ("Basic !!!", 401),
        ("Basic //8=", 401),
        (TOKEN, 401),
    ],
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/static/style.css"])
def test_a_token_is_demanded_of_everything(guarded: int, authorization: str, status: int, path: str) -> None:
    answer = ask(guarded, path, Authorization=authorization)
    assert answer.status in ({200, 503} if status == 200 else {401})
    assert TOKEN not in answer.text
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_an_open_page_without_a_token_is_refused(site: Site) -> None:
    with pytest.raises(ConfigWrong):
        status_app(site, host="0.0.0.0")
