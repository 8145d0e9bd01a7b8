import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from syncd.errors import ConfigWrong
from syncd.web.guard import Guard, check_exposure, is_loopback

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("crm.example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("host", "token"), [("127.0.0.1", ""), ("::1", ""), ("0.0.0.0", TOKEN), ("crm.example.com", TOKEN)]
)
def test_may_listen(host: str, token: str) -> None:
    check_exposure(host, token)


@pytest.mark.parametrize(
    ("host", "token"), [("0.0.0.0", ""), ("::", ""), ("192.168.1.5", "short"), ("crm.example.com", "")]
)
def test_may_not_listen_without_a_token(host: str, token: str) -> None:
    with pytest.raises(ConfigWrong) as caught:
        check_exposure(host, token)
    assert caught.value.problems[0].where == "web.listen"
    assert "token" in caught.value.fix


@pytest.mark.parametrize(
    ("hosts", "status"),
    [([], 400), ([b"localhost", b"evil.example"], 400), ([b"localhost", b"localhost"], 400), ([b"localhost"], 204)],
)
def test_exactly_one_host_whatever_the_server_lets_through(hosts: list[bytes], status: int) -> None:
    sent: list[Message] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def keep(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", host) for host in hosts]}
    asyncio.run(Guard(page, host="127.0.0.1")(scope, nothing, keep))
    assert sent[0]["status"] == status
