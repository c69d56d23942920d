"""Rows over a store, on both stores."""

import msgspec
import pytest

from streams.fold import Table
from streams.rows import Batch
from streams.store import BEGINNING, Progress, Store, digest_of, key_prefix
from streams.store_memory import MemoryStores
from streams.store_rocksdict import RocksStores


class Row(msgspec.Struct, frozen=True):
    n: int
    tags: dict[str, int] = {}


A, B = Table("a", Row), Table("ab", Row)
DECODERS = {table.name: msgspec.msgpack.Decoder(Row) for table in (A, B)}


@pytest.fixture(params=["memory", "rocksdict"])
def store(request, tmp_path):
    stores = MemoryStores() if request.param == "memory" else RocksStores(tmp_path)
    store = stores.open("view.v1", 0)
    yield store
    store.close()


def commit(store: Store, batch: Batch, watermark: int) -> None:
    changes, digest = batch.changes(store.progress().digest)
    store.commit(changes, Progress(watermark, digest))


def test_an_empty_store_is_at_the_beginning(store: Store) -> None:
    assert store.progress() == BEGINNING
    assert list(store.scan(b"")) == []


def test_reads_see_the_writes_of_the_batch_and_the_store_only_after_the_commit(store: Store) -> None:
    batch = Batch(store, DECODERS)
    rows = batch.rows(b"k")[A]
    rows["x"] = Row(1)
    assert rows["x"] == Row(1)
    assert list(store.scan(b"")) == []
    commit(store, batch, 7)
    assert Batch(store, DECODERS).rows(b"k")[A]["x"] == Row(1)
    assert store.progress().watermark == 7


def test_rows_come_in_the_order_of_their_keys_whether_stored_or_new(store: Store) -> None:
    batch = Batch(store, DECODERS)
    for name in ("b", "d", "é", "𐍈"):
        batch.rows(b"k")[A][name] = Row(1)
    batch.rows(b"k")[B]["c"] = Row(2)
    batch.rows(b"kk")[A]["c"] = Row(3)
    commit(store, batch, 0)
    batch = Batch(store, DECODERS)
    rows = batch.rows(b"k")[A]
    rows["c"] = Row(4)
    rows["a"] = Row(5)
    del rows["d"]
    assert list(rows.items()) == [("a", Row(5)), ("b", Row(1)), ("c", Row(4)), ("é", Row(1)), ("𐍈", Row(1))]
    assert list(rows) == list(rows)
    assert len(rows) == 5
    assert "d" not in rows
    assert "a" in rows


def test_a_cleared_table_is_empty_and_leaves_nothing(store: Store) -> None:
    batch = Batch(store, DECODERS)
    for i in range(50):
        batch.rows(b"k")[A][str(i)] = Row(i)
    commit(store, batch, 0)
    batch = Batch(store, DECODERS)
    batch.rows(b"k")[A].clear()
    assert not batch.rows(b"k")[A]
    commit(store, batch, 1)
    assert list(store.scan(b"")) == []
    assert store.progress() == Progress(1, 0)


def test_dropped_writes_are_taken_back_to_the_last_kept(store: Store) -> None:
    batch = Batch(store, DECODERS)
    rows = batch.rows(b"k")[A]
    rows["x"] = Row(1)
    batch.keep()
    rows["x"] = Row(2)
    rows["y"] = Row(3)
    rows["x"] = Row(4)
    del rows["x"]
    batch.drop()
    assert dict(rows.items()) == {"x": Row(1)}


def test_the_digest_follows_every_change_and_forgets_what_is_gone(store: Store) -> None:
    for watermark, change in enumerate([("x", Row(1)), ("y", Row(2)), ("x", Row(3)), ("y", None)]):
        batch = Batch(store, DECODERS)
        name, row = change
        if row is None:
            del batch.rows(b"k")[A][name]
        else:
            batch.rows(b"k")[A][name] = row
        commit(store, batch, watermark)
        assert store.progress().digest == digest_of(store)


def test_an_unchanged_row_is_not_written(store: Store) -> None:
    batch = Batch(store, DECODERS)
    batch.rows(b"k")[A]["x"] = Row(1, {"a": 1, "b": 2})
    commit(store, batch, 0)
    batch = Batch(store, DECODERS)
    batch.rows(b"k")[A]["x"] = Row(1, {"b": 2, "a": 1})
    assert batch.changes(5) == ({}, 5)


def test_the_keys_with_rows_are_found_each_once(store: Store) -> None:
    batch = Batch(store, DECODERS)
    for key in (b"", b"a", b"b", b"aa", b"\xff", b"\xff\xff", b"gone"):
        batch.rows(key)[A]["x"] = Row(1)
        batch.rows(key)[B]["y"] = Row(1)
    commit(store, batch, 0)
    batch = Batch(store, DECODERS)
    batch.rows(b"gone")[A].clear()
    batch.rows(b"gone")[B].clear()
    batch.rows(b"new")[B]["x"] = Row(1)
    batch.rows(b"looked-at")[B].get("x")
    assert batch.keys() == [b"", b"a", b"b", b"\xff", b"aa", b"\xff\xff", b"new"]


def test_a_key_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        key_prefix(b"x" * 65_535)
