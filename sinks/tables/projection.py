"""The projection: the library's events into tables, each batch with its position in one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Event as Flag
from typing import Any, NamedTuple

import msgspec
import psycopg
import structlog

from schemas.errors import SchemaError
from schemas.wire import Codec
from sinks.tables.queries import queries
from streams.log import Log, Record, Source, Tail
from streams.reading import batched, whole

logger = structlog.get_logger()
TOPICS = ("library.vod.events.v1", "library.clip.events.v1")
QUERIES = queries()
RETRY_S = 2.0
"""Between two tries while PostgreSQL is away, or its tables are being made anew."""
BATCH = 500
"""Events in a transaction of a rebuild's reading."""
Connection = psycopg.Connection[tuple[Any, ...]]


class Contents(NamedTuple):
    """What the tables hold."""

    vods: int
    clips: int
    digest: str
    """MD5 of all rows in their order: equal contents have equal ones."""


def apply(connection: Connection, codec: Codec, records: Iterable[Record]) -> None:
    """Writes the rows that some records change, and how far they reach. Within the caller's transaction."""
    reached: dict[tuple[str, int], int] = {}
    for record in records:
        reached[record.topic, record.partition] = record.offset + 1
        if record.value is None:
            continue
        try:
            event = codec.decode(record.value)
        except SchemaError as cause:
            logger.warning("record passed over", topic=record.topic, partition=record.partition, offset=record.offset, cause=str(cause))
            continue
        statement = QUERIES.get(type(event).__name__)
        if statement is not None:
            values = {name: _value(value) for name, value in msgspec.structs.asdict(event).items() if not _nested(value)}
            connection.execute(statement, {**values, "offset": record.offset})
    for (topic, partition), following in reached.items():
        connection.execute(QUERIES["advance"], {"topic": topic, "partition": partition, "next": following})


def _nested(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], msgspec.Struct)


def _value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def contents(connection: Connection) -> Contents:
    """What the tables hold now; the tables must be there."""
    row = connection.execute(QUERIES["rows"]).fetchone()
    return Contents(*row) if row is not None else Contents(0, 0, "")


def texts(url: str) -> Iterator[str]:
    """Every row as a text; none where the tables were never made.

    Raises:
        psycopg.OperationalError: PostgreSQL does not answer.
    """
    with psycopg.connect(url) as connection, suppress(psycopg.errors.UndefinedTable):
        yield from (row for (row,) in connection.execute(QUERIES["texts"]))


def rebuild(log: Source, codec: Codec, url: str) -> tuple[Contents, Contents]:
    """Drops the tables and makes them anew from the log: what they held before, and now. Readers see the former ones until it is done.

    Raises:
        psycopg.OperationalError: PostgreSQL does not answer.
    """
    with psycopg.connect(url) as connection:
        connection.execute(QUERIES["tables"])
        before = contents(connection)
        connection.execute(QUERIES["drop"])
        connection.execute(QUERIES["tables"])
        for batch in _all(log):
            apply(connection, codec, batch)
        return before, contents(connection)


def _all(log: Source) -> Iterator[Sequence[Record]]:
    for topic in TOPICS:
        yield from batched(whole(log, topic), BATCH)


class Projection:
    """Follows the log into the tables, on the log's own thread. Its position is in the tables: it begins where they are."""

    def __init__(self, log: Log, codec: Codec, url: str) -> None:
        self._log = log
        self._codec = codec
        self._url = url
        self._connection: Connection | None = None
        self._tail: Tail | None = None
        self._closing = Flag()
        self._away = ""

    def start(self) -> None:
        """Makes the tables where they are missing, and begins. Blocks until PostgreSQL answers.

        Raises:
            psycopg.OperationalError: it does not.
        """
        connection = self._connect()
        connection.execute(QUERIES["tables"])
        reached = {(topic, partition): following for topic, partition, following in connection.execute(QUERIES["positions"])}
        connection.commit()
        starts = {
            (topic, partition): max(start, reached.get((topic, partition), 0))
            for topic in TOPICS
            for partition, start in self._log.starts_at(topic, None).items()
        }
        self._tail = self._log.tail(starts, self._deliver)

    def close(self) -> None:
        """Stops; what is under way is done anew at the next start."""
        self._closing.set()
        if self._tail is not None:
            self._tail.close()
        if self._connection is not None:
            self._connection.close()

    def lacks(self) -> str:
        """Why it is not ready; empty where it is."""
        return self._away

    def _deliver(self, records: Sequence[Record]) -> None:
        """Writes a batch; tries until it is written."""
        while not self._closing.is_set():
            try:
                connection = self._connect()
                with connection.transaction():
                    connection.execute(QUERIES["tables"])
                    apply(connection, self._codec, records)
            except psycopg.Error as cause:
                self._away = f"the tables cannot be written: {cause}"
                logger.warning("tables not written: tried again", cause=str(cause))
                if self._connection is not None:
                    self._connection.close()
                self._closing.wait(RETRY_S)
            else:
                self._away = ""
                return

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, connect_timeout=5)
        return self._connection
