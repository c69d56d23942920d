"""What would break readers of the events that were written so far."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from fastavro import schemaless_writer

from schemas.avro_schema import Schema, full_name, meaning, parsed, physical, rabin
from schemas.compatibility import Broken, Level, compared, differences
from schemas.contract import Contract
from schemas.golden.example import example
from schemas.reading import reader
from schemas.released import files, load, version

GOLDEN = Path(__file__).parent
MARKER = b"\xc3\x01"
"""Begins Avro's single-object encoding (specification, "Single-object encoding"); the fingerprint's eight bytes follow."""
HEADER = len(MARKER) + 8


def golden_of(path: Path, golden: Path) -> Path:
    """Where the golden bytes of an `.avsc` file are."""
    return golden / path.parent.name / f"{path.stem}.bin"


def encoded(schema: Schema) -> bytes:
    """The example of a schema as golden bytes."""
    body = BytesIO()
    schemaless_writer(body, parsed(physical(schema)), example(schema))
    return MARKER + rabin(schema) + body.getvalue()


def write_missing(avro: Path, golden: Path) -> list[Path]:
    """Writes the bytes and the released schema of versions that have none yet; which ones."""
    written = []
    for path in files(avro):
        target = golden_of(path, golden)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_suffix(".avsc").write_text(path.read_text())
            target.write_bytes(encoded(load(path)))
            written.append(target)
    return written


def problems(avro: Path, golden: Path, contract: Contract) -> list[str]:
    """What breaks, with the way out, one text a place; nothing where every event ever written stays readable in both directions."""
    return [
        *_gone(avro, golden),
        *_renamed(avro),
        *(found for path in files(avro) for found in _of_version(path, golden, contract)),
        *_between(contract),
    ]


def _gone(avro: Path, golden: Path) -> Iterator[str]:
    """Released versions whose schema was taken away."""
    for kept in files(golden):
        if not (avro / kept.parent.name / kept.name).exists():
            yield f"{kept.parent.name}/{kept.name} was released and is gone: put it back, events of it are on the log"


def _of_version(path: Path, golden: Path, contract: Contract) -> Iterator[str]:
    """One version against its golden bytes."""
    name, target = f"{path.parent.name}/{path.name}", golden_of(path, golden)
    if not target.exists():
        yield f"{name} has no golden bytes: run `python -m schemas.golden` and commit what it writes"
        return
    released, now, value = load(target.with_suffix(".avsc")), load(path), target.read_bytes()
    if value[:HEADER] != MARKER + rabin(released):
        yield f"{target} was not written with the schema beside it: restore both from the release"
        return
    if meaning(released) != meaning(now):
        yield from _changed(name, released, now)
    yield from _decoding(name, released, value[HEADER:], contract)


def _changed(name: str, released: Schema, now: Schema) -> Iterator[str]:
    """A released version was changed in its place."""
    broken = [f"new readers, old events: {why}" for why in differences(now, released)]
    broken += [f"old readers, new events: {why}" for why in differences(released, now)]
    following = f"{name.rpartition('.v')[0]}.v{version(Path(name)) + 1}.avsc"
    what = "; ".join(broken) if broken else "it stays compatible, but bytes of the two could not be told apart by their version"
    yield f"{name} was released and has changed: {what}. Put it back, and the change, if it is compatible, in {following}"


def _decoding(name: str, released: Schema, body: bytes, contract: Contract) -> Iterator[str]:
    """The golden bytes read by today's types must hold what was written."""
    record = full_name(released)
    written = example(released)
    if record not in contract.types:
        yield f"{name}: there is no type of {record}: run `python -m schemas.generate`"
        return
    try:
        event = reader(released, contract, record)(body, 0)
    except Exception as cause:  # whatever stops an old event from being read is what this looks for
        yield f"{name}: its golden bytes cannot be read: {cause!r}. Give new fields defaults, or write an upcaster (schemas/upcast)"
        return
    if (record, version(Path(name))) in contract.upcasts:
        return
    for field, value in written.items():
        read = getattr(event, field, value)
        if not _holds(msgspec.to_builtins(read), msgspec.to_builtins(value)):
            yield f"{name}: {field} was written as {value!r} and is read as {read!r}"


def _holds(read: Any, written: Any) -> bool:
    """Whether what was written is what is read; a nested record may have got fields since."""
    if isinstance(written, dict) and isinstance(read, dict):
        return all(name in read and _holds(read[name], value) for name, value in written.items())
    if isinstance(written, list | tuple) and isinstance(read, list | tuple):
        return len(read) == len(written) and all(map(_holds, read, written))
    return bool(read == written)


def _renamed(avro: Path) -> Iterator[str]:
    """Versions that bear another record's name than the first: the name is what a reader finds the type by."""
    first: dict[str, tuple[str, str]] = {}
    for path in files(avro):
        event, name = path.stem.rpartition(".v")[0], full_name(load(path))
        file = f"{path.parent.name}/{path.name}"
        known, original = first.setdefault(f"{path.parent.name}/{event}", (name, file))
        if name != known:
            yield (
                f"{file} is of {name}, and {original} of {known}: events of that name are on the log and would not find their type. "
                f"Keep the name; what is another event is a new type, in a file of its own: {path.parent.name}/{_file_name(name)}.v1.avsc"
            )


def _file_name(record: str) -> str:
    """`chronicast.chat.MessagePosted` -> `message_posted`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.rpartition(".")[2]).lower()


def _between(contract: Contract) -> Iterator[str]:
    """Versions of a record against all that came before them: events are FULL_TRANSITIVE."""
    for record, versions in contract.versions.items():
        for number, schema in versions.items():
            for earlier in reversed([n for n in versions if n < number]):
                breaks = f"{record} v{number} breaks ({Level.FULL_TRANSITIVE})"
                for difference in compared(schema, versions[earlier]):
                    yield f"{breaks}: the new schema cannot read version {earlier}: {difference.text}. {NEW_READS_OLD[difference.what]}"
                for difference in compared(versions[earlier], schema):
                    yield f"{breaks}: version {earlier} cannot read the new schema: {difference.text}. {OLD_READS_NEW[difference.what]}"


OTHERWISE = (
    "What the event can no longer say with that is a new event type (`<event>.v1.avsc` under another name), or, for all events of a topic, "
    "the topic's next major (`a.b.events.v2`)"
)
KEEP = f"Keep the field as it was and add one with a default beside it. {OTHERWISE}"
KEEP_NAME = f"Keep the name. {OTHERWISE}"
NEW_READS_OLD = {
    Broken.FIELD: "Give the field a default: events that were written without it are on the log",
    Broken.TYPE: KEEP,
    Broken.SIZE: KEEP,
    Broken.NAME: KEEP_NAME,
    Broken.SYMBOL: f"Keep the symbols: events with them are on the log. {OTHERWISE}",
}
"""The way out where today's readers cannot read what was written."""
OLD_READS_NEW = {
    **NEW_READS_OLD,
    Broken.FIELD: f"Keep the field: it has no default, and the readers of the release before need it. {OTHERWISE}",
    Broken.SYMBOL: f"The enum has no default for readers that do not know a symbol, so it takes no new one. {OTHERWISE}",
}
"""The way out where readers of a former release cannot read what is written now."""
