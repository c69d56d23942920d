"""What an erasure looks through beside the log."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from lake_stage import TOPIC, codec, fill, posted

from infra.erasure_places import Landed, archives, places
from infra.settings import Settings
from sinks.lake.lake import Lake, Limits
from streams.errors import MissingRangeError
from streams.fold import Table
from streams.lake.shelf import Shelf
from streams.log_lake import LakeLog
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.privacy.scan import Witnesses
from streams.publisher import Publisher
from streams.reading import whole
from streams.rows import Batch
from streams.snapshots import Snapshots
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from tests.cut_log import CutLog
from tests.system import free_offset

TEXT = "a text that nobody sealed"


class Word(msgspec.Struct, frozen=True):
    text: str


WORDS = Table("words", Word)


class WordFold:
    name, version, inputs, outputs, tables = "words", 1, (TOPIC,), (), (WORDS,)

    def apply(self, rows, event, at):
        return ()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), port_offset=free_offset())


def land(log: MemoryLog, registry, settings: Settings) -> None:
    lake = Lake(log, registry, Shelf.at(settings.objects_url), {TOPIC: 1}, Limits(age_s=0, rows=100))
    lake.open()
    while lake.lag():
        lake.land_due()
        assert lake.failure is None, lake.failure
    lake.close()


def found(settings: Settings, text: str) -> dict[str, bool]:
    witnesses = Witnesses([text])
    looked = places(settings, StoredObjects.at(settings.objects_url))
    return {place.name: any(witnesses.within(data) for data in place.contents()) for place in looked}


def test_the_lake_is_read_past_what_it_missed(settings: Settings) -> None:
    log, (code, registry) = CutLog(), codec()
    ends = {0: 0}
    fill(log, code, ends, 100)
    land(log, registry, settings)
    fill(log, code, ends, 100)
    log.kept = 150
    land(log, registry, settings)
    lake = archives(settings)["lake"]
    assert isinstance(lake, Landed)
    assert [r.offset for r in whole(lake, TOPIC)] == [*range(100), *range(150, 200)]
    with pytest.raises(MissingRangeError):
        list(LakeLog(Shelf.at(settings.objects_url)).read(TOPIC, 0, 0, 200))


def test_a_text_in_the_lakes_columns_is_found(settings: Settings) -> None:
    log, (code, registry) = MemoryLog(), codec()
    Publisher(log, code, "edge-1").publish(posted("1", "m", TEXT), partition=0)
    assert found(settings, TEXT) == {"snapshots": False, "lake columns": False}
    land(log, registry, settings)
    assert found(settings, TEXT) == {"snapshots": False, "lake columns": True}


def written(settings: Settings, stores: str) -> int:
    """Puts the text into a view's rows; their digest."""
    store = RocksStores(settings.folder / "views").open(stores, 0)
    batch = Batch(store, {WORDS.name: msgspec.msgpack.Decoder(Word)})
    batch.rows(b"1")[WORDS]["w"] = Word(TEXT)
    changes, digest = batch.changes(0)
    store.commit(changes, Progress(0, digest))
    store.close()
    return digest


@pytest.mark.row("E10")
async def test_a_text_in_a_views_rows_is_found(settings: Settings) -> None:
    written(settings, "words.v1")
    assert await asyncio.to_thread(found, settings, TEXT) == {"view words.v1": True, "snapshots": False, "lake columns": False}


@pytest.mark.row("E10")
@pytest.mark.parametrize("stores", ["words.v1", "words.v1+2", "words.v1+past"])
async def test_a_text_in_a_snapshot_is_found_whichever_stores_it_is_of_and_though_no_view_has_its_name(
    settings: Settings, stores: str
) -> None:
    digest = written(settings, stores)
    folder = settings.folder / "views" / stores
    snapshots = Snapshots(StoredObjects.at(settings.objects_url), [WordFold()])
    await snapshots.save(stores, 0, Progress(0, digest), folder / "0")
    shutil.rmtree(folder)
    assert await asyncio.to_thread(found, settings, TEXT) == {"snapshots": True, "lake columns": False}
    assert not (await asyncio.to_thread(found, settings, "another text, which is nowhere"))["snapshots"]


async def test_a_snapshot_that_is_damaged_does_not_keep_the_others_from_being_looked_through(settings: Settings) -> None:
    digest = written(settings, "words.v1")
    folder = settings.folder / "views" / "words.v1"
    objects = StoredObjects.at(settings.objects_url)
    for watermark in (0, 1):
        await Snapshots(objects, [WordFold()]).save("words.v1", 0, Progress(watermark, digest), folder / "0")
    await objects.put("snapshots/words.v1/0/00000000000000000000.json", b"no manifest")
    assert (await asyncio.to_thread(found, settings, TEXT))["snapshots"]
