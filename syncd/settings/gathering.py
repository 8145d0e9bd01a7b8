"""Which secrets an org needs, and what is found of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.errors import Problem
from syncd.settings.credentials import (
    CLIENT_SECRET,
    PG_PASSWORD,
    REFRESH_TOKEN,
    WEB_TOKEN,
    Found,
    Kind,
    Secrets,
    find_secret,
    missing,
)
from syncd.settings.environment import Raw
from syncd.settings.findings import Finding
from syncd.settings.places import Places
from syncd.settings.tree import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The secrets of one org, what is wrong with them, and what is merely unwise."""

    secrets: Secrets
    findings: tuple[Finding, ...]
    warnings: tuple[Problem, ...]


def gather(raw: Raw, document: Document | None, places: Places, *, zoho: bool) -> Gathered:
    """Look for all secrets; without `zoho` only for the database's. `document` is None when it has other faults."""
    kinds = [PG_PASSWORD]
    if zoho:
        kinds += [CLIENT_SECRET, WEB_TOKEN]
        if _grant(raw) == "refresh_token":
            kinds.append(REFRESH_TOKEN)
    found: dict[str, Found] = {}
    findings: list[Finding] = []
    for kind in kinds:
        secret, finding = find_secret(kind, _file(raw, kind), places)
        if secret is not None:
            found[kind.name] = secret
        if finding is not None:
            findings.append(finding)
        elif secret is None and _needed(kind, raw, document):
            findings.append(missing(kind))
    return Gathered(
        secrets=Secrets(
            **{name: one.value for name, one in found.items()},
            sources={name: one.source for name, one in found.items()},
        ),
        findings=tuple(findings),
        warnings=tuple(_unwise(one) for one in found.values() if one.source.startswith("$")),
    )


def _grant(raw: Raw) -> object:
    zoho = raw.get("zoho")
    return zoho.get("grant", "refresh_token") if isinstance(zoho, Mapping) else "refresh_token"


def _file(raw: Raw, kind: Kind) -> str | None:
    table = raw.get(kind.table)
    said = table.get(f"{kind.key}_file") if isinstance(table, Mapping) else None
    return said if isinstance(said, str) and said.strip() else None


def _needed(kind: Kind, raw: Raw, document: Document | None) -> bool:
    table = raw.get(kind.table)
    if isinstance(table, Mapping) and f"{kind.key}_file" in table:  # what is wrong with it is said already
        return False
    if kind is WEB_TOKEN:
        listen = document.web.listen if document else None
        return listen is not None and not listen.is_loopback
    return kind is not PG_PASSWORD


def _unwise(secret: Found) -> Problem:
    return Problem(
        where=secret.source,
        what="a secret comes from the environment, which child processes inherit and crash reports show",
        fix="hand it over in a file (chmod 600) or as a systemd credential",
    )
