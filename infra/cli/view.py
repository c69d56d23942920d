"""`chronicast view VIEW`: a view's rows now, or as they were."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from infra.cli.console import AsJson, out, show_json
from infra.cli.moments import MOMENTS, milliseconds, offsets
from infra.cli.progress import progress
from infra.cli.view_site import FromPlace, ViewName, ViewSite, row_table, short, view_site
from infra.replaying import Place
from streams.views.differences import Decoders, place_of
from streams.views.moments import PastView, key_at, view_at

SHOWN = 50
"""Rows that a terminal is given; --json prints all."""
At = Annotated[str, typer.Option("--at", help=MOMENTS)]


def view(
    name: ViewName,
    *,
    at: At = "end",
    key: Annotated[str, typer.Option(help="Only the rows under this key, such as a channel's id or a region: faster.")] = "",
    source: FromPlace = Place.KAFKA,
    as_json: AsJson = False,
) -> None:
    """Show a view's rows at a moment: its newest snapshot before it, and the events from there.

    The view is folded here, apart from the live one. A long way leaves snapshots, so that the next look is short.
    """
    site = view_site(name, source)
    began = time.monotonic()
    with TemporaryDirectory(prefix="view-", dir=_home(site)) as scratch, progress(f"folding {site.stores}") as shown:
        past = asyncio.run(look(site, at, key, Path(scratch) / "stores", shown))
        decoders = Decoders(site.fold)
        rows = [{**place_of(address)._asdict(), "value": decoders.plain(address, row)} for _, address, row in past.rows()]
        past.close()
    seconds = time.monotonic() - began
    if as_json:
        positions = {partition: end - 1 for partition, end in past.ends.items()}
        show_json({"view": site.stores, "positions": positions, "folded": past.folded, "seconds": round(seconds, 3), "rows": rows})
    else:
        _show(rows)
        out.print(f"{site.stores} at {at}: {len(rows):,} rows; {past.folded:,} events beyond the snapshots, {seconds:.1f} s")


async def look(site: ViewSite, at: str, key: str, folder: Path, told: Any) -> PastView:
    """The rows at a moment; of one key, or all."""
    archive = site.archive
    ends = positions(site, at)
    if key:
        return await key_at(archive, key, ends, folder, told=told)
    return await view_at(archive, ends, folder, keep=True, told=told)


def positions(site: ViewSite, at: str, option: str = "--at") -> dict[int, int]:
    """Per partition the offset after the last event at a moment.

    Raises:
        CommandError: the text is no moment.
    """
    source, topic = site.connection.source, site.fold.inputs[0]
    if at in ("start", "end"):
        return offsets(source, topic, at, option)
    return site.archive.positions(milliseconds(at.removeprefix("-"), option))


def _home(site: ViewSite) -> Path:
    """Folders of work lie beside the state, on the same disk."""
    site.settings.folder.mkdir(parents=True, exist_ok=True)
    return site.settings.folder


def _show(rows: list[dict[str, Any]]) -> None:
    table = row_table("value")
    for row in rows[:SHOWN]:
        table.add_row(row["key"], row["table"], row["row"], short(row["value"]))
    out.print(table)
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN} more rows: --json prints all, --key those of one key")
