"""Puts what was measured into the documents that show it."""

from pathlib import Path


def put(document: Path, mark: str, table: str) -> None:
    """Puts a table between a document's marks."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    head, found, rest = document.read_text().partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{document} has no {begin} {end}: put them where the table belongs")
    document.write_text(f"{head}{begin}\n{table}\n{end}{tail}")
