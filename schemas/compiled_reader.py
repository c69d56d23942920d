"""Compiles a schema into a function that reads its events."""

from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec

from schemas.compiled import NotCompiledError, Read, Source, kind, nullable
from schemas.event import Event


def reader(schema: dict[str, Any], event: type[Event]) -> Read:
    """The function, which builds the event itself.

    Raises:
        NotCompiledError: the schema has a type that is left to fastavro.
    """
    source = Source()
    source.add(0, "def read(b, p):")
    source.add(1, 't = b.decode("latin-1")')
    hints = types_of(schema, event)
    texts = []
    for field in schema["fields"]:
        variable = f"v_{field['name']}"
        if kind(field["type"]) == "string":
            texts.append(variable)
            characters(source, 1, variable)
        else:
            read(source, 1, field["type"], variable, hints[field["name"]])
    source.add(1, "if p != len(b): raise UnusualError")
    if texts:
        # One look at all texts together: nearly always none holds more than a byte a character.
        source.add(1, f'if not f"{"".join(f"{{{each}}}" for each in texts)}".isascii():')
        for each in texts:
            source.add(2, f"{each} = text_of({each})")
    source.add(1, f"return {made(source, schema, 'v', event)}")
    function: Read = source.function("read")
    return function


def types_of(schema: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Python types of a record's fields; a record that is not its type's own is fastavro's."""
    if {field["name"] for field in schema["fields"]} != set(struct.__struct_fields__):
        raise NotCompiledError
    return get_type_hints(struct)


def made(source: Source, schema: dict[str, Any], prefix: str, struct: type) -> str:
    """An expression that builds a record of its fields' variables."""
    names = [field["name"] for field in schema["fields"]]
    return f"{source.name(struct)}({', '.join(f'{name}={prefix}_{name}' for name in names)})"


def characters(source: Source, depth: int, variable: str) -> None:
    """Lines that read a string, one character a byte."""
    source.add(depth, "m = b[p]")
    source.add(depth, "n = SHORT[m]")
    source.add(depth, "p += 1")
    source.add(depth, "if n is not None: q = p + n")
    source.add(depth, "elif m & 1 or b[p] > 0x7F: p, q = text_at(b, p - 1)")
    source.add(depth, "else:")  # a length of two bytes, as sealed texts have
    source.add(depth + 1, "q = p + 1 + (m >> 1 & 0x3F | b[p] << 6)")
    source.add(depth + 1, "p += 1")
    source.add(depth, f"{variable} = t[p:q]")
    source.add(depth, "p = q")


def read(source: Source, depth: int, schema: Any, variable: str, hint: Any) -> None:
    """Lines that read a value of a Python type."""
    match "union" if isinstance(schema, list) else kind(schema):
        case "union":
            optional(source, depth, schema, variable, hint)
        case "string":
            characters(source, depth, variable)
            source.add(depth, f"{variable} = text_of({variable})")
        case "int" | "long" as size:
            source.add(depth, "n = b[p]")
            source.add(depth, "p += 1")
            source.add(depth, f"if n > 0x7F: n, p = {'time_at' if size == 'long' else 'number_at'}(b, p - 1)")
            source.add(depth, f"{variable} = n >> 1 ^ -(n & 1)")
        case "bytes":
            source.add(depth, "p, q = text_at(b, p)")
            source.add(depth, f"{variable} = b[p:q]")
            source.add(depth, "p = q")
        case "double":
            source.add(depth, f"{variable} = unpack(b, p)[0]")
            source.add(depth, "p += 8")
        case "boolean":
            source.add(depth, "if b[p] > 1: raise UnusualError")
            source.add(depth, f"{variable} = b[p] == 1")
            source.add(depth, "p += 1")
        case "enum":
            symbols = {2 * index: symbol for index, symbol in enumerate(schema["symbols"])}
            source.add(depth, f"{variable} = {source.name(symbols)}[b[p]]")
            source.add(depth, "p += 1")
        case "array":
            array(source, depth, schema, variable, hint)
        case "record":
            hints = types_of(schema, hint)
            for field in schema["fields"]:
                read(source, depth, field["type"], f"{variable}_{field['name']}", hints[field["name"]])
            source.add(depth, f"{variable} = {made(source, schema, variable, hint)}")
        case _:
            raise NotCompiledError


def optional(source: Source, depth: int, schema: Any, variable: str, hint: Any) -> None:
    """Lines that read a value or null."""
    other, null = nullable(schema)
    source.add(depth, "n = b[p]")
    source.add(depth, "p += 1")
    source.add(depth, f"if n == {2 * null}: {variable} = None")
    source.add(depth, f"elif n == {2 - 2 * null}:")
    [inner] = [each for each in get_args(hint) if each is not NoneType]
    read(source, depth + 1, other, variable, inner)
    source.add(depth, "else: raise UnusualError")


def array(source: Source, depth: int, schema: Any, variable: str, hint: Any) -> None:
    """Lines that read an array; a block that says its size in bytes, with a negative count, is left to fastavro."""
    item = f"{variable}_item"
    source.add(depth, f"{variable} = []")
    source.add(depth, "while b[p]:")
    source.add(depth + 1, "n, p = number_at(b, p)")
    source.add(depth + 1, "if n & 1: raise UnusualError")
    source.add(depth + 1, "for _ in range(n >> 1):")
    read(source, depth + 2, schema["items"], item, get_args(hint)[0])
    source.add(depth + 2, f"{variable}.append({item})")
    source.add(depth, "p += 1")
    source.add(depth, f"{variable} = tuple({variable})")
