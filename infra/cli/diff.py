"""`chronicast diff VIEW A B`: which rows differ between two moments of a view, or between two sets of its stores."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from infra.cli.console import FAILED, USAGE, AsJson, CommandError, out, show_json
from infra.cli.moments import MOMENTS
from infra.cli.progress import progress
from infra.cli.view import look
from infra.cli.view_site import FromPlace, ViewName, ViewSite, row_table, short, view_site
from infra.replaying import Place
from streams.store import Store, key_prefix
from streams.store_memory import MemoryStore
from streams.views.differences import Decoders, RowDifference, differences, place_of
from streams.views.store_reading import open_reading, partitions_of

WORDS = {"missing": "removed", "extra": "added", "changed": "changed", "unreadable": "unreadable"}
"""What a difference of the second from the first is called."""
LIVE = "live"


def diff(
    name: ViewName,
    first: Annotated[str, typer.Argument(metavar="A", help=f"{MOMENTS}; live; or the name of stores, such as scheduler.v1+1.")],
    second: Annotated[str, typer.Argument(metavar="B", help="As A.")] = "end",
    *,
    key: Annotated[str, typer.Option(help="Only the rows under this key.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="Rows listed at most; all are counted. 0 lists all.")] = 50,
    source: FromPlace = Place.KAFKA,
    as_json: AsJson = False,
) -> None:
    """Show which rows of a view were added, removed or changed between A and B. Exits 1 where there are any."""
    site = view_site(name, source)
    site.settings.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="diff-", dir=site.settings.folder)))
        before, after = (_stores(site, side, key, folder / str(n), stack) for n, side in enumerate((first, second)))
        found, counts = _compared(before, after, key_prefix(key.encode()) if key else b"", limit)
    decoders = Decoders(site.fold)
    rows = [
        {
            **place_of(each.address)._asdict(),
            "change": WORDS[each.kind],
            "before": decoders.plain(each.address, each.expected),
            "after": decoders.plain(each.address, each.found),
        }
        for each in found
    ]
    if as_json:
        show_json({"view": site.fold.name, "a": first, "b": second, "counts": counts, "rows": rows})
    else:
        _show(rows, counts, f"{site.fold.name} from {first} to {second}")
    if counts:
        raise SystemExit(FAILED)


def _stores(site: ViewSite, side: str, key: str, folder: Path, stack: ExitStack) -> dict[int, Store]:
    """One side's stores by partition."""
    views = site.settings.folder / "views"
    live = site.stores if side == LIVE else side
    if side == LIVE or side.startswith(f"{site.fold.name}.v"):
        if not partitions_of(views / live):
            there = sorted(path.name for path in views.glob(f"{site.fold.name}.v*"))
            raise CommandError(f"there are no stores {live} on this host; there are {', '.join(there) or 'none of this view'}", USAGE)
        found = {partition: open_reading(views / live / str(partition)).store for partition in partitions_of(views / live)}
        for store in found.values():
            stack.callback(store.close)
        return found
    with progress(f"folding {site.stores} at {side}") as shown:
        past = asyncio.run(look(site, side, key, folder, shown))
    stack.callback(past.close)
    return dict(past.stores)


def _compared(before: dict[int, Store], after: dict[int, Store], prefix: bytes, limit: int) -> tuple[list[RowDifference], dict[str, int]]:
    """The first differences, and how many there are of each kind."""
    found: list[RowDifference] = []
    counts: Counter[str] = Counter()
    empty = MemoryStore()
    for partition in sorted({*before, *after}):
        both = differences(after.get(partition, empty), before.get(partition, empty))
        each = (difference for difference in both if difference.address.startswith(prefix))
        listed = list(islice(each, limit - len(found))) if limit else list(each)
        found += listed
        counts.update(WORDS[difference.kind] for difference in listed)
        counts.update(WORDS[difference.kind] for difference in each)
    return found, dict(counts)


def _show(rows: list[dict[str, Any]], counts: dict[str, int], title: str) -> None:
    if rows:
        table = row_table("", "before", "after")
        for row in rows:
            table.add_row(row["key"], row["table"], row["row"], row["change"], short(row["before"]), short(row["after"]))
        out.print(table)
    listed = f", the first {len(rows)} listed" if sum(counts.values()) > len(rows) else ""
    out.print(f"{title}: {', '.join(f'{count:,} {kind}' for kind, count in sorted(counts.items())) or 'no difference'}{listed}")
