"""`chronicast scrub`: reads the archive through and mends it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
import typer

from infra.cli.clip import made
from infra.cli.console import FAILED, AsJson, empty_table, out, parts, show_json
from infra.cli.progress import progress
from infra.cli.vod import archived, named
from infra.parts import Parts
from sinks.archive.look import Finding, Report
from sinks.archive.orphans import orphans, told_of
from sinks.archive.scrub import Scrub
from sinks.archive.session import STREAMS
from sinks.archive.vods import Vod, Vods
from sinks.clips.clips import Clip
from sinks.clips.scrub import ClipScrub
from streams.clock import now_us
from streams.media import address
from streams.reading import whole


def scrub(
    name: Annotated[str, typer.Argument(metavar="[ID]", help="Id of a VOD or a clip; none is all of them.")] = "",
    *,
    mend: Annotated[bool, typer.Option(help="Make again what can be made again; otherwise only name what is wrong.")] = True,
    as_json: AsJson = False,
) -> None:
    """Read every archived object and hold it against its hash. What is missing or rotten is made again where it can be: playlists, tables,
    pictures, renditions, clips; the rest is named, and so are objects that nothing leads to. Exits 1 where something is lost, or wrong and
    not mended.
    """
    with parts() as found:
        there = [] if name else asyncio.run(found.objects.list(""))  # before the log: what it tells of since then is known
        all_vods, all_clips = archived(found), made(found)
        if not name:
            vods, clips = all_vods.all(), all_clips.all()
        elif clip := all_clips.get(name):
            vods, clips = [], [clip]
        else:
            vods, clips = [named(all_vods, name)], []
        reports = list(_look(found, vods, clips, mend=mend))
        left = [] if name else _orphans(found, there, all_vods, clips)
    findings = [*(finding for report in reports for finding in report.findings), *left]
    counts = {
        "vods": len(vods),
        "clips": len(clips),
        "objects": sum(report.objects for report in reports),
        "bytes": sum(report.size for report in reports),
        "mended": sum(bool(finding.mended) for finding in findings),
        "lost": sum(len(report.lost) for report in reports),
        "orphans": sum(finding.problem == "orphan" for finding in findings),
    }
    if as_json:
        show_json({**counts, "findings": msgspec.to_builtins(findings)})
    else:
        _show(findings, counts)
    if counts["lost"]:
        raise SystemExit(FAILED)


def _orphans(found: Parts, there: Sequence[str], vods: Vods, clips: list[Clip]) -> list[Finding]:
    """Of the objects that are there, those that nothing leads to."""
    events = (found.codec.decode(record.value) for record in whole(found.past(), STREAMS) if record.value is not None)
    return orphans(there, told_of(events, vods, now_us()) | {address.clip(one.asked.clip_id) for one in clips})


def _look(found: Parts, vods: list[Vod], clips: list[Clip], *, mend: bool) -> Iterator[Report]:
    """One after the other; a further revision of a VOD is told to the log."""
    of_vods = Scrub(found.past(), found.codec, found.objects, mend=mend)
    of_clips = ClipScrub(found.past(), found.codec, found.objects, mend=mend)
    publisher = found.publisher("scrub-command")
    looks: list[Callable[[], Coroutine[Any, Any, Report]]] = [
        *(partial(of_vods.look, vod) for vod in vods),
        *(partial(of_clips.look, clip) for clip in clips),
    ]
    with progress("reading the archive") as told:
        for done, look in enumerate(looks):
            told(done, len(looks))
            report = asyncio.run(look())
            if report.event is not None:
                publisher.publish(report.event).result()
            yield report


def _show(findings: list[Finding], counts: dict[str, int]) -> None:
    table = empty_table("object", "was", "now")
    for finding in findings:
        lost = "[yellow]still there[/]" if finding.problem == "orphan" else "[red]lost[/]"
        table.add_row(finding.address, finding.problem, f"[green]made again {finding.mended}[/]" if finding.mended else lost)
    if findings:
        out.print(table)
    read = f"{counts['vods']} VODs and {counts['clips']} clips, {counts['objects']:,} objects, {counts['bytes'] / 1e6:,.1f} MB read"
    out.print(f"{read}; {counts['mended']} made again, {counts['lost']} lost, {counts['orphans']} that nothing leads to")
