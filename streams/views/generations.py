"""Which of a view's stores are in use: each rebuild makes a new set beside the old one, and an event says when it takes over."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas.errors import UndecodableError, UnknownSchemaError
from schemas.event import Event
from schemas.events import ViewCutOver
from schemas.wire import Codec
from streams.fold import At, Fold
from streams.log import Source
from streams.publisher import Publisher
from streams.reading import whole
from streams.store import Store, Stores
from streams.topics import OF_EVENT

TOPIC = OF_EVENT[ViewCutOver].name


class Generation(NamedTuple):
    """One set of stores of a view."""

    version: int
    """Of the fold."""
    number: int = 0
    """0 is what the worker folded first; each rebuild of a version counts up."""

    def stores(self, view: str) -> str:
        """Name of its stores: `scheduler.v1`, `scheduler.v1+2`."""
        return f"{view}.v{self.version}" + (f"+{self.number}" if self.number else "")


class Generations:
    """What the log says is in use, by view. A view of which it says nothing is in its fold's version, generation 0."""

    def __init__(self) -> None:
        self._entries: dict[str, ViewCutOver] = {}
        self.changed: Callable[[ViewCutOver], None] | None = None
        """Called after each cut-over that is heard of."""

    def apply(self, event: Event, at: At) -> None:
        """Takes an event of the registry's topic."""
        if isinstance(event, ViewCutOver):
            self._entries[event.view] = event
            if self.changed is not None:
                self.changed(event)

    def entry(self, view: str) -> ViewCutOver | None:
        """The last cut-over of a view."""
        return self._entries.get(view)

    def active(self, fold: Fold) -> Generation:
        """What is in use."""
        entry = self._entries.get(fold.name)
        return Generation(fold.version) if entry is None else Generation(entry.version, entry.generation)

    def previous(self, fold: Fold) -> Generation | None:
        """What was in use before, and can come back."""
        entry = self._entries.get(fold.name)
        if entry is None or entry.previous_version is None:
            return None
        return Generation(entry.previous_version, entry.previous_generation or 0)

    def runs(self, fold: Fold) -> bool:
        """Whether this build's version of a view is the one in use: only then may it send outputs."""
        return self.active(fold).version == fold.version

    def sent(self, view: str, partition: int) -> int:
        """The offset before which a view's outputs were sent by what was in use before. `view` is the fold's name and version."""
        name, _, version = view.rpartition(".v")
        entry = self._entries.get(name)
        if entry is None or entry.version != int(version) or partition >= len(entry.positions):
            return 0
        return entry.positions[partition] + 1

    def stores(self, view: str) -> str:
        """Name of the stores in use. `view` is the fold's name and version."""
        name, _, version = view.rpartition(".v")
        entry = self._entries.get(name)
        return Generation(entry.version, entry.generation).stores(name) if entry and entry.version == int(version) else view


def register(generations: Generations, publisher: Publisher, fold: Fold) -> None:
    """Says which version of a view is in use where the log says nothing of it yet: a later build must not take over unasked."""
    if generations.entry(fold.name) is None:
        started = ViewCutOver(view=fold.name, version=fold.version, generation=0, positions=(), digest=f"{0:032x}", reason="started")
        publisher.publish(started).result()


class ActiveStores:
    """The stores in use: what a worker opens."""

    def __init__(self, stores: Stores, generations: Generations) -> None:
        self._stores = stores
        self._generations = generations
        self._opened: dict[str, str] = {}
        """Name of the stores that were opened last, by view."""

    def open(self, view: str, partition: int) -> Store:
        """Opens a partition's store of the generation that is in use at the call."""
        self._opened[view] = name = self._generations.stores(view)
        return self._stores.open(name, partition)

    def outdated(self, view: str) -> bool:
        """Whether others took over since a view's stores were opened."""
        return self._opened.get(view) not in (None, self._generations.stores(view))


def read_generations(source: Source, codec: Codec) -> Generations:
    """What is in use now, from the log; blocking."""
    found = Generations()
    for event, at in _events(source, codec):
        found.apply(event, at)
    return found


def _events(source: Source, codec: Codec) -> Iterator[tuple[Event, At]]:
    """The registry's events; what cannot be decoded is of a later build and says nothing to this one."""
    for record in whole(source, TOPIC):
        try:
            event = codec.decode(record.value or b"")
        except (UndecodableError, UnknownSchemaError):
            continue
        yield event, At(record.topic, record.partition, record.offset, event.occurred_at)
