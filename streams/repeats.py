"""Repeats of a view's outputs: a runner that was killed sends its last batch again, and a reader shows each output once."""

from streams.log import Record
from streams.outputs import SOURCE

Source = tuple[int, int]
"""Offset of an input and index among its outputs."""


def source_of(record: Record) -> tuple[str, Source] | None:
    """The input partition, `topic/partition`, and the place in it that a view's output followed from; None of any other record."""
    source = next((value for name, value in record.headers if name == SOURCE), None)
    if source is None:
        return None
    upstream, offset, index = source.decode().rsplit("/", 2)
    return upstream, (int(offset), int(index))


class Repeats:
    """One watermark per partition read and input partition, as docs/why/effectively-once.md has it. For one thread."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, str], Source] = {}

    def fresh(self, record: Record) -> bool:
        """Whether a record, taken in its partition's order, repeats none before it. One without source never does."""
        source = source_of(record)
        if source is None:
            return True
        upstream, here = source
        at = (record.topic, record.partition, upstream)
        if here <= self._seen.get(at, (-1, -1)):
            return False
        self._seen[at] = here
        return True
