"""`chronicast lineage NAME`: where an archived object or a clip comes from."""

import asyncio
import re
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from infra.cli.console import FAILED, AsJson, CommandError, empty_table, out, parts, settings, show_json
from infra.cli.view_site import FromPlace
from infra.replaying import Connect, Place
from sinks.archive.attesting import attested
from sinks.archive.lineage import Hop, Lineage, UnknownError, revisions
from sinks.clips.lineage import ClipLineage

ID = re.compile(r"[\w-]{1,64}", re.ASCII)
"""Names that a VOD or a clip may have; addresses have slashes."""


def lineage(
    name: Annotated[str, typer.Argument(help="Id of a VOD or of a clip, or address of a segment, live or archived.")],
    source: FromPlace = Place.KAFKA,
    as_json: AsJson = False,
) -> None:
    """Show every hop from a VOD, clip or segment back to its ingest: objects are held against their hashes, events against the lake.

    Exits 1 where one does not hold.
    """
    with parts() as found:
        log = Connect(settings(), source).source()
        lines = Lineage(log, found.codec, found.objects, list(revisions(log, found.codec)))
        lake = Connect(settings(), Place.LAKE).source()
        try:
            hops = asyncio.run(_hops(ClipLineage(log, found.codec, found.objects, lines), lines, name))
        except UnknownError as cause:
            raise CommandError(f"{cause}. ./chronicast vod list and clip list show what there is", FAILED) from cause
        hops = attested(hops, log, lake)
    if as_json:
        show_json({"name": name, "holds": all(hop.holds for hop in hops), "hops": msgspec.to_builtins(hops)})
    else:
        out.print(_table(hops))
    if not all(hop.holds for hop in hops):
        raise SystemExit(FAILED)


async def _hops(clips: ClipLineage, lines: Lineage, name: str) -> list[Hop]:
    found = await clips.of(name) if ID.fullmatch(name) else None
    return await lines.of(name) if found is None else found


def _table(hops: list[Hop]) -> Table:
    table = empty_table("hop", "", "on the log at", "sha256", "", "says")
    for hop in hops:
        mark = f"[green]holds by {hop.by}[/]" if hop.holds else "[red]does not hold[/]"
        table.add_row(hop.what, hop.name, hop.at, (hop.sha256 or hop.record_sha256)[:16], mark, hop.says)
    return table
