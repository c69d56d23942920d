"""A live view for the checks of the checker: folded into stores on disk, rightly or as if something had gone wrong at one event."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace
from rocksdict import Options, Rdict

from schemas.event import Event
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.fold import Fold
from streams.log import Log, Outgoing, Record
from streams.log_memory import MemoryLog
from streams.outputs import view_name
from streams.publisher import Publisher
from streams.snapshots import Snapshots
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from streams.views.refolding import Refold

BATCH = 20
"""Small, so that snapshots can lie close together."""
BEGAN_US = 1_700_000_000_000_000


class LiveView:
    """A log, in memory where none is given, and a view's stores. Events lie 1 ms apart."""

    def __init__(self, folder: Path, fold: Fold, partitions: int = 4, *, log: Log | None = None, codec: Codec | None = None) -> None:
        self.fold, self.folder = fold, folder
        self.topic, self.view = fold.inputs[0], view_name(fold)
        self.log = log or MemoryLog()
        self.codec = codec or Codec(LocalRegistry())
        self.publisher = Publisher(self.log, self.codec, "test-1")
        self.partitions = range(partitions)
        self._sent = 0
        self._stores = RocksStores(folder / "views")

    @property
    def directory(self) -> Path:
        return self.folder / "views" / self.view

    def append(self, events: Iterable[Event]) -> list[tuple[int, int]]:
        """Partition and offset of each."""
        found = []
        for event in events:
            self._sent += 1
            stamped = replace(event, event_id=f"id-{self._sent}", occurred_at=BEGAN_US + 1_000 * self._sent)
            position = self.publisher.publish(stamped).result()
            found.append((position.partition, position.offset))
        return found

    def records(self, partition: int, start: int = 0, end: int | None = None) -> list[Record]:
        upto = self.log.ends(self.topic)[partition] if end is None else end
        return [record for batch in self.log.read(self.topic, partition, start, upto) for record in batch]

    async def fold_on(
        self,
        *,
        fold: Fold | None = None,
        lose: Sequence[tuple[int, int]] = (),
        double: Sequence[tuple[int, int]] = (),
        snapshots: Snapshots | None = None,
        every: int = 0,
        send: bool = True,
    ) -> None:
        """Folds what the log holds and sends the outputs; events may be lost or doubled, a snapshot taken every so many records."""
        stores = RocksStores(self.folder / "views", snapshots=snapshots, every=every) if snapshots else self._stores
        for partition in self.partitions:
            store = stores.open(self.view, partition)
            folded = Refold(fold or self.fold, self.codec, store, partition, self._send if send else None)
            batch: list[Record] = []
            for record in self.records(partition, store.progress().watermark + 1):
                at = (partition, record.offset)
                if at not in lose:
                    batch.append(record)
                if at in double or len(batch) >= BATCH:
                    await folded.fold(batch)
                    batch = []
                if at in double:
                    store.commit({}, Progress(record.offset - 1, store.progress().digest))
                    folded = Refold(fold or self.fold, self.codec, store, partition, self._send if send else None)
                    await folded.fold([record])
            await folded.fold(batch)
            store.close()
        if snapshots:
            assert stores.sent(20)

    def _send(self, outputs: Sequence[Outgoing]) -> None:
        self.log.append_all(outputs)

    def raw(self, partition: int) -> Rdict:
        """A partition's database, to do to it what no view does."""
        return Rdict(str(self.directory / str(partition)), Options(raw_mode=True))
