"""A view folded again beside the live one: by the same runner, into stores of its own. Nothing is sent and nothing is committed for it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

from schemas.errors import UndecodableError, UnknownSchemaError
from schemas.events import Tick
from schemas.wire import HEADER, Codec
from streams.fold import Fold
from streams.log import Outgoing, Record, Source
from streams.runner import Runner
from streams.store import Progress, Store

BATCH = 5_000
"""Records folded and written together: ten of a reader's batches, so that rows that change often are written once."""
Receive = Callable[[Sequence[Outgoing]], None]


class Sent:
    """Where a refold's outputs go instead of the log."""

    def __init__(self, receive: Receive | None) -> None:
        self._receive = receive

    def append_all(self, records: Sequence[Outgoing]) -> Future[None]:
        """Hands them over."""
        if self._receive is not None:
            self._receive(records)
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Given(Runner):
    """A runner that folds what it is given: a gap in it is meant."""

    async def _missed(self, partition: int, start: int, end: int) -> list[Record]:
        return []


class OneStore:
    """Stores that are one partition's store; closing is its owner's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, view: str, partition: int) -> Store:
        """The store."""
        return self._store


class Refold:
    """One partition of a view, folded again as far as it is given records."""

    def __init__(self, fold: Fold, codec: Codec, store: Store, partition: int, receive: Receive | None = None) -> None:
        """Goes on where the store is. `receive` gets the outputs, batch by batch; without it they are made by nobody."""
        self.store = store
        self.topic = fold.inputs[0]
        self.partition = partition
        self._silent = receive is None
        self._runner = Given(fold, Sent(receive), codec, OneStore(store))  # type: ignore[arg-type]
        self._opened = False

    async def fold(self, records: Sequence[Record]) -> None:
        """Folds records behind the store's watermark; those at or below it are passed over.

        Raises:
            FatalError: the fold cannot take one of them.
        """
        if not self._opened:
            await self._runner.open(self.partition, emitted=ALL if self._silent else 0)
            self._opened = True
        await self._runner.run_batch(self.partition, records)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self.store.progress()


ALL = 1 << 62
"""An offset that no record has: everything before it is folded silently."""


async def refold(refolded: Refold, log: Source, end: int, told: Callable[[int], None] = lambda done: None) -> Progress:
    """Folds the records from the store's watermark up to, not including, offset `end`; `told` hears how many, batch by batch."""
    for batch in in_batches(log, refolded.topic, refolded.partition, refolded.progress.watermark + 1, end):
        await refolded.fold(batch)
        told(len(batch))
    return refolded.progress


def in_batches(log: Source, topic: str, partition: int, start: int, end: int) -> Iterator[list[Record]]:
    """The records of a range, in batches that are worth a write."""
    held: list[Record] = []
    for records in log.read(topic, partition, start, end) if start < end else ():
        held += records
        if len(held) >= BATCH:
            yield held
            held = []
    if held:
        yield held


def of_keys(records: Iterable[Record], keys: frozenset[bytes], ticks: "Ticks") -> list[Record]:
    """The records that may change the rows of some keys: theirs, and the Ticks, which are applied under every key."""
    return [record for record in records if record.key in keys or ticks.is_one(record)]


class Ticks:
    """Tells Ticks by their schema's id, so that other keys' records are not decoded."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._known: dict[bytes, bool] = {}

    def is_one(self, record: Record) -> bool:
        """Whether a record is a Tick; one that cannot be decoded is none."""
        if record.value is None:
            return False
        prefix = record.value[: HEADER.size]
        if prefix not in self._known:
            try:
                self._known[prefix] = isinstance(self._codec.decode(record.value), Tick)
            except UndecodableError:
                return False  # these bytes; others with this id may be fine
            except UnknownSchemaError:
                self._known[prefix] = False
        return self._known[prefix]
