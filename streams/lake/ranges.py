"""Ranges of offsets in the lake: planned by a writer, then committed."""

import msgspec


class DataFile(msgspec.Struct, frozen=True):
    """A Parquet file of a commit."""

    address: str
    rows: int
    first: int
    """Offset of its first row."""
    last: int
    """Offset of its last row."""
    latest: int
    """The largest timestamp of its rows, ms."""
    size: int
    """Bytes."""
    sha256: str
    """Of the file, hex."""


class Commit(msgspec.Struct, frozen=True):
    """The offsets from `first` to `last` of a partition are in the lake, whole: every record that the log had in between."""

    topic: str
    partition: int
    first: int
    last: int
    files: tuple[DataFile, ...]

    @property
    def latest(self) -> int:
        """The largest timestamp, ms; -1 without rows."""
        return max((file.latest for file in self.files), default=-1)


class Plan(msgspec.Struct, frozen=True):
    """What a writer is about to land. It is made before any file is, and whoever finds it carries it out as it stands."""

    topic: str
    partition: int
    first: int
    last: int
    files: tuple[str, ...]
    """Their addresses."""
    undecodable: tuple[tuple[int, int], ...]
    """First and last offset of the runs that did not decode: a registry may know more later, yet a row must not move."""
