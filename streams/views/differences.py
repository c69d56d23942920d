"""Where two stores of a view's partition differ, row by row."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from streams.fold import Fold
from streams.letters.letter import OWED
from streams.store import Store, key_of_address

Kind = Literal["missing", "extra", "changed", "unreadable"]


class RowDifference(NamedTuple):
    """A row that is not the same in both."""

    address: bytes
    kind: Kind
    """Missing from the one that is looked at, extra in it, of another value, or on a damaged block."""
    found: bytes | None
    """The row as the one that is looked at has it."""
    expected: bytes | None
    """The row as the other has it."""


def differences(found: Store, expected: Store) -> Iterator[RowDifference]:
    """The rows in which the first differs from the second, in the order of their addresses.

    A scan of RocksDB ends without a word at a damaged block, so what a scan did not bring is looked up as well.
    """
    left, right = found.scan(b""), expected.scan(b"")
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            assert a is not None
            yield RowDifference(a[0], "extra", a[1], None)
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            yield from _looked_up(found, *b)
            b = next(right, None)
        else:
            if a[1] != b[1]:
                yield RowDifference(a[0], "changed", a[1], b[1])
            a, b = next(left, None), next(right, None)


def _looked_up(store: Store, address: bytes, expected: bytes) -> Iterator[RowDifference]:
    """The difference in a row that a scan did not bring, if there is one."""
    try:
        row = store.get(address)
    except Exception:  # rocksdict raises nothing more particular
        yield RowDifference(address, "unreadable", None, expected)
        return
    if row is None:
        yield RowDifference(address, "missing", None, expected)
    elif row != expected:
        yield RowDifference(address, "changed", row, expected)


class Place(NamedTuple):
    """A row's address in words."""

    key: str
    table: str
    row: str


def place_of(address: bytes) -> Place:
    """Event key, table and row key of an address. Bytes that are no UTF-8 are shown as escapes."""
    key = key_of_address(address)
    table, _, row = address[2 + len(key) :].partition(b"\0")
    return Place(*(part.decode(errors="backslashreplace") for part in (key, table, row)))


class Decoders:
    """Rows as people and programs read them."""

    def __init__(self, fold: Fold) -> None:
        self._decoders: Mapping[str, msgspec.msgpack.Decoder[Any]] = {
            table.name: msgspec.msgpack.Decoder(table.row) for table in (*fold.tables, OWED)
        }

    def plain(self, address: bytes, row: bytes | None) -> Any:
        """A row as plain values; one that is not of its table's type (damaged, or another version's) as it comes, or in hexadecimal."""
        if row is None:
            return None
        try:
            decoder = self._decoders.get(place_of(address).table)
            return msgspec.to_builtins(decoder.decode(row) if decoder else msgspec.msgpack.decode(row))
        except msgspec.MsgspecError:
            try:
                return msgspec.to_builtins(msgspec.msgpack.decode(row))
            except msgspec.MsgspecError:
                return row.hex()
