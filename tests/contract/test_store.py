"""What every store promises beyond rows: one owner, and what was committed is there for the next."""

from abc import ABC, abstractmethod

import pytest

from streams.errors import FatalError
from streams.store import Progress, StoreBusyError, Stores
from streams.store_memory import MemoryStores
from streams.store_rocksdict import RocksStores


class StoresCase(ABC):
    @pytest.fixture
    @abstractmethod
    def stores(self, tmp_path) -> Stores:
        """Empty stores."""

    def test_a_partition_has_one_owner_at_a_time(self, stores: Stores) -> None:
        first = stores.open("view.v1", 3)
        with pytest.raises(StoreBusyError):
            stores.open("view.v1", 3)
        stores.open("view.v1", 4).close()
        stores.open("view.v2", 3).close()
        first.close()
        stores.open("view.v1", 3).close()

    def test_the_next_owner_finds_what_was_committed(self, stores: Stores) -> None:
        progress = Progress(2**40, 2**128 - 1)
        first = stores.open("view.v1", 0)
        first.commit({b"\0\1ka\0x": b"1", b"\0\1ka\0y": b"2"}, Progress(0, 1))
        first.commit({b"\0\1ka\0x": None, b"\0\1ka\0z": b"3", b"\0\1ka\0none": None}, progress)
        first.close()
        second = stores.open("view.v1", 0)
        assert list(second.scan(b"")) == [(b"\0\1ka\0y", b"2"), (b"\0\1ka\0z", b"3")]
        assert list(second.scan(b"\0\1ka\0z")) == [(b"\0\1ka\0z", b"3")]
        assert list(second.scan(b"\0\1k", b"\0\1ka\0yy")) == [(b"\0\1ka\0z", b"3")]
        assert list(second.scan(b"\0\1j")) == []
        assert (second.get(b"\0\1ka\0y"), second.get(b"\0\1ka\0x")) == (b"2", None)
        assert second.progress() == progress
        second.close()


class TestMemoryStores(StoresCase):
    @pytest.fixture
    def stores(self, tmp_path) -> Stores:
        return MemoryStores()


class TestRocksStores(StoresCase):
    @pytest.fixture
    def stores(self, tmp_path) -> Stores:
        return RocksStores(tmp_path)

    def test_what_is_no_database_is_refused_with_the_way_out(self, tmp_path) -> None:
        (tmp_path / "view.v1" / "0").mkdir(parents=True)
        (tmp_path / "view.v1" / "0" / "CURRENT").write_text("nonsense")
        with pytest.raises(FatalError, match="Remove the directory"):
            RocksStores(tmp_path).open("view.v1", 0)
