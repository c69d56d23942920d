"""What the lake needs of an object store: one case, run on each kind."""

import time
from abc import ABC, abstractmethod
from pathlib import Path

import pytest
from lake_stage import TOPIC, codec, expected, fill

from sinks.lake.lake import Lake, Limits
from streams.lake.shelf import Shelf
from streams.log_lake import LakeLog
from streams.log_memory import MemoryLog
from streams.objects import ObjectMissingError, StoreUnavailableError

HIVE = "lake/a.b.events.v1/event=X/hour=2026-11-22T20/p0-1.s1.parquet"


class ShelfCase(ABC):
    """The contract."""

    @pytest.fixture
    @abstractmethod
    def shelf(self) -> Shelf:
        """An empty one."""

    def test_an_object_comes_back(self, shelf: Shelf) -> None:
        assert shelf.create(HIVE, b"1")
        assert shelf.get(HIVE) == shelf.find(HIVE) == b"1"

    def test_what_is_not_there_is_missing(self, shelf: Shelf) -> None:
        assert shelf.find("lake/none") is None
        assert shelf.names("lake/none") == []
        shelf.delete("lake/none")
        with pytest.raises(ObjectMissingError):
            shelf.get("lake/none")

    def test_names_are_ordered_and_begin_past_one(self, shelf: Shelf) -> None:
        for name in ("b", "c", "a"):
            shelf.create(f"lake/x/{name}", b"")
        shelf.create("lake/xx/a", b"")
        assert shelf.names("lake/x") == ["lake/x/a", "lake/x/b", "lake/x/c"]
        assert shelf.names("lake/x", "lake/x/a") == ["lake/x/b", "lake/x/c"]
        shelf.delete("lake/x/b")
        assert shelf.names("lake/x") == ["lake/x/a", "lake/x/c"]

    def test_an_object_is_made_once_or_the_store_is_known_not_to_care(self, shelf: Shelf) -> None:
        shelf.create(HIVE, b"1")
        assert shelf.create(HIVE, b"2") is not shelf.exclusive()
        assert shelf.get(HIVE) == (b"1" if shelf.exclusive() else b"2")
        assert shelf.names("lake/_staging") == []

    def test_a_lake_is_written_and_read(self, shelf: Shelf) -> None:
        log, (code, registry), ends = MemoryLog({TOPIC: 2}), codec(), {0: 0, 1: 0}
        fill(log, code, ends, 300)
        lake = Lake(log, registry, shelf, {TOPIC: 2}, Limits(rows=200, age_s=0))
        lake.open()
        while lake.lag():
            lake.land_due()
            time.sleep(0.002)
        lake.close()
        read = [record for batch in LakeLog(shelf, {TOPIC: 2}).read(TOPIC, 1, 0, 300) for record in batch]
        assert read == [expected(code, 1, offset) for offset in range(300)]


class TestLocalShelf(ShelfCase):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        return Shelf.at(f"file://{tmp_path / 'with space'}")

    def test_a_folder_that_takes_no_object_is_told(self, tmp_path: Path) -> None:
        shelf = Shelf.at(f"file://{tmp_path}")
        (tmp_path / "lake" / "x").write_text("a file in the way")
        with pytest.raises(StoreUnavailableError, match="lake/x/a could not be written"):
            shelf.create("lake/x/a", b"")


class TestMemoryShelf(ShelfCase):
    @pytest.fixture
    def shelf(self) -> Shelf:
        return Shelf.at("memory://")


@pytest.mark.broker
class TestS3Shelf(ShelfCase):
    @pytest.fixture
    def shelf(self, s3_bucket: str) -> Shelf:
        return Shelf.at(f"{s3_bucket}/a/prefix")
