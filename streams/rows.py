"""What a fold reads and writes: typed rows over a store, with the writes of the batch laid over it until they are committed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, MutableMapping
from itertools import islice
from typing import Any, TypeVar

import msgspec

from streams.fold import Table
from streams.letters.letter import OWED
from streams.store import DIGEST_MODULUS, Store, key_of_address, key_prefix, row_hash, table_prefix

R = TypeVar("R", bound=msgspec.Struct)

ENCODER = msgspec.msgpack.Encoder(order="deterministic")
"""Equal rows are equal bytes, also where a row holds a dict or a set.

Rows need no schema evolution: another row type is another meaning, so another version of the fold, and that is a new view.
"""
ROW_BYTES = 500
"""What a row takes in memory beside its bytes: the value, entries in three dicts."""
FIRST_READ, MOST_READ = 16, 4_096
"""Rows of a table that are read in order at first, and at most at once: each further reading takes twice as many. Most who ask for an
order look at its first few."""


class TableRows(MutableMapping[str, R]):
    """A table's rows under one event key."""

    __slots__ = ("_batch", "_changed", "_complete", "_decoder", "_hashes", "_order", "_prefix", "_read_to", "_stored", "_values")

    def __init__(self, batch: "Batch", prefix: bytes, decoder: "msgspec.msgpack.Decoder[R]") -> None:
        self._batch = batch
        self._prefix = prefix
        self._decoder = decoder
        self._values: dict[str, R | None] = {}
        """Rows as this batch has them; None is removed or missing."""
        self._stored: dict[str, bytes | None] = {}
        """The same rows as the store has them."""
        self._hashes: dict[str, int] = {}
        """Shares in the digest of rows that the store has, where known."""
        self._changed: set[str] = set()
        """Rows written since the last commit."""
        self._order: list[str] | None = None
        """Keys of the rows in `_values` that are there, in order; kept from the first time that somebody asks for an order."""
        self._read_to = ""
        """All rows of the store up to this key are in `_values`."""
        self._complete = False
        """Whether all of them are."""

    def __getitem__(self, row: str) -> R:
        value = self._values[row] if row in self._values else self._load(row)
        if value is None:
            raise KeyError(row)
        return value

    def get(self, row: str, default: Any = None) -> Any:
        """The row or the default; the inherited way would raise and catch an error for a missing one."""
        value = self._values[row] if row in self._values else self._load(row)
        return default if value is None else value

    def __setitem__(self, row: str, value: R) -> None:
        self._write(row, value)

    def __delitem__(self, row: str) -> None:
        self[row]
        self._write(row, None)

    def __contains__(self, row: object) -> bool:
        return isinstance(row, str) and (self._values[row] if row in self._values else self._load(row)) is not None

    def __iter__(self) -> Iterator[str]:
        """Row keys in order. Rows may be written meanwhile; whether new ones are met is open."""
        if self._order is None:
            self._order = sorted(row for row, value in self._values.items() if value is not None)
        order, at, count = self._order, 0, FIRST_READ
        last: str | None = None
        while True:
            if at < len(order) and (self._complete or order[at] <= self._read_to):
                last = order[at]
                yield last
                # Where nothing was written before it, the next one is the next in the list.
                at = at + 1 if at < len(order) and order[at] == last else bisect_right(order, last)
            elif self._complete:
                return
            else:
                self._read_on(count)
                count = min(2 * count, MOST_READ)
                at = 0 if last is None else bisect_right(order, last)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Removes all rows; the inherited way would begin anew for each."""
        for row in list(self):
            self._write(row, None)

    def restore(self, row: str, value: R | None) -> None:
        """Takes one write back."""
        self._set(row, value)

    def changes(self) -> Iterator[tuple[bytes, bytes | None, int]]:
        """(address, row now, change of the digest) of what is not as the store has it, which the caller writes there."""
        for row in self._changed:
            value, before = self._values[row], self._stored[row]
            now = None if value is None else ENCODER.encode(value)
            if now != before:
                address = self._prefix + row.encode()
                share = self._hashes.pop(row, None)
                less = share if share is not None else 0 if before is None else row_hash(address, before)
                more = 0
                if now is not None:
                    more = self._hashes[row] = row_hash(address, now)
                self._stored[row] = now
                yield address, now, more - less
        self._changed.clear()

    def _load(self, row: str) -> R | None:
        return self._keep(row, self._batch.store.get(self._prefix + row.encode()))

    def _read_on(self, count: int) -> None:
        """Reads the next rows of the store, in order."""
        start = self._prefix + self._read_to.encode() + (b"\0" if self._read_to else b"")
        met = 0
        for address, stored in islice(self._batch.store.scan(self._prefix, start), count):
            self._read_to = address[len(self._prefix) :].decode()
            if self._read_to not in self._values:
                self._keep(self._read_to, stored)
            met += 1
        self._complete = met < count

    def _keep(self, row: str, stored: bytes | None) -> R | None:
        self._stored[row] = stored
        value = None if stored is None else self._decoder.decode(stored)
        self._values[row] = None
        self._set(row, value)
        self._batch.size += ROW_BYTES + (0 if stored is None else len(stored))
        return value

    def _write(self, row: str, value: R | None) -> None:
        before = self._values[row] if row in self._values else self._load(row)
        self._batch.written.append((self, row, before))
        if not self._changed:
            self._batch.changed.append(self)
        self._changed.add(row)
        self._set(row, value)

    def _set(self, row: str, value: R | None) -> None:
        """Replaces a value of `_values`, and keeps the order."""
        order = self._order
        if order is not None:
            before = self._values[row]
            if before is None and value is not None:
                order.insert(bisect_left(order, row), row)
            elif before is not None and value is None:
                del order[bisect_left(order, row)]
        self._values[row] = value


class KeyRows:
    """A fold's tables under one event key."""

    __slots__ = ("_batch", "_key", "_tables")

    def __init__(self, batch: "Batch", key: bytes) -> None:
        self._batch = batch
        self._key = key
        self._tables: dict[str, TableRows[Any]] = {}

    def __getitem__(self, table: Table[R]) -> TableRows[R]:
        found = self._tables.get(table.name)
        return self._table(table.name) if found is None else found

    def empty(self) -> bool:
        """Whether no table of the fold has a row here."""
        return all(next(iter(self._table(name)), None) is None for name in self._batch.decoders if name != OWED.name)

    def _table(self, name: str) -> TableRows[Any]:
        found = self._tables.get(name)
        if found is None:
            decoder = self._batch.decoders.get(name)
            if decoder is None:
                raise KeyError(f"the fold declares no table {name}: add it to its `tables`")
            found = self._tables[name] = TableRows(self._batch, table_prefix(self._key, name), decoder)
        return found


