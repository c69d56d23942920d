"""`chronicast export TOPIC...`: a slice of the log with its schemas, in one file."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from infra.cli.console import USAGE, AsJson, CommandError, out, parts, settings, show_json
from infra.cli.dlq import SOURCES
from infra.cli.letter_texts import moment
from infra.cli.moments import MOMENTS, offsets
from infra.cli.progress import progress
from infra.cli.tail import topic_named
from infra.replaying import Connect, Place
from infra.version import code_version
from streams.log import Source
from streams.slices.file import SliceManifest, write
from streams.topics import BY_NAME


def export(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names of topics, or the beginnings of some.")],
    file: Annotated[Path, typer.Option("--output", "-o", help="The file to write, such as incident.avro.")],
    *,
    since: Annotated[str, typer.Option("--from", help=f"{MOMENTS}.")] = "start",
    until: Annotated[str, typer.Option("--to", help="The same; what is at that time or later is left out.")] = "end",
    place: Annotated[Place, typer.Option("--source", help="Where the records are read: what has left Kafka is in the lake.")] = Place.KAFKA,
    as_json: AsJson = False,
) -> None:
    """Cut a slice of the log, all partitions, with the schemas that its bytes name, into one Avro file."""
    if file.exists():
        raise CommandError(f"{file} is there already: name another, or remove it", USAGE)
    if not file.absolute().parent.is_dir():
        raise CommandError(f"there is no folder {file.absolute().parent}", USAGE)
    names = list(dict.fromkeys(topic_named(topic) for topic in topics))
    if secret := [name for name in names if BY_NAME[SOURCES.get(name, name)].secret]:
        raise CommandError(f"{', '.join(secret)} holds keys that an erasure must be able to shred: a copy would outlive it", USAGE)
    with parts() as running, progress("exporting") as shown:
        source = Connect(settings(), place).source()
        ranges = {name: _range(source, name, since, until) for name in names}
        manifest = write(file, source, running.registry, ranges, code_version=code_version(), told=shown)
    if as_json:
        show_json({"file": str(file), "bytes": file.stat().st_size, "records": manifest.records, **msgspec.to_builtins(manifest)})
    else:
        out.print(_told(file, manifest), markup=False)


def _range(source: Source, topic: str, since: str, until: str) -> dict[int, range]:
    """Offsets of each partition. Up to now at most: what comes meanwhile is left out."""
    starts, ends = offsets(source, topic, since, "--from"), offsets(source, topic, until, "--to")
    return {partition: range(start, max(start, ends[partition])) for partition, start in starts.items()}


def _told(file: Path, manifest: SliceManifest) -> str:
    """What was written."""
    lines = [f"{file}: {manifest.records:,} records, {file.stat().st_size:,} bytes"]
    if manifest.first_ms is not None and manifest.last_ms is not None:
        lines.append(f"from {moment(manifest.first_ms)} to {moment(manifest.last_ms)}")
    for topic in manifest.topics:
        held = [each for each in manifest.ranges if each.topic == topic]
        offsets_held = " ".join(f"{each.partition}@{each.start}-{each.end}" for each in held)
        lines.append(f"  {topic:<28} {sum(each.records for each in held):>8,}  {offsets_held}")
    if manifest.unknown_schemas:
        lines.append(f"The registry does not know schemas {', '.join(map(str, manifest.unknown_schemas))}: nobody can read those records.")
    return "\n".join(lines)
