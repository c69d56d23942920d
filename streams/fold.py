"""The fold vocabulary: what a view is, apart from what runs it."""

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from schemas.event import Event

R = TypeVar("R", bound=msgspec.Struct)


class At(NamedTuple):
    """Position of an event on the log, and its event time."""

    topic: str
    partition: int
    offset: int
    time: int
    """`occurred_at`, UTC microseconds."""


class Table(NamedTuple, Generic[R]):
    """A kind of rows that a fold keeps under an event's key."""

    name: str
    row: type[R]


class Rows(Protocol):
    """The state under one key: `rows[JOBS][job_id]`.

    Reads see the writes of the same batch. Rows are values: write a changed copy back (`msgspec.structs.replace`),
    never change one in place.
    """

    def __getitem__(self, table: Table[R]) -> MutableMapping[str, R]:
        """The rows of a table under the event's key, ordered by their own key."""


class Fold(Protocol):
    """A view: pure. No clock, random, environment, network or asyncio.

    `apply` changes rows and returns the events that follow, without envelope: the runner stamps it from the input's position.
    """

    @property
    def name(self) -> str:
        """The view's noun, such as `scheduler`."""

    @property
    def version(self) -> int:
        """Counted up when its meaning changes: a new view beside the old one."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Topics read."""

    @property
    def outputs(self) -> tuple[type[Event], ...]:
        """Events written."""

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        """Tables kept."""

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one event in."""


Clock = Callable[[], int]
"""UTC microseconds now: what an edge reads the time by, replaced in tests."""
