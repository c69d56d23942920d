"""`chronicast scrub`: reads the archive through and mends it."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from infra.cli.console import FAILED, AsJson, empty_table, out, parts, show_json
from infra.cli.progress import progress
from infra.cli.vod import archived, named
from infra.parts import Parts
from sinks.archive.scrub import Report, Scrub
from sinks.archive.vods import Vod


def scrub(
    vod_id: Annotated[str, typer.Argument(help="Id of a VOD; none is all of them.")] = "",
    *,
    mend: Annotated[bool, typer.Option(help="Make again what can be made again; otherwise only name what is wrong.")] = True,
    as_json: AsJson = False,
) -> None:
    """Read every archived object and hold it against its hash. What is missing or rotten is made again where it can be: playlists, tables,
    pictures, renditions; the rest is named. Exits 1 where something is lost, or wrong and not mended.
    """
    with parts() as found:
        vods = archived(found)
        chosen = [named(vods, vod_id)] if vod_id else vods.all()
        reports = list(_look(found, chosen, mend=mend))
    lost = sum(len(report.lost) for report in reports)
    if as_json:
        findings = [finding for report in reports for finding in report.findings]
        show_json(
            {
                "vods": len(reports),
                "objects": sum(report.objects for report in reports),
                "bytes": sum(report.size for report in reports),
                "mended": len(findings) - lost,
                "lost": lost,
                "findings": msgspec.to_builtins(findings),
            }
        )
    else:
        _show(reports, lost)
    if lost:
        raise SystemExit(FAILED)


def _look(found: Parts, vods: list[Vod], *, mend: bool) -> Iterator[Report]:
    """One VOD after the other; a further revision is told to the log."""
    scrubber = Scrub(found.past(), found.codec, found.objects, mend=mend)
    publisher = found.publisher("scrub-command")
    with progress("reading the archive") as told:
        for done, one in enumerate(vods):
            told(done, len(vods))
            report = asyncio.run(scrubber.look(one))
            if report.event is not None:
                publisher.publish(report.event).result()
            yield report


def _show(reports: list[Report], lost: int) -> None:
    table = empty_table("object", "was", "now")
    findings = [finding for report in reports for finding in report.findings]
    for finding in findings:
        table.add_row(finding.address, finding.problem, f"[green]made again {finding.mended}[/]" if finding.mended else "[red]lost[/]")
    if findings:
        out.print(table)
    objects, size = sum(report.objects for report in reports), sum(report.size for report in reports)
    out.print(f"{len(reports)} VODs, {objects:,} objects, {size / 1e6:,.1f} MB read; {len(findings) - lost} made again, {lost} lost")
