"""The deleted-records feed: its own cursor, read after the run's files so that no older export can undo it."""

from dataclasses import replace
from datetime import timedelta

from syncd.core.limits import DELETED_KEPT_FOR, SCOPE_MISSING
from syncd.core.model import Lease, LoadCounts, Stream, StreamPolicy, Table
from syncd.core.windows import settled_until
from syncd.errors import Refused
from syncd.sync.context import SyncContext

DAILY = timedelta(days=1)


def read_deletes(
    context: SyncContext, lease: Lease, stream: Stream, policy: StreamPolicy, table: Table
) -> tuple[LoadCounts, tuple[str, ...]]:
    """Read what was deleted since the last reading and tombstone it; returns the count and notes for the outcome.

    The cursor overlaps as windows do. A module whose deletes Zoho does not list is left to the census, with a note.
    """
    until = settled_until(context.api.server_time(), policy.settle)
    if stream.deletes_through is None or not _due(stream, policy, until - stream.deletes_through):
        return LoadCounts(), ()
    notes: tuple[str, ...] = ()
    if until - stream.deletes_through > DELETED_KEPT_FOR:
        notes = (f"the deleted-records feed remembers {DELETED_KEPT_FOR.days} days; older deletes need a census",)
    try:
        deletions = list(context.api.deleted(stream.key.module, stream.deletes_through - policy.overlap))
    except Refused as error:
        if error.code == SCOPE_MISSING:
            raise
        return LoadCounts(), (f"Zoho lists no deletes for this module ({error.code}); only a census finds them",)
    with context.store.transaction(lease) as transaction:
        marked = transaction.tombstone(table, deletions)
        if policy.calendar:
            marked += transaction.tombstone_events(table.schema, stream.key.module, deletions)
        transaction.update_stream(replace(stream, deletes_through=until))
    return LoadCounts(deleted=marked), notes


def _due(stream: Stream, policy: StreamPolicy, since: timedelta) -> bool:
    if policy.deletes == "off" or stream.watermark is None:
        return False
    return since >= (DAILY if policy.deletes == "daily" else timedelta(0))
