"""One pass over streams in this process, with progress on stderr and results on stdout."""

from collections.abc import Sequence

from syncd.bootstrap.fleet import Fleet, threads_for
from syncd.bootstrap.logs import logs_of_verb
from syncd.cli.progress import Shown
from syncd.cli.results import Results
from syncd.core.census import CensusCall
from syncd.core.model import StreamKey
from syncd.daemon.observers import Observers
from syncd.daemon.stop import StopRequest
from syncd.settings.settings import Settings
from syncd.sync.ports import RunOutcome


def one_pass(
    settings: Sequence[Settings],
    modules: Sequence[str],
    *,
    stop: StopRequest,
    full: bool = False,
    census: CensusCall = CensusCall.WHEN_DUE,
    as_json: bool = False,
    told: bool = True,
) -> list[RunOutcome]:
    """Sync the modules of that name, all without any; the outcomes when every pass has ended or was drained.

    How each pass ends is printed as it ends, unless the caller tells it (`told` is False).

    Brings the ledgers up to date before. Raises what that or an unknown name raises; what goes wrong with a module is
    in its outcome.
    """
    several = len(settings) > 1

    def name(key: StreamKey) -> str:
        return str(key) if several else key.module

    keys = [StreamKey(one.org, module) for one in settings for module in one.modules]
    shown = Shown(several_orgs=several)
    results = (Results(keys, as_json=as_json, name=name),) if told else ()
    observer = Observers(shown.observer, *results)
    with (
        logs_of_verb(settings),
        threads_for(settings) as executor,
        Fleet(settings, pause=stop, observer=observer, executor=executor) as fleet,
    ):
        chosen = fleet.chosen(modules)
        fleet.upgrade()
        fleet.sweep()
        with shown:
            return fleet.sync_all(chosen, full=full, census=census)
