"""What faults do to answers: error pages, wrong bodies and damaged zips.

Owns: the answer of each fault that strikes a request or a reply. Faults of the connection stand in `server`.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

from syncd.simulator.exchange import Call, Reply, json_reply
from syncd.simulator.faults import Armed
from syncd.simulator.oauth import access_denied
from syncd.simulator.org import Org
from syncd.simulator.refusals import Refusal

_PAGE = (
    b"<!DOCTYPE html><html><head><title>Zoho</title></head><body><h1>We are sorry</h1>"
    b"<p>The service is under maintenance.</p></body></html>"
)


def _refuse(code: str, status: int | None = None) -> Reply:
    refusal = Refusal(code, status=status)
    return json_reply(refusal.body(), refusal.status)


def _page(status: int) -> Reply:
    return Reply(status=status, body=_PAGE, content_type="text/html;charset=UTF-8")


def _expire(org: Org) -> Reply:
    with org.lock:
        org.accounts.expire_tokens()
    return _refuse("INVALID_TOKEN")


def _revoke(org: Org) -> Reply:
    with org.lock:
        org.accounts.revoke_refresh_token()
    return json_reply({"error": "invalid_code"})


def struck_reply(fault: Armed, org: Org, call: Call) -> Reply:
    """The answer instead of the operation's own."""
    location = f"https://{org.behaviour.redirect_host}{call.path}"
    replies: dict[str, Callable[[], Reply]] = {
        "429": lambda: _refuse("TOO_MANY_REQUESTS", 429),
        "400-throttle": lambda: _refuse("TOO_MANY_REQUESTS", 400),
        "500": lambda: _refuse("INTERNAL_ERROR"),
        "502": lambda: _page(502),
        "503": lambda: _page(503),
        "html": lambda: _page(200),
        "empty-body": lambda: Reply(status=200),
        "expired-token": lambda: _expire(org),
        "scope": lambda: _refuse("OAUTH_SCOPE_MISMATCH"),
        "no-permission": lambda: _refuse("NO_PERMISSION"),
        "redirect": lambda: Reply(status=302, headers={"Location": location}),
        "not-found": lambda: _refuse("RESOURCE_NOT_FOUND"),
        "json-for-zip": lambda: json_reply(Refusal("INTERNAL_SERVER_ERROR").body()),
        "revoked": lambda: _revoke(org),
        "access-denied": lambda: json_reply(access_denied()),
        "invalid-client": lambda: json_reply({"error": "invalid_client"}),
    }
    reply = replies[fault.kind.name]()
    if "retry_after" in fault.options:
        reply = replace(reply, headers={**reply.headers, "Retry-After": fault.text("retry_after")})
    return reply


def damaged_reply(fault: Armed, reply: Reply) -> Reply:
    """A download with its zip damaged."""
    if reply.file is None:
        return reply
    data = reply.file.read_bytes()
    member = zipfile.ZipFile(io.BytesIO(data)).namelist()[0]
    damages: dict[str, Callable[[], bytes]] = {
        "truncated-zip": lambda: data[: len(data) // 2],
        "corrupt-zip": lambda: _flipped(data, member),
        "two-members": lambda: _second_member(data),
        "no-members": lambda: b"PK\x05\x06" + bytes(18),
        "zip-bomb": lambda: _bomb(member, int(fault.number("megabytes", 64))),
    }
    return replace(reply, file=None, body=damages[fault.kind.name]())


def _flipped(data: bytes, member: str) -> bytes:
    """One bit of the member's compressed data changed, near its end so that much of it still unpacks."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(member)
    start = (
        info.header_offset
        + 30
        + len(member.encode())
        + int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
    )
    at = start + max(0, info.compress_size - 12)
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]


def _second_member(data: bytes) -> bytes:
    target = io.BytesIO(data)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("../../readme.txt", "a second member with a path that leaves the folder")
    return target.getvalue()


def _bomb(member: str, megabytes: int) -> bytes:
    target = io.BytesIO()
    block = bytes(2**20)
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(member, "w", force_zip64=True) as sink,
    ):
        for _ in range(megabytes):
            sink.write(block)
    return target.getvalue()
