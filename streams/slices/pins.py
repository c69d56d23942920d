"""What the views made of a slice, pinned beside it, so that an incident that was mended stays mended."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from schemas.wire import Codec
from streams.fold import Fold
from streams.outputs import view_name
from streams.replay.manifest import digest_of
from streams.slices.file import Slice
from streams.slices.folding import fold_slice, reads_texts
from streams.slices.registry import SliceRegistry
from streams.store import Progress
from streams.store_memory import MemoryStore
from streams.views.refolding import Refold

Pins = dict[str, "Pin"]
"""By view and version."""


class Pin(msgspec.Struct, frozen=True):
    """What one view made of it."""

    records: int
    state: dict[str, str]
    """Digest of the rows at the end, by partition."""
    history: dict[str, str]
    """Digest over those after each record: what a view that sends nothing showed on the way."""
    outputs: dict[str, str]
    """Digest of what the fold would have sent, by partition."""
    sent: int
    """How many events that would have been."""


def pins(held: Slice, folds: Iterable[Fold]) -> Pins:
    """What the views that read one of the slice's topics, and no texts, make of it, from empty rows."""
    found = {}
    for fold in folds:
        if fold.inputs[0] in held.manifest.topics and not reads_texts(fold):
            with TemporaryDirectory(prefix="chronicast-slice-") as rows:
                manifest = fold_slice(held, fold, Path(rows))
            state = {str(part.partition): part.state or "" for part in manifest.partitions}
            outputs = {str(part.partition): part.outputs or "" for part in manifest.partitions}
            history = asyncio.run(_history(held, fold))
            found[view_name(fold)] = Pin(manifest.records, state, history, outputs, sum(part.sent for part in manifest.partitions))
    return found


async def _history(held: Slice, fold: Fold) -> dict[str, str]:
    """The rows as they went, by partition."""
    topic, codec, found = fold.inputs[0], Codec(SliceRegistry(held.schemas)), {}
    for partition, asked in held.ranges(topic).items():
        store = MemoryStore()
        store.commit({}, Progress(asked.start - 1, 0))
        refold = Refold(fold, codec, store, partition)
        states = []
        for record in (each for batch in held.read(topic, partition, asked.start, asked.stop) for each in batch):
            await refold.fold([record])
            states.append(f"{refold.progress.digest:032x}\n".encode())
        found[str(partition)] = digest_of(states)
    return found


def pinned(path: Path) -> Pins:
    """What is pinned beside a slice; nothing where nothing is."""
    beside = file(path)
    return msgspec.json.decode(beside.read_bytes(), type=dict[str, Pin]) if beside.exists() else {}


def pin(path: Path, found: Pins) -> Path:
    """Writes it beside the slice."""
    file(path).write_bytes(msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=2) + b"\n")
    return file(path)


def file(path: Path) -> Path:
    """`a/b.avro` -> `a/b.digests.json`."""
    return path.with_suffix(".digests.json")


def differences(path: Path, before: Pins, now: Pins) -> list[str]:
    """In what a slice's views are not as they were pinned, in words; empty where they are."""
    found = [f"{view} reads the slice and has no pin" for view in now.keys() - before.keys()]
    found += [f"{view} is pinned and no view of this build" for view in before.keys() - now.keys()]
    for view in before.keys() & now.keys():
        old, new = before[view], now[view]
        parts = [f"rows of partition {p}" for p in sorted(new.state) if old.state.get(p) != new.state[p]]
        parts += [f"rows on the way, partition {p}" for p in sorted(new.history) if old.history.get(p) != new.history[p]]
        parts += [f"outputs of partition {p}" for p in sorted(new.outputs) if old.outputs.get(p) != new.outputs[p]]
        if parts or old != new:
            counts = f"{old.records} records and {old.sent} outputs then, {new.records} and {new.sent} now"
            found.append(f"{view} makes something else of it: {', '.join(parts) or 'other counts'} ({counts})")
    if found:
        found.append(f"If that is meant: ./chronicast replay --from-file {path} --pin, and say why in the commit")
    return sorted(found[:-1]) + found[-1:]
