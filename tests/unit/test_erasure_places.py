"""What an erasure looks through beside the log."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from lake_stage import TOPIC, codec, fill, posted

from infra.erasure_places import Landed, archives, places
from infra.settings import Settings
from infra.views import VIEWS
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
    return Settings(home=str(tmp_path))


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


async def test_a_text_in_a_views_rows_and_in_its_snapshots_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VIEWS, "words", WordFold())
    stores = RocksStores(settings.folder / "views")
    store = stores.open("words.v1", 0)
    batch = Batch(store, {WORDS.name: msgspec.msgpack.Decoder(Word)})
    batch.rows(b"1")[WORDS]["w"] = Word(TEXT)
    changes, digest = batch.changes(0)
    store.commit(changes, Progress(0, digest))
    assert await asyncio.to_thread(found, settings, TEXT) == {"view words.v1": True, "snapshots": False, "lake columns": False}
    store.close()
    objects = StoredObjects.at(settings.objects_url)
    await Snapshots(objects, [WordFold()]).save("words.v1", 0, Progress(0, digest), settings.folder / "views" / "words.v1" / "0")
    assert (await asyncio.to_thread(found, settings, TEXT))["snapshots"]
    assert not (await asyncio.to_thread(found, settings, "another text, which is nowhere"))["snapshots"]
