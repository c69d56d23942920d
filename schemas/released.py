"""The `.avsc` files: every released version of every event."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AVRO = Path(__file__).parent / "avro"


def load(path: Path) -> dict[str, Any]:
    """The schema in a file, as Python objects."""
    schema: dict[str, Any] = json.loads(path.read_text())
    return schema


def version(path: Path) -> int:
    """`part_produced.v2.avsc` -> 2."""
    return int(path.stem.rpartition(".v")[2])


def files(root: Path = AVRO) -> list[Path]:
    """All files, by context, record and version."""
    return sorted(root.glob("*/*.avsc"), key=lambda p: (p.parent.name, p.stem.rpartition(".v")[0], version(p)))


def latest(root: Path = AVRO) -> dict[str, dict[str, Path]]:
    """Newest version of each record: context -> record name -> file."""
    found: dict[str, dict[str, Path]] = {}
    for path in files(root):
        found.setdefault(path.parent.name, {})[load(path)["name"]] = path
    return found


def by_record(root: Path = AVRO) -> dict[str, dict[int, dict[str, Any]]]:
    """Full record name -> version -> schema, versions ascending."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for number, schema in _versions(root):
        found.setdefault(f"{schema['namespace']}.{schema['name']}", {})[number] = schema
    return found


def _versions(root: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for path in files(root):
        yield version(path), load(path)
