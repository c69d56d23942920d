"""The SQL of the projection, by name."""

import re
from pathlib import Path

FILE = Path(__file__).with_name("library.sql")
NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def queries() -> dict[str, bytes]:
    """Name -> statements, as the driver takes them."""
    _, *found = NAME.split(FILE.read_text())
    return {name: text.strip().encode() for name, text in zip(found[::2], found[1::2], strict=True)}
