"""One request out, one answer in: retries, encodings, caps, and what is never done."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from syncd.errors import ConfigWrong, TryLater, Unreachable
from syncd.zoho.answers import Answer
from syncd.zoho.transport import Incoming, Request, Transport
from tests.unit.zoho.mock_zoho import MockZoho, reply

URL = "https://www.zohoapis.eu/crm/v8/org"
PATH = "/crm/v8/org"
GET = Request(method="GET", url=URL)
POST = Request(method="POST", url=URL, body=b"{}", repeatable=False)


@pytest.fixture
def zoho() -> MockZoho:
    return MockZoho()


@pytest.fixture
def transport(zoho: MockZoho) -> Iterator[Transport]:
    made = zoho.transport()
    yield made
    made.close()


def test_an_answer_of_any_status_is_returned(zoho: MockZoho, transport: Transport) -> None:
    zoho.script(PATH, reply(500, {"code": "INTERNAL_ERROR"}, headers={"X-Api-Credits-Remaining": "5"}))
    answer = transport.call(GET)
    assert answer.status == 500
    assert answer.headers["x-api-credits-remaining"] == "5"
    assert b"INTERNAL_ERROR" in answer.body


def test_a_redirect_is_not_followed_and_no_cookie_is_kept(zoho: MockZoho, transport: Transport) -> None:
    zoho.script(PATH, reply(302, headers={"Location": "https://evil.example/", "Set-Cookie": "a=b"}), reply(200, {}))
    assert transport.call(GET).status == 302
    transport.call(GET)
    assert [request.url.host for request in zoho.requests] == ["www.zohoapis.eu"] * 2
    assert "cookie" not in zoho.requests[1].headers


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError("x"), httpx2.ReadError("x"), httpx2.ReadTimeout("x"), httpx2.RemoteProtocolError("x")]
)
def test_what_may_be_repeated_is_tried_three_times(zoho: MockZoho, transport: Transport, error: Exception) -> None:
    repeats: list[int] = []
    zoho.script(PATH, error, error, reply(200, {}))
    assert transport.exchange(GET, Incoming.whole, repeat=lambda: repeats.append(1)).status == 200
    assert len(repeats) == 2
    zoho.script(PATH, error, error, error, reply(200, {}))
    with pytest.raises(Unreachable, match="does not answer") as caught:
        transport.call(GET)
    assert type(error).__name__ in caught.value.why
    assert caught.value.where == f"GET {URL}"


def test_what_may_not_be_repeated_is_sent_once(zoho: MockZoho, transport: Transport) -> None:
    zoho.script(PATH, httpx2.ReadError("lost"), reply(200, {}))
    with pytest.raises(Unreachable):
        transport.call(POST)
    assert len(zoho.requests) == 1


def test_what_was_never_sent_may_always_be_tried_again(zoho: MockZoho, transport: Transport) -> None:
    def never() -> None:
        raise AssertionError("an attempt that nobody received costs nothing")

    zoho.script(PATH, httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), reply(200, {}))
    assert transport.exchange(POST, Incoming.whole, repeat=never).status == 200


def test_a_repetition_that_is_refused_ends_the_call(zoho: MockZoho, transport: Transport) -> None:
    def refuse() -> None:
        raise TryLater("no", after=5)

    zoho.script(PATH, httpx2.ReadError("x"), reply(200, {}))
    with pytest.raises(TryLater):
        transport.exchange(GET, Incoming.whole, repeat=refuse)
    assert len(zoho.requests) == 1


@given(st.binary(max_size=2000), st.integers(1, 700))
def test_gzip_is_read_in_any_pieces(content: bytes, size: int) -> None:
    packed = gzip.compress(content)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, content=iter(pieces))

    assert Transport(mock=httpx2.MockTransport(answer)).call(GET).body == content


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"x" * 1000)[:-9], "gzip"),
        (b"not gzip at all", "gzip"),
        (zlib.compress(b"x"), "gzip"),
        (b"", "gzip"),
        (b"x", "br"),
        (b"x", "gzip, gzip"),
    ],
    ids=["cut off", "another text", "zlib", "empty", "unknown", "twice"],
)
def test_an_encoding_that_cannot_be_read_is_unreachable(
    zoho: MockZoho, transport: Transport, body: bytes, encoding: str
) -> None:
    zoho.script(PATH, reply(200, body=body, headers={"Content-Encoding": encoding}))
    with pytest.raises(Unreachable, match="cannot be used"):
        transport.call(GET)


def test_an_endless_answer_is_cut_even_if_it_is_small_on_the_wire(zoho: MockZoho, transport: Transport) -> None:
    bomb = gzip.compress(bytes(8 * 1024 * 1024))
    zoho.script(PATH, reply(200, body=bomb, headers={"Content-Encoding": "gzip"}))

    def handle(incoming: Incoming) -> Answer:
        return incoming.whole(limit=1024 * 1024)

    with pytest.raises(Unreachable, match="larger than"):
        transport.exchange(GET, handle)


def test_what_is_secret_is_not_logged_or_shown(zoho: MockZoho, transport: Transport) -> None:
    request = Request(
        method="POST", url=f"{URL}?page=1", headers={"Authorization": "Zoho-oauthtoken canary"}, body=b"secret=canary"
    )
    zoho.script(PATH, httpx2.ReadError("x"), reply(200, {"access_token": "canary"}))
    with capture_logs() as logs:
        transport.call(request)
    assert "canary" not in f"{logs} {request!r} {request.where}"
    zoho.script(PATH, *[httpx2.ReadError("proxy said client_secret=canary")] * 3)
    with pytest.raises(Unreachable) as caught:
        transport.call(request)
    assert "canary" not in str(caught.value)


def test_a_bad_certificate_file_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    for content in (None, "no certificate"):
        if content is not None:
            (tmp_path / "ca.pem").write_text(content)
        with pytest.raises(ConfigWrong) as caught:
            Transport(ca_file=tmp_path / "ca.pem")
        assert caught.value.problems[0].where == "zoho.ca_file"
