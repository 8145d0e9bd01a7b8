"""Rows: identity, late changes, deletes."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.simulator.rows import LIVE, RowStore

BASE = 5725767 * 10**12 + 3 * 10**10


def filled(number: int, start: int = 1000) -> RowStore:
    store = RowStore(BASE)
    stamps = array("q", range(start, start + number))
    store.fill(stamps, stamps)
    return store


@given(index=st.integers(min_value=0, max_value=9_999_998))
def test_ids_have_19_digits_and_lead_back_to_the_index(index: int) -> None:
    store = RowStore(BASE)
    store.created = range(index + 1)  # type: ignore[assignment]  # only the length counts here
    record_id = store.id_of(index)
    assert len(str(record_id)) == 19
    assert store.index_of(record_id) == index
    with pytest.raises(KeyError):
        store.index_of(record_id + 1)


def test_a_late_edit_carries_its_stamp_from_before_it_was_visible() -> None:
    store = filled(2)
    store.edit(0, 5000.7, {"Name": "new"}, late=10)
    store.reveal(5010.6)
    assert (store.modified[0], store.versions[0]) == (1000, 0)
    store.reveal(5010.8)
    assert (store.modified[0], store.versions[0], store.overrides[0]) == (5000, 1, {"Name": "new"})


def test_changes_of_one_row_stay_in_order_behind_a_late_one() -> None:
    store = filled(1)
    store.edit(0, 5000, {"Name": "first"}, late=10)
    store.edit(0, 5002, {"Name": "second"})
    store.reveal(5009)
    assert store.versions[0] == 0
    assert store.final_block().versions[0] == 2
    assert store.final_block().overrides[0] == {"Name": "second"}
    store.reveal(5010)
    assert (store.modified[0], store.versions[0], store.overrides[0]["Name"]) == (5002, 2, "second")


def test_a_late_create_exists_before_it_is_visible() -> None:
    store = filled(1)
    index = store.create(5000, {"Name": "x"}, late=3)
    assert store.live_indexes() == [0]
    assert list(store.final_block().indexes) == [0, index]
    with pytest.raises(ValueError, match="not visible"):
        store.delete(index, 5001)
    store.reveal(5003)
    assert store.live_indexes() == [0, index]


def test_rows_are_in_order_of_creation_even_if_the_clock_trembles() -> None:
    store = filled(1, start=9000)
    store.create(8999.9)
    assert list(store.created) == [9000, 9000]


def test_deletes_are_listed_for_60_or_120_days() -> None:
    store = filled(3)
    store.delete(0, 2000)
    store.delete(1, 2000, permanent=True)
    store.delete(2, 2000, listed=False)
    day = 86400
    assert [d.index for d in store.listed_deletions(2000 + 60 * day)] == [0, 1]
    assert [d.index for d in store.listed_deletions(2001 + 60 * day)] == [1]
    assert store.listed_deletions(2001 + 120 * day) == []
    assert store.deleted_ids() == {store.id_of(index) for index in range(3)}


def test_the_feed_may_lag_behind_the_delete() -> None:
    store = filled(1)
    store.delete(0, 2000, lag=5)
    assert store.live_count() == 0
    assert store.listed_deletions(2004) == []
    assert len(store.listed_deletions(2005)) == 1


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("stays", [True, False])
def test_a_restore_does_what_the_switches_say(moves: bool, stays: bool) -> None:
    store = filled(1)
    store.delete(0, 2000)
    store.restore(0, 3000, moves_stamp=moves, stays_listed=stays)
    assert store.presence[0] == LIVE
    assert store.modified[0] == (3000 if moves else 1000)
    assert bool(store.listed_deletions(3000)) is stays


def test_only_what_is_in_the_bin_can_be_restored_or_purged() -> None:
    store = filled(1)
    with pytest.raises(ValueError, match="recycle bin"):
        store.restore(0, 1, moves_stamp=True, stays_listed=False)
    store.delete(0, 2000)
    store.purge(0, 2500)
    assert store.listed_deletions(2500)[0].permanent
    with pytest.raises(ValueError, match="recycle bin"):
        store.purge(0, 2600)
    with pytest.raises(ValueError, match="was deleted"):
        store.edit(0, 2600)


def test_parts_of_a_block_keep_their_overrides() -> None:
    store = filled(10)
    store.edit(7, 2000, {"Name": "seven"})
    part = store.block(range(10)).part(5, 9)
    assert list(part.indexes) == [5, 6, 7, 8]
    assert part.overrides == {2: {"Name": "seven"}}
