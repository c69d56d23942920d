"""`chronicast verify VIEW`: folds a view afresh from the log and compares it with the live one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer

from infra.cli.console import FAILED, AsJson, CommandError, out, show_json
from infra.cli.progress import progress
from infra.cli.view_site import FromPlace, ViewName, ViewSite, row_table, short, stored
from infra.replaying import Place
from streams.envelope import rfc3339
from streams.views.bisection import Parting
from streams.views.verification import PartitionVerdict, Verdict, Verifying
from streams.views.verification import verify as verify_all
from streams.views.verified_outputs import OutputsVerdict

FAULTS = 10
"""Faulty outputs told one by one."""


def verify(
    name: ViewName,
    *,
    from_snapshot: Annotated[
        bool, typer.Option("--from-snapshot", help="Begin with the newest snapshot: faster, proves what came since.")
    ] = False,
    outputs: Annotated[bool, typer.Option("--outputs", help="Check too that each output is on the log, once, with its bytes.")] = False,
    source: FromPlace = Place.KAFKA,
    as_json: AsJson = False,
) -> None:
    """Fold a view afresh, compare it with the live one; name the first differing key and event. Exits 1 where they differ.

    The worker goes on meanwhile: its stores are opened for reading only.
    """
    site = stored(name, source)
    verdict = verified(site, from_snapshot=from_snapshot, outputs=outputs)
    show_verdict(verdict, as_json=as_json)
    if not verdict.equal:
        raise SystemExit(FAILED)


def verified(site: ViewSite, *, from_snapshot: bool = False, outputs: bool = False) -> Verdict:
    """Verifies the stores in use."""
    now, fold = site.settings, site.fold
    if not site.generations.runs(fold):
        raise CommandError(
            f"{site.stores} is in use and this build has v{fold.version}: verify it with the build that folded it, or ./chronicast "
            f"rebuild {fold.name}"
        )
    with progress(f"verifying {site.stores}") as shown, TemporaryDirectory(prefix="verify-", dir=now.folder) as scratch:
        asked = Verifying(fold, site.connect, now.folder / "views" / site.stores, Path(scratch), from_snapshot, outputs)
        return verify_all(asked, site.connection.source, shown)


def show_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Prints a verdict, for people or for programs."""
    if as_json:
        show_json({"equal": verdict.equal, **msgspec.to_builtins(verdict)})
        return
    rate = f", {verdict.events / verdict.seconds:,.0f}/s" if verdict.seconds else ""
    for found in verdict.partitions:
        word = "[green]equal[/]" if found.equal else "[red]differs[/]"
        folded = "no events" if found.watermark < 0 else f"offsets {found.folded_from}-{found.watermark}"
        out.print(f"{verdict.view}/{found.partition}  {word}  {folded}  digest {found.fresh}")
        if not found.equal:
            _show_difference(found)
    if verdict.outputs is not None:
        _show_outputs(verdict.outputs)
    words = "[green]equal to its events[/]" if verdict.equal else "[red]not what its events make of it[/]"
    out.print(f"{verdict.view} is {words}: {verdict.events:,} events folded in {verdict.seconds:.1f} s{rate}")
    if not verdict.equal:
        out.print(f"Rebuild it: ./chronicast rebuild {verdict.view.partition('.v')[0]} (docs/how-to/rebuild-a-view.md)", markup=False)


def _show_difference(found: PartitionVerdict) -> None:
    if found.damage:
        out.print(f"  the store's position cannot be read: {found.damage}", markup=False)
    elif found.live != found.rows:
        out.print(f"  its rows are not those that the digest {found.live} was kept of: something but the view changed them", markup=False)
    if found.shown:
        table = row_table("", "live", "folded afresh")
        for row in found.shown:
            table.add_row(row.key, row.table, row.row, row.kind, short(row.live), short(row.fresh))
        out.print(table)
        if found.differing > len(found.shown):
            out.print(f"  and {found.differing - len(found.shown)} more rows")
    if found.parting is not None:
        _show_event(found.parting)


def _show_event(parting: Parting) -> None:
    equal = "from the beginning" if parting.after < 0 else f"after offset {parting.after}, where both are equal,"
    if parting.offset is None:
        out.print(f"  {equal} up to offset {parting.up_to} {parting.how}", markup=False)
        return
    first = "first event where they part" if parting.sure else "last event known"
    out.print(
        f"  {first}: {parting.type} of key {parting.key} at offset {parting.offset} ({rfc3339(parting.time)}): it {parting.how} "
        f"(searched {equal} up to {parting.up_to})",
        markup=False,
    )


def _show_outputs(outputs: OutputsVerdict) -> None:
    word = "[red]faulty[/]" if outputs.faults else "[green]all there[/]"
    out.print(f"outputs: {word}, {outputs.expected:,} expected, {len(outputs.faults)} faulty, {outputs.repeats} identical repeats")
    for fault in outputs.faults[:FAULTS]:
        out.print(
            f"  {fault.fault}: output {fault.index} of offset {fault.offset} in partition {fault.partition}, on {fault.topic}", markup=False
        )
