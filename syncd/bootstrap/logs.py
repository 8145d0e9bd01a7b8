"""The logs of a process, set up by what the configuration says and freed of its secrets."""

from collections.abc import Sequence

from syncd.bootstrap.clock import now
from syncd.daemon.log import Logs, set_up
from syncd.settings.settings import Settings
from syncd.zoho.redaction import redact


def logs_of_service(configured: Sequence[Settings]) -> Logs:
    """The logs of the daemon: level and form are the configuration's. A context."""
    log = configured[0].log
    return _hiding(set_up(now=now, redact=redact, level=log.level, form=log.format), configured)


def logs_of_verb(configured: Sequence[Settings]) -> Logs:
    """The logs of a verb in the foreground: errors on stderr; the rest the verb says itself. A context."""
    return _hiding(set_up(now=now, redact=redact, level="error", form="console"), configured)


def _hiding(logs: Logs, configured: Sequence[Settings]) -> Logs:
    hide_secrets(logs, configured)
    return logs


def hide_secrets(logs: Logs, configured: Sequence[Settings]) -> None:
    """Keep every secret of a configuration out of the logs from now on."""
    for settings in configured:
        logs.hide(*settings.known_secrets())
