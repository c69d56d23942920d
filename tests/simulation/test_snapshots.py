"""Snapshots of stores: what is restored is what was saved, whatever was torn, damaged or thinned out meanwhile."""

import asyncio
import random
import shutil
import threading
from itertools import pairwise
from math import log
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import TransientError
from streams.fold import Table
from streams.objects import StoredObjects
from streams.rows import Batch
from streams.snapshots import RECENT, THINNING, Snapshots, rows_fingerprint, thinned
from streams.store import DIGEST_MODULUS, Progress, Store, digest_of, row_hash
from streams.store_rocksdict import RocksStores
from tests.simulation.counting import CountingFold
from tests.simulation.store_writer import DECODERS, NUMBERS, ROWS, Number, Writer
from tests.simulation.test_store_kill import killed

VIEW = "counting.v1"
EVERY = 100


class Host:
    """A host's stores, and the object store that it shares with others."""

    def __init__(self, folder: Path, objects: StoredObjects) -> None:
        self.folder = folder
        self.stores = RocksStores(folder, snapshots=Snapshots(objects, [CountingFold()]), every=EVERY)

    def open(self) -> Store:
        return self.stores.open(VIEW, 0)


def write(store: Store, records: int, seed: int = 1) -> None:
    """Commits some rows, ten records a batch."""
    dice = random.Random(seed)
    for _ in range(records // 10):
        watermark, digest = store.progress()
        changes = {}
        for _ in range(10):
            address, row = b"\0\1k" + dice.randbytes(12), dice.randbytes(60)
            changes[address] = row
            digest += row_hash(address, row)
        store.commit(changes, Progress(watermark + 10, digest % DIGEST_MODULUS))


def objects_of(objects: StoredObjects) -> list[str]:
    return list(asyncio.run(objects.list("snapshots")))


def manifests(objects: StoredObjects) -> list[int]:
    return asyncio.run(Snapshots(objects, [CountingFold()]).watermarks(VIEW, 0))


@pytest.fixture
def saved(objects: StoredObjects, tmp_path: Path):
    """Snapshots at 99, 199 and 299; the store's own rows go on a little."""
    host = Host(tmp_path / "a", objects)
    store = host.open()
    for seed in range(3):
        write(store, EVERY, seed)
        assert host.stores.sent(10)
    write(store, 50, 9)
    store.close()
    assert host.stores.sent(10)
    assert manifests(objects) == [299, 199, 99]
    return objects


def restored(objects: StoredObjects, folder: Path) -> Progress:
    """Where another host goes on, its rows proven."""
    store = Host(folder, objects).open()
    progress = store.progress()
    assert progress.digest == digest_of(store)
    store.close()
    return progress


def test_another_host_goes_on_from_the_newest(saved: StoredObjects, tmp_path: Path) -> None:
    assert restored(saved, tmp_path / "b").watermark == 299


def test_a_file_that_did_not_change_is_sent_once(saved: StoredObjects) -> None:
    found = [asyncio.run(Snapshots(saved, [CountingFold()]).read(VIEW, 0, watermark)) for watermark in (99, 199, 299)]
    tables = [{file.sha256 for file in snapshot.files if file.name.endswith(".sst")} for snapshot in found]
    assert tables[0] < tables[1] < tables[2]
    assert found[2].digest != found[1].digest


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
@pytest.mark.parametrize("what", [".json", ".sst"])
def test_a_damaged_snapshot_gives_way_to_the_one_before(saved: StoredObjects, tmp_path: Path, damage: bytes | None, what: str) -> None:
    addresses = objects_of(saved)
    if what == ".sst":
        before, newest = (asyncio.run(Snapshots(saved, [CountingFold()]).read(VIEW, 0, watermark)) for watermark in (199, 299))
        [hit] = [f.sha256 for f in newest.files if f.name.endswith(what) and f not in before.files]
        [address] = [each for each in addresses if each.endswith(hit)]
    else:
        address = max(each for each in addresses if each.endswith(what))
    asyncio.run(saved.delete([address]) if damage is None else saved.put(address, damage))
    assert restored(saved, tmp_path / "b").watermark == 199


def test_a_flipped_bit_is_seen(saved: StoredObjects, tmp_path: Path) -> None:
    newest = asyncio.run(Snapshots(saved, [CountingFold()]).read(VIEW, 0, 299))
    for file in newest.files:  # the oldest table is in all three: then nothing is left, and the log is folded from its start
        address = f"snapshots/{VIEW}/0/files/{file.sha256}"
        data = asyncio.run(saved.get(address))
        asyncio.run(saved.put(address, bytes([data[0] ^ 1]) + data[1:] if data else b"1"))
    assert restored(saved, tmp_path / "b") == Progress(-1, 0)


def test_rows_that_were_damaged_before_they_were_saved_are_not_taken_up(saved: StoredObjects, tmp_path: Path) -> None:
    host = Host(tmp_path / "b", saved)
    store = host.open()
    write(store, EVERY - 10)
    watermark, digest = store.progress()
    store.commit({b"\0\1kstray": b"not counted"}, Progress(watermark + 10, digest))
    assert host.stores.sent(10)
    store.close()
    assert manifests(saved)[0] == 399
    assert restored(saved, tmp_path / "c").watermark == 299


def test_a_torn_sending_is_never_seen(saved: StoredObjects, tmp_path: Path) -> None:
    host = Host(tmp_path / "b", saved)
    store = host.open()

    async def torn(address: str, data: bytes) -> None:
        if address.endswith(".json"):
            raise ConnectionError("the network is gone")
        await StoredObjects.put(saved, address, data)

    saved.put = torn
    write(store, EVERY, 4)
    assert host.stores.sent(10)
    write(store, 50, 5)
    del saved.put
    assert manifests(saved) == [299, 199, 99]
    assert restored(saved, tmp_path / "c").watermark == 299
    write(store, EVERY, 6)  # the next one is whole though its files were there in part
    assert host.stores.sent(10)
    store.close()
    assert restored(saved, tmp_path / "d").watermark == manifests(saved)[0] > 400


def test_a_partition_that_comes_back_at_once_leaves_its_snapshot_under_way_alone(objects: StoredObjects, tmp_path: Path) -> None:
    host = Host(tmp_path / "a", objects)
    gate = threading.Event()

    async def slow(address: str, data: bytes) -> None:
        await asyncio.to_thread(gate.wait)
        await StoredObjects.put(objects, address, data)

    objects.put = slow
    store = host.open()
    write(store, EVERY)
    left = tmp_path / "a" / ".checkpoints" / VIEW / "0" / "7"
    left.mkdir()
    store.close()
    host.open().close()
    assert not left.exists()
    gate.set()
    assert host.stores.sent(10)
    assert manifests(objects) == [EVERY - 1]
    assert list((tmp_path / "a" / ".checkpoints" / VIEW / "0").iterdir()) == []


def test_other_row_types_without_a_new_version_are_not_taken_up(saved: StoredObjects, tmp_path: Path) -> None:
    class Other(CountingFold):
        tables = (Table("total", msgspec.defstruct("Other", [("total", str)])),)

    stores = RocksStores(tmp_path / "b", snapshots=Snapshots(saved, [Other()]))
    assert stores.open(VIEW, 0).progress().watermark == -1


def test_texts_do_not_change_the_row_types_and_fields_do() -> None:
    class Told(msgspec.Struct, frozen=True):
        """With a text."""

        total: int
        ticks: int = 0

    def fingerprint(row: type[msgspec.Struct]) -> str:
        fold = CountingFold()
        fold.tables = (Table("t", row),)
        return rows_fingerprint(fold)

    told, plain = fingerprint(Told), fingerprint(msgspec.defstruct("Told", [("total", int), ("ticks", int, 0)]))
    assert told == plain
    assert told != fingerprint(msgspec.defstruct("Told", [("title", int), ("ticks", int, 0)]))
    assert told != fingerprint(msgspec.defstruct("Told", [("total", str), ("ticks", int, 0)]))


def test_a_store_left_here_long_ago_is_replaced_and_one_that_is_nearly_as_new_is_not(saved: StoredObjects, tmp_path: Path) -> None:
    for lead, expected in ((150, 299), (250, 250)):
        folder = tmp_path / str(lead)
        store = RocksStores(folder).open(VIEW, 0)
        store.commit({}, Progress(lead, 0))
        store.close()
        store = Host(folder, saved).open()
        assert store.progress().watermark == expected
        store.close()


class Away(StoredObjects):
    """An object store that does not answer."""

    async def list(self, folder: str):
        raise ConnectionError("the network is gone")


def test_without_the_object_store_a_store_that_is_here_goes_on_and_one_that_is_not_waits(saved: StoredObjects, tmp_path: Path) -> None:
    away = Away.at("memory://")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    store = Host(tmp_path / "copy", away).open()
    assert store.progress().watermark == 349
    store.close()
    with pytest.raises(TransientError, match="cannot be read"):
        Host(tmp_path / "nothing", away).open()


def test_a_partition_given_away_is_saved_where_it_is_worth_it(objects: StoredObjects, tmp_path: Path) -> None:
    host = RocksStores(tmp_path / "a", snapshots=Snapshots(objects, [CountingFold()]))
    for records, expected in ((500, []), (1_000, [1_499])):
        store = host.open(VIEW, 0)
        write(store, records, records)
        store.close()
        assert host.sent(10)
        assert manifests(objects) == expected


def test_older_ones_are_thinned_and_what_is_kept_is_whole(objects: StoredObjects, tmp_path: Path) -> None:
    host = Host(tmp_path / "a", objects)
    store = host.open()
    for seed in range(40):
        write(store, EVERY, seed)
        assert host.stores.sent(10)
    store.close()
    kept = manifests(objects)
    assert kept[:RECENT] == [3_999, 3_899, 3_799]
    assert 20 < len(kept) < 40
    named = set()
    for watermark in kept:
        snapshot = asyncio.run(Snapshots(objects, [CountingFold()]).read(VIEW, 0, watermark))
        named |= {f"snapshots/{VIEW}/0/files/{file.sha256}" for file in snapshot.files}
        found = asyncio.run(Snapshots(objects, [CountingFold()]).restore(VIEW, 0, tmp_path / str(watermark), at_most=watermark))
        assert found == snapshot
    assert {each for each in objects_of(objects) if "/files/" in each} == named


@given(st.integers(1, 400), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_thinning_keeps_every_moment_within_reach(count: int, pace: int) -> None:
    kept: list[int] = []
    for number in range(count):
        kept, _ = thinned([number * pace * 100, *kept])
    newest = kept[0]
    assert kept[-1] == 0
    for newer, older in pairwise(kept):
        assert newer - older <= max(pace * 100, (newest - older) / THINNING)
    assert len(kept) <= RECENT + 2 * THINNING * (1 + log(count))


@pytest.mark.kill
def test_kills_while_snapshots_are_sent_leave_only_whole_ones(objects: StoredObjects, tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'objects'}"
    dice, newest = random.Random(5), -1
    for number in range(8):
        # Each time on another host: what is there is what the one before has managed to send.
        said = killed([str(tmp_path / f"{number}"), url], dice.uniform(0.05, 0.3))
        store = RocksStores(tmp_path / "reader", snapshots=Snapshots(objects, [Writer()])).open("writer.v1", 0)
        progress = store.progress()
        assert progress.digest == digest_of(store)
        rows = dict(Batch(store, DECODERS).rows(b"key")[NUMBERS].items())
        assert rows == {str(i): Number(progress.watermark, bytes(progress.watermark % 400)) for i in range(ROWS)}
        store.close()
        shutil.rmtree(tmp_path / "reader")
        assert said[0] == newest + 1
        assert newest <= progress.watermark <= said[-1] + 1
        newest = progress.watermark
    assert newest > 100
