"""Compiles a schema into a function that writes its events."""

from typing import Any

from schemas.compiled import LAST, NotCompiledError, Source, Write, kind, nullable
from schemas.event import ENVELOPE

LEAVES = {"string": "text", "int": "number", "long": "number", "bytes": "octets", "double": "double"}
"""Avro type -> function of `schemas.compiled` that writes it."""
IN_UNION = {
    "string": "text",
    "int": "number_or_null",
    "long": "long_or_null",
    "boolean": "boolean_or_null",
    "double": "double_or_null",
}
"""The same beside null."""


def writer(schema: dict[str, Any]) -> Write:
    """The function.

    Raises:
        NotCompiledError: the schema has a type that is left to fastavro.
    """
    source = Source()
    body: list[str] = []
    strings: list[str] = []
    source.add(0, "def write(head, event, envelope):")
    source.add(1, f"{', '.join(ENVELOPE)} = envelope")
    for field in schema["fields"]:
        name = variable = field["name"]
        if name not in ENVELOPE:
            variable = f"v_{name}"
            source.add(1, f"{variable} = event.{name}")
        if kind(field["type"]) == "string":
            strings.append(variable)
            body += f"LENGTH[len({variable})]", variable
        else:
            body.append(written(source, field["type"], variable))
    if strings:
        # One look at all texts together: nearly always none needs more than a byte a character.
        source.add(1, f'if not f"{"".join(f"{{{each}}}" for each in strings)}".isascii():')
        for each in strings:
            source.add(2, f"{each} = utf8({each})")
    source.add(1, f'return "".join((head, {", ".join(body)})).encode("latin-1")')
    function: Write = source.function("write")
    return function


def written(source: Source, schema: Any, value: str) -> str:
    """An expression for the characters of a value."""
    if isinstance(schema, list):
        other, null = nullable(schema)
        leaf = IN_UNION.get(kind(other))
        if leaf is None:
            raise NotCompiledError
        return f"({LAST[2 * null]!r} if {value} is None else {LAST[2 - 2 * null]!r} + {leaf}({value}))"
    match kind(schema):
        case "boolean":
            return f'("\\1" if {value} else "\\0")'
        case "enum":
            symbols = source.name({symbol: LAST[2 * index] for index, symbol in enumerate(schema["symbols"])})
            return f"{symbols}[{value}]"
        case "array":
            item = f"i{len(source.names)}"
            items = f'"".join([{written(source, schema["items"], item)} for {item} in {value}])'
            return f'("".join((LENGTH[len({value})], {items}, "\\0")) if len({value}) else "\\0")'
        case "record":
            return " + ".join(written(source, field["type"], f"{value}.{field['name']}") for field in schema["fields"]) or '""'
        case leaf if leaf in LEAVES:
            return f"{LEAVES[leaf]}({value})"
    raise NotCompiledError
