"""What every object store promises: whole objects by address, and lists of them."""

import asyncio
import resource
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streams.objects import LARGE, ObjectMissingError, Objects, StoredObjects
from streams.objects_tiered import TieredObjects


class ObjectsCase(ABC):
    @pytest.fixture
    @abstractmethod
    def objects(self, tmp_path) -> Objects:
        """An empty store."""

    async def test_what_was_put_is_there_and_the_last_one_counts(self, objects: Objects) -> None:
        await objects.put("a/b", b"1")
        await objects.put("a/b", b"22")
        assert await objects.get("a/b") == b"22"

    async def test_a_missing_object_is_told_by_its_address(self, objects: Objects) -> None:
        with pytest.raises(ObjectMissingError, match="a/b"):
            await objects.get("a/b")

    async def test_deleting_passes_over_what_is_not_there(self, objects: Objects) -> None:
        for address in ("a", "b"):
            await objects.put(address, b"1")
        await objects.delete(["nothing", "a", "neither"])
        assert await objects.list("") == ["b"]
        await objects.delete([])

    async def test_a_list_holds_the_folder_and_what_is_below_it_in_order(self, objects: Objects) -> None:
        for address in ("a/b/2", "a/b/10", "a/bc/1", "a/b/c/d", "b"):
            await objects.put(address, b"")
        assert await objects.list("a/b") == ["a/b/10", "a/b/2", "a/b/c/d"]
        assert await objects.list("a") == ["a/b/10", "a/b/2", "a/b/c/d", "a/bc/1"]
        assert await objects.list("nowhere") == []

    async def test_a_second_address_outlives_the_first(self, objects: Objects) -> None:
        await objects.put("live/1", b"media")
        for _ in range(2):
            await objects.link("live/1", "kept/a/1")
        await objects.delete(["live/1"])
        assert await objects.get("kept/a/1") == b"media"
        assert await objects.list("") == ["kept/a/1"]
        with pytest.raises(ObjectMissingError, match="live/1"):
            await objects.link("live/1", "kept/b")

    async def test_a_long_list_is_whole(self, objects: Objects) -> None:
        names = [f"many/{number:04}" for number in range(1_100)]  # S3 answers a thousand at a time
        await asyncio.gather(*(objects.put(name, b"") for name in names))
        assert await objects.list("many") == names


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The system takes no more bytes of a file, as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestLocalObjects(ObjectsCase):
    @pytest.fixture
    def objects(self, tmp_path) -> Objects:
        return StoredObjects.at(f"file://{tmp_path / 'objects'}")

    async def test_what_is_being_written_is_in_no_list(self, objects: Objects, tmp_path) -> None:
        await objects.put("a/b", b"1")
        assert [path.name for path in (tmp_path / "objects" / "a").iterdir()] == ["b"]
        (tmp_path / "objects" / "a" / "c#12").write_bytes(b"half")
        assert await objects.list("a") == ["a/b"]

    @pytest.mark.parametrize("size", [LARGE // 2, LARGE * 2])
    async def test_a_write_that_the_disk_breaks_off_leaves_nothing_beside(self, size: int, objects: Objects, tmp_path) -> None:
        await objects.put("a/b", b"1")
        for _ in range(2):
            with files_up_to(LARGE // 4), pytest.raises(OSError, match="File too large"):
                await objects.put("a/b", bytes(size))
        assert [path.name for path in (tmp_path / "objects" / "a").iterdir()] == ["b"]
        assert await objects.get("a/b") == b"1"

    async def test_a_second_address_is_no_second_copy(self, objects: Objects, tmp_path) -> None:
        await objects.put("live/1", b"media")
        await objects.link("live/1", "kept/1")
        assert (tmp_path / "objects" / "live" / "1").samefile(tmp_path / "objects" / "kept" / "1")

    async def test_odd_names_are_kept_as_the_store_has_them(self, objects: Objects) -> None:
        for address in ("a/ä", "a/b c", "a/%41"):
            await objects.put(address, address.encode())
            assert await objects.get(address) == address.encode()


class TestTieredObjects(ObjectsCase):
    @pytest.fixture
    def objects(self) -> TieredObjects:
        return TieredObjects({tier: StoredObjects.at("memory://") for tier in ("hot", "warm", "cold")})

    async def test_what_is_put_into_a_tier_lies_nowhere_else_and_is_what_is_read(self) -> None:
        stores = {tier: StoredObjects.at("memory://") for tier in ("hot", "warm")}
        for data, store in zip((b"old", b"older"), stores.values(), strict=True):
            await store.put("a/b", data)
        objects = TieredObjects(stores)
        assert [await each.get("a/b") for each in (objects, objects.at("warm"))] == [b"old", b"older"]
        await objects.at("warm").put("a/b", b"new")
        assert await objects.get("a/b") == b"new"
        assert [await store.list("") for store in stores.values()] == [[], ["a/b"]]


class TestMemoryObjects(ObjectsCase):
    @pytest.fixture
    def objects(self, tmp_path) -> Objects:
        return StoredObjects.at("memory://")


@pytest.mark.broker
class TestS3Objects(ObjectsCase):
    @pytest.fixture
    def objects(self, s3_bucket: str) -> Objects:
        return StoredObjects.at(f"{s3_bucket}/a/prefix")
