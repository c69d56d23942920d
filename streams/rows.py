"""What a fold reads and writes: typed rows over a store, with the writes of the batch laid over it until they are committed."""

from collections.abc import Iterator, MutableMapping
from heapq import merge
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


class TableRows(MutableMapping[str, R]):
    """A table's rows under one event key."""

    __slots__ = ("_batch", "_changed", "_complete", "_decoder", "_hashes", "_prefix", "_stored", "_values")

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
        self._complete = False
        """Whether all rows of the table are in `_values`."""

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
        last = None
        for row in merge(sorted(self._values), () if self._complete else self._scan()):
            if row != last and self._values[row] is not None:
                yield row
            last = row
        self._complete = True

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Removes all rows; the inherited way would begin anew for each."""
        for row in list(self):
            self._write(row, None)

    def restore(self, row: str, value: R | None) -> None:
        """Takes one write back."""
        self._values[row] = value

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

    def _scan(self) -> Iterator[str]:
        for address, stored in self._batch.store.scan(self._prefix):
            row = address[len(self._prefix) :].decode()
            if row not in self._values:
                self._keep(row, stored)
            yield row

    def _keep(self, row: str, stored: bytes | None) -> R | None:
        self._stored[row] = stored
        value = None if stored is None else self._decoder.decode(stored)
        self._values[row] = value
        self._batch.size += ROW_BYTES + (0 if stored is None else len(stored))
        return value

    def _write(self, row: str, value: R | None) -> None:
        before = self._values[row] if row in self._values else self._load(row)
        self._batch.written.append((self, row, before))
        if not self._changed:
            self._batch.changed.append(self)
        self._changed.add(row)
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
