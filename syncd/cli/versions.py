"""The versions of what syncd is made of, for `--version` and bug reports."""

import platform
from importlib.metadata import version

_LIBRARIES = ("psycopg", "sqlalchemy", "alembic", "httpx2", "apscheduler", "pydantic")


def versions() -> tuple[tuple[str, str], ...]:
    """Names and versions, syncd first."""
    from syncd.bootstrap.database import libpq_version
    from syncd.settings.tree import Zoho

    return (
        ("syncd", version("syncd")),
        ("python", platform.python_version()),
        ("libpq", libpq_version()),
        *((name, version(name)) for name in _LIBRARIES),
        ("zoho-api", str(Zoho.model_fields["api_version"].default)),
    )
