"""A store of one key's rows over another that is only read."""

from collections.abc import Iterator, Mapping

from streams.store import Progress, Store, key_prefix


class Layer:
    """A store of one key's rows: writes stay in memory, over a base that is only read."""

    def __init__(self, base: Store, key: bytes, written: Mapping[bytes, bytes | None], watermark: int) -> None:
        self._base = base
        self._prefix = key_prefix(key)
        self.written = dict(written)
        self.changed: Mapping[bytes, bytes | None] = {}
        """What the last commit wrote."""
        self._progress = Progress(watermark, 0)

    def get(self, address: bytes) -> bytes | None:
        """The row, or None."""
        return self.written[address] if address in self.written else self._base.get(address)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The key's rows with a prefix, as of the call."""
        prefix = max(prefix, self._prefix) if self._prefix.startswith(prefix) else prefix
        if not prefix.startswith(self._prefix):
            return iter(())
        rows: dict[bytes, bytes | None] = dict(self._base.scan(prefix, start))
        rows |= {address: row for address, row in self.written.items() if address.startswith(prefix) and address >= start}
        return iter([(address, row) for address in sorted(rows) if (row := rows[address]) is not None])

    def progress(self) -> Progress:
        """As of the last commit."""
        return self._progress

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        """Keeps the writes."""
        self.written.update(changes)
        self.changed = changes
        self._progress = progress

    def close(self) -> None:
        """Closes what lies below."""
        self._base.close()