class Batch:
    """The writes of some events, event by event kept or dropped, and at the end committed together.

    What it has read stays for the events after the commit, as long as nobody else writes to the store.
    """

    def __init__(self, store: Store, decoders: dict[str, "msgspec.msgpack.Decoder[Any]"]) -> None:
        self.store = store
        self.decoders = decoders
        self.written: list[tuple[TableRows[Any], str, Any]] = []
        """(table, row, value before) of each write since the last `keep`."""
        self.changed: list[TableRows[Any]] = []
        """The tables written to since the last commit."""
        self.size = 0
        """Bytes of memory that it holds, roughly."""
        self._keys: dict[bytes, KeyRows] = {}

    def rows(self, key: bytes) -> KeyRows:
        """The rows under an event key."""
        found = self._keys.get(key)
        if found is None:
            found = self._keys[key] = KeyRows(self, key)
        return found

    def keys(self) -> list[bytes]:
        """Event keys that have rows, in the order of their addresses."""
        stored = set()
        at = b""
        while (found := next(self.store.scan(b"", at), None)) is not None:
            stored.add(key_of_address(found[0]))
            # The next key begins after all addresses of this one: its prefix, counted up as one number.
            prefix = key_prefix(key_of_address(found[0]))
            at = (int.from_bytes(prefix, "big") + 1).to_bytes(len(prefix), "big")
        return sorted((key for key in stored | set(self._keys) if not self.rows(key).empty()), key=key_prefix)

    def keep(self) -> None:
        """The event is folded: its writes stay."""
        self.written.clear()

    def drop(self) -> None:
        """The event could not be folded: its writes are taken back."""
        while self.written:
            table, row, before = self.written.pop()
            table.restore(row, before)

    def changes(self, digest: int) -> tuple[dict[bytes, bytes | None], int]:
        """What differs from the store, and the digest that follows from its own. The caller commits it, or uses this no more."""
        changed: dict[bytes, bytes | None] = {}
        for table in self.changed:
            for address, now, more in table.changes():
                changed[address] = now
                digest += more
        self.changed.clear()
        return changed, digest % DIGEST_MODULUS
