"""Where copies of the log's texts could be on this machine: what an erasure looks through, unpacked."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg
import pyarrow as pa
import structlog
from pyarrow import parquet

from infra.settings import Settings
from schemas.privacy import personal_fields
from sinks.tables.projection import texts
from streams.errors import MissingRangeError
from streams.lake.shelf import Shelf
from streams.log import Record
from streams.log_lake import LakeLog
from streams.objects import Objects
from streams.privacy.erasure import Place
from streams.snapshots import DamagedSnapshotError, Snapshots
from streams.store_rocksdict import ReadOnlyStore
from streams.topics import BY_NAME, OF_EVENT
from streams.views.store_reading import partitions_of

logger = structlog.get_logger()
TABLES_S = 5
"""For PostgreSQL to answer."""


class Landed:
    """What has landed in the lake: offsets that are missing there are passed over."""

    def __init__(self, lake: LakeLog) -> None:
        self._lake = lake

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from `start` up to `end`."""
        at = start
        while at < end:
            try:
                for batch in self._lake.read(topic, partition, at, end):
                    yield batch
                    at = batch[-1].offset + 1
            except MissingRangeError:
                at = next((commit.first for commit in self._lake.commits(topic, partition, at) if commit.first > at), end)
            else:
                return

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the lake's start."""
        return self._lake.starts_at(topic, timestamp)

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the lake's end."""
        return self._lake.ends(topic)


def archives(settings: Settings) -> dict[str, Landed]:
    """The copies of the log, by name."""
    return {"lake": Landed(LakeLog(Shelf.at(settings.objects_url)))}


def places(settings: Settings, objects: Objects) -> list[Place]:
    """Views' rows, their snapshots, the lake's columns beside the records that it holds, and the library's tables where they answer."""
    folder = settings.folder / "views"
    stores = [Place(f"view {path.name}", partial(_rows, path)) for path in sorted(folder.glob("*")) if path.is_dir()]
    shelf = Shelf.at(settings.objects_url)
    found = [*stores, Place("snapshots", lambda: _snapshots(objects)), Place("lake columns", lambda: _columns(shelf))]
    try:
        psycopg.connect(settings.postgres_url, connect_timeout=TABLES_S).close()
    except psycopg.OperationalError:
        logger.warning("the library's tables are not looked through: no PostgreSQL answers")
    else:
        found.append(Place("library tables", lambda: (row.encode() for row in texts(settings.postgres_url))))
    return found


def _rows(view: Path) -> Iterator[bytes]:
    """The rows of a view's partitions, beside the worker that has them open."""
    for partition in partitions_of(view):
        yield from _store(view / str(partition))


def _store(path: Path) -> Iterator[bytes]:
    store = ReadOnlyStore(path)
    try:
        yield from (address + row for address, row in store.scan(b""))
    finally:
        store.close()


def _snapshots(objects: Objects) -> Iterator[bytes]:
    """The rows of every snapshot: of the stores in use, of those before a rebuild, of looks at the past, of versions that are no more."""
    snapshots = Snapshots(objects, ())
    for view, partition, watermark in asyncio.run(snapshots.kept()):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store"
            try:
                asyncio.run(snapshots.fetch(view, partition, watermark, path))
            except DamagedSnapshotError as damage:
                logger.warning("snapshot not looked through", view=view, partition=partition, watermark=watermark, cause=str(damage))
            else:
                yield from _store(path)


def _columns(shelf: Shelf) -> Iterator[bytes]:
    """The texts in the columns of the lake's files; the records themselves are read as a log."""
    lake = LakeLog(shelf)
    for topic in sorted({OF_EVENT[event].name for event in personal_fields()}):
        for partition in range(BY_NAME[topic].partitions):
            for commit in lake.commits(topic, partition):
                for file in commit.files:
                    yield from _texts(parquet.read_table(pa.BufferReader(shelf.get(file.address))))


def _texts(table: pa.Table) -> Iterator[bytes]:
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
            yield from (str(text).encode() for text in column.to_pylist() if text is not None)
