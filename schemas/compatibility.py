"""Whether one schema's readers can read what another one wrote (Apache Avro 1.12 specification, "Schema Resolution")."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import fastavro

from schemas.avro_schema import Schema, parsed

PROMOTIONS = {
    "int": {"int", "long", "float", "double"},
    "long": {"long", "float", "double"},
    "float": {"float", "double"},
    "string": {"string", "bytes"},
    "bytes": {"bytes", "string"},
}
"""Written type -> types that may read it, where it is not only the type itself."""


class Level(StrEnum):
    """A subject's rule. Transitive ones look at all versions, the others at the newest."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    """The new schema reads what the old one wrote."""
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    """The old schema reads what the new one wrote."""
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    """Both."""
    FULL_TRANSITIVE = "FULL_TRANSITIVE"


def violations(level: Level, new: Schema, versions: Sequence[tuple[int, Schema]]) -> list[str]:
    """What a new schema breaks among a subject's versions (number, schema), ascending; nothing where it may take its place.

    Raises:
        InvalidSchemaError: one of them is no schema.
    """
    found: list[str] = []
    looked_at = versions if level.endswith("_TRANSITIVE") else versions[-1:]
    for number, old in reversed(looked_at):
        if level.startswith(("BACKWARD", "FULL")):
            found += [f"the new schema cannot read version {number}: {why}" for why in differences(new, old)]
        if level.startswith(("FORWARD", "FULL")):
            found += [f"version {number} cannot read the new schema: {why}" for why in differences(old, new)]
    return found


class Broken(StrEnum):
    """What is in the way of a reader."""

    TYPE = "type"
    """A place has another type, or a union lacks it."""
    NAME = "name"
    """A named type has another name."""
    SIZE = "size"
    """A fixed type has another size."""
    SYMBOL = "symbol"
    """An enum lacks a symbol and has no default."""
    FIELD = "field"
    """A field was not written and has no default."""


class Difference(NamedTuple):
    """One place that cannot be read."""

    what: Broken
    text: str
    """One sentence."""


def compared(reader: Schema, writer: Schema) -> list[Difference]:
    """Why a reader's schema cannot read what a writer's schema may write, place by place; nothing where it can.

    Raises:
        InvalidSchemaError: one of them is no schema.
    """
    return list(_Resolution(_Types(reader), _Types(writer)).compare())


def differences(reader: Schema, writer: Schema) -> list[str]:
    """The same in sentences."""
    return [difference.text for difference in compared(reader, writer)]


class _Types:
    """A schema with its names resolved."""

    def __init__(self, schema: Schema) -> None:
        self.root = parsed(schema)
        self._named: dict[str, Any] = {}
        fastavro.parse_schema(schema, named_schemas=self._named)

    def resolve(self, schema: Any) -> Any:
        """Its definition: a primitive's name, a union's list or the object of a complex type."""
        if isinstance(schema, str):
            return self._named.get(schema, schema)
        if isinstance(schema, dict) and schema["type"] not in {"record", "error", "enum", "fixed", "array", "map"}:
            return self.resolve(schema["type"])
        return schema


class _Resolution:
    """One walk over a reader's and a writer's schema."""

    def __init__(self, reader: _Types, writer: _Types) -> None:
        self._reader = reader
        self._writer = writer
        self._assumed: set[tuple[str, str]] = set()
        """Pairs of records under comparison: a recursive type is readable unless another place says no."""

    def compare(self) -> Iterator[Difference]:
        yield from self._types(self._reader.root, self._writer.root, "")

    def _types(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        reads, wrote = self._reader.resolve(reader), self._writer.resolve(writer)
        if isinstance(wrote, list):
            for branch in wrote:
                yield from self._types(reads, branch, path)
        elif isinstance(reads, list):
            if not any(self._readable(branch, wrote) for branch in reads):
                branches = [_label(self._reader.resolve(branch)) for branch in reads]
                text = f"{_place(path)}: written as {_label(wrote)}, which is no branch of the union {branches}"
                yield Difference(Broken.TYPE, text)
        elif _kind(reads) != _kind(wrote) or isinstance(reads, str):
            if _kind(reads) not in PROMOTIONS.get(_kind(wrote), {_kind(wrote)}):
                yield Difference(Broken.TYPE, f"{_place(path)}: written as {_label(wrote)}, read as {_label(reads)}")
        else:
            yield from getattr(self, f"_{_kind(reads)}")(reads, wrote, path)

    def _readable(self, reader: Any, writer: Any) -> bool:
        """Whether a union's branch takes what was written; what was assumed on the way is forgotten if it does not."""
        assumed = set(self._assumed)
        if next(self._types(reader, writer, ""), None) is None:
            return True
        self._assumed = assumed
        return False

    def _array(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        yield from self._types(reader["items"], writer["items"], f"{path}[]")

    def _map(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        yield from self._types(reader["values"], writer["values"], f"{path}{{}}")

    def _fixed(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        yield from _names(reader, writer, path)
        if reader["size"] != writer["size"]:
            yield Difference(Broken.SIZE, f"{_place(path)}: written with {writer['size']} bytes, read with {reader['size']}")

    def _enum(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        yield from _names(reader, writer, path)
        missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
        if missing and "default" not in reader:
            text = f"{_place(path)}: the enum {_bare(reader['name'])} that reads lacks the symbols {missing} and has no default"
            yield Difference(Broken.SYMBOL, text)

    def _record(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        pair = (reader["name"], writer["name"])
        if pair in self._assumed:
            return
        self._assumed.add(pair)
        yield from _names(reader, writer, path)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            name = next((n for n in (field["name"], *field.get("aliases", ())) if n in written), None)
            at = f"{path}.{field['name']}" if path else f"{_bare(reader['name'])}.{field['name']}"
            if name is not None:
                yield from self._types(field["type"], written[name]["type"], at)
            elif "default" not in field:
                yield Difference(Broken.FIELD, f"field {at}: it was not written and has no default")


def _names(reader: Any, writer: Any, path: str) -> Iterator[Difference]:
    """Named types must share their unqualified name, or the reader's aliases must hold the writer's."""
    taken = {_bare(name) for name in (reader["name"], *reader.get("aliases", ()))}
    if _bare(writer["name"]) not in taken:
        text = f"{_place(path)}: written as {_kind(writer)} {_bare(writer['name'])}, read as {_bare(reader['name'])}"
        yield Difference(Broken.NAME, text)


def _kind(schema: Any) -> str:
    """Avro's type name; an error is a record."""
    if isinstance(schema, str):
        return schema
    kind = "union" if isinstance(schema, list) else str(schema["type"])
    return "record" if kind == "error" else kind


def _label(schema: Any) -> str:
    """A type as a message names it."""
    return f"{_kind(schema)} {_bare(schema['name'])}" if isinstance(schema, dict) and "name" in schema else _kind(schema)


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _place(path: str) -> str:
    return f"field {path}" if path else "the type"
