"""Replays: the same range gives the same manifest however it is divided, and whatever differs shows."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import FatalError
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.replay.bounded import replay
from streams.replay.manifest import Manifest
from streams.replay.partition import Connection, Plan
from streams.replay.processes import shares
from streams.replay.ranges import Moment, OutOfRangeError, ranges
from streams.snapshots import Snapshots
from streams.store import digest_of
from streams.store_rocksdict import RocksStores
from streams.views import refolding
from tests.simulation.counting import INPUT, CountingFold
from tests.simulation.replaying import EVENTS, FIRST_US, connect, dies, fails

VIEW = "counting.v1"
LETTERS = 1
"""Undecodable records on the log of `connect`, beside a tombstone."""


def whole(**changes) -> Plan:
    return Plan(INPUT, ranges(connect().source, INPUT, None, None), CountingFold(), code_version="1")._replace(**changes)


def copied(change=lambda record: record) -> Connection:
    """The same log with records changed on the way."""
    connection, log = connect(), MemoryLog()
    for partition, records in enumerate(connection.source._topics[INPUT]):
        log._topics[INPUT][partition] = [change(record) for record in records]
    return connection._replace(source=log)


@pytest.mark.row("E1")
@pytest.mark.parametrize("fold", [CountingFold(), None])
def test_one_process_and_three_give_the_same_manifest(fold: CountingFold | None) -> None:
    heard: dict[int, int] = {}
    one = replay(whole(fold=fold), connect, processes=1)
    assert one == replay(whole(fold=fold), connect, processes=3, told=heard.__setitem__)
    assert heard == {part.partition: part.end for part in one.partitions}
    assert one.records == EVENTS + 2
    assert one.events == {"chronicast.social.Followed": EVENTS, "not avro": 1, "tombstone": 1}
    assert one.address == f"replays/{VIEW if fold else f'topic/{INPUT}'}/{one.id}.json"


def test_batches_of_any_size_give_the_same_manifest(monkeypatch) -> None:
    expected = replay(whole(), connect)
    assert sum(part.sent for part in expected.partitions) == EVENTS + LETTERS
    monkeypatch.setattr(refolding, "BATCH", 7)
    assert replay(whole(), connect) == expected


@pytest.mark.parametrize("fold", [CountingFold(), None])
def test_a_single_changed_bit_shows(fold: CountingFold | None) -> None:
    expected = replay(whole(fold=fold), copied)

    def flipped() -> Connection:
        def flip(record):
            if (record.partition, record.offset) != (2, 100):
                return record
            return record._replace(value=record.value[:-1] + bytes([record.value[-1] ^ 1]))

        return copied(flip)

    found = replay(whole(fold=fold), flipped)
    assert found.id != expected.id
    changed = [part.partition for part, other in zip(found.partitions, expected.partitions, strict=True) if part != other]
    assert changed == [2]


def test_headers_count_in_a_topics_content_and_not_in_rows() -> None:
    def headed() -> Connection:
        return copied(lambda record: record._replace(headers=(*record.headers, ("a", b"b"))))

    assert replay(whole(fold=None), headed).content != replay(whole(fold=None), connect).content
    assert replay(whole(), headed).state == replay(whole(), connect).state


def test_a_range_by_time_is_that_range_by_offset() -> None:
    source = connect().source
    middle = ranges(source, INPUT, Moment(FIRST_US // 1_000 + 500_000), Moment(FIRST_US // 1_000 + 700_000))
    manifest = replay(whole(ranges=middle), connect)
    assert manifest.records == 200
    for part in manifest.partitions:
        one = replay(whole(ranges=ranges(source, INPUT, part.start, part.end, [part.partition])), connect)
        assert one.partitions == (part,)


def test_from_a_snapshot_the_rows_are_the_same_and_less_is_folded(tmp_path: Path, objects: StoredObjects) -> None:
    expected = replay(whole(), connect)
    stores = RocksStores(tmp_path / "live", snapshots=Snapshots(objects, [CountingFold()]))
    for partition, offsets in whole().ranges.items():
        half = whole(ranges={partition: range(len(offsets) // 2)}, outputs=False)
        replay(half, connect, stores=tmp_path / "half")
        (tmp_path / "live" / VIEW).mkdir(parents=True, exist_ok=True)
        db = RocksStores(tmp_path / "half").open(VIEW, partition)
        checkpointed(stores, db, partition)
    connection = connect()._replace(snapshots=Snapshots(objects, [CountingFold()]))
    found = replay(whole(from_snapshot=True), lambda: connection)
    assert found.state == expected.state
    assert found.records == (EVENTS + 2) // 2
    assert all(part.begun_from for part in found.partitions)


def checkpointed(stores: RocksStores, store, partition: int) -> None:
    """Saves a store as its runner would."""
    stores._snapshots.take(VIEW, partition, store._db, store.progress())
    assert stores.sent(10)
    store.close()


def test_the_rows_stay_where_they_are_wanted_and_are_never_mixed(tmp_path: Path) -> None:
    manifest = replay(whole(), connect, stores=tmp_path)
    for part in manifest.partitions:
        store = RocksStores(tmp_path).open(VIEW, part.partition)
        assert f"{digest_of(store):032x}" == part.state
        assert store.progress().watermark == part.end - 1
        store.close()
    with pytest.raises(FatalError, match="begins in an empty directory"):
        replay(whole(), connect, stores=tmp_path)


def test_without_outputs_the_rows_are_the_same() -> None:
    found, expected = replay(whole(outputs=False), connect), replay(whole(), connect)
    assert (found.state, found.outputs) == (expected.state, None)
    assert expected.outputs is not None


def test_what_is_not_there_is_refused_with_what_is() -> None:
    source = connect().source
    with pytest.raises(OutOfRangeError, match=r"0 to 5000 of .* were asked for, and 0 to 600 are there"):
        ranges(source, INPUT, None, 5_000, [0])
    with pytest.raises(OutOfRangeError, match="has partitions 0 to 3, not 7"):
        ranges(source, INPUT, None, None, [7])
    assert ranges(source, INPUT, 10, 5, [0]) == {0: range(10, 10)}


def test_a_process_that_fails_or_dies_ends_the_replay() -> None:
    with pytest.raises(FatalError, match="no such place"):
        replay(whole(), fails, processes=2)
    with pytest.raises(FatalError, match=r"died and left partitions \[\d, \d\]"):
        replay(whole(), dies, processes=2)


def test_a_manifest_is_stored_by_its_content(objects: StoredObjects) -> None:
    manifest = replay(whole(), connect)
    asyncio.run(manifest.keep(objects))
    stored = asyncio.run(objects.get(manifest.address))
    assert msgspec.json.decode(stored, type=Manifest) == manifest
    assert replay(whole(code_version="2"), connect).address != manifest.address


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 100), min_size=1), st.integers(1, 5))
def test_each_partition_is_one_processes_share(sizes: dict[int, int], count: int) -> None:
    found = shares(sizes, count)
    assert sorted(partition for share in found for partition in share) == sorted(sizes)
    loads = [sum(sizes[partition] for partition in share) for share in found]
    assert max(loads) <= sum(sizes.values()) / count + max(sizes.values())
