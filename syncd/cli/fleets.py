"""The orgs of a configuration with Zoho and database, for verbs that only ask."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from syncd.bootstrap.fleet import Fleet, threads_for
from syncd.bootstrap.logs import logs_of_verb
from syncd.daemon.observers import Observers
from syncd.daemon.stop import StopRequest
from syncd.settings.settings import Settings


@contextmanager
def asking(settings: Sequence[Settings]) -> Iterator[Fleet]:
    """A fleet that nothing is synced with."""
    with (
        logs_of_verb(settings),
        threads_for(settings) as executor,
        Fleet(settings, pause=StopRequest(), observer=Observers(), executor=executor) as fleet,
    ):
        yield fleet
