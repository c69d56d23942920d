"""The caps on how long our modules are, so that no file becomes the one that does everything."""

import statistics
from pathlib import Path

from infra.settings import CHECKOUT

FOLDERS = ("schemas", "streams", "processors", "sinks", "infra")
MEDIAN, NINTH_DECILE, LONGEST = 120, 300, 500
"""Lines of a module. Codebases that aged well keep the median near 100 and nine in ten under 400."""
GENERATED = CHECKOUT / "schemas" / "events"


def problems(checkout: Path = CHECKOUT) -> list[str]:
    """Which caps the product's modules break; empty where none."""
    files = [file for folder in FOLDERS for file in (checkout / folder).rglob("*.py") if GENERATED not in file.parents and _ours(file)]
    lines = {file: file.read_text().count("\n") for file in files if file.name != "__init__.py"}
    found = [
        f"{file.relative_to(checkout)}: {count} lines, more than {LONGEST}" for file, count in sorted(lines.items()) if count > LONGEST
    ]
    counts = sorted(lines.values())
    if statistics.median(counts) > MEDIAN:
        found.append(f"the median module has {statistics.median(counts):.0f} lines, more than {MEDIAN}")
    ninth = counts[int(len(counts) * 0.9)]
    if ninth > NINTH_DECILE:
        found.append(f"nine in ten modules are up to {ninth} lines, more than {NINTH_DECILE}")
    return found


def _ours(file: Path) -> bool:
    return "node_modules" not in file.parts
