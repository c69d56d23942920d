"""`chronicast replay TOPIC|VIEW`: a range of the log again, beside the live system and without a trace on it."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from infra.cli.console import USAGE, AsJson, CommandError, empty_table, out, running, show_json
from infra.cli.moments import MOMENTS, milliseconds
from infra.cli.progress import progress
from infra.cli.slice_replays import FromFile, Pin, Speed, ToKafka, ToRegistry, Way, replay_slice
from infra.cli.tail import topic_named
from infra.replaying import Connect, Place
from infra.version import code_version
from infra.views import VIEWS
from streams.fold import Fold
from streams.objects import StoredObjects
from streams.outputs import view_name
from streams.replay.bounded import replay as run
from streams.replay.manifest import Manifest
from streams.replay.partition import Plan
from streams.replay.processes import Sum
from streams.replay.ranges import Bound, Moment, ranges

SNAPSHOT = "snapshot"


def replay(
    names: Annotated[list[str] | None, typer.Argument(metavar="TOPIC|VIEW", help="A topic, the beginning of one, or a view.")] = None,
    *,
    since: Annotated[
        str, typer.Option("--from", help=f"{MOMENTS}, an offset, or, for a view, snapshot: its newest before --to.")
    ] = "start",
    until: Annotated[str, typer.Option("--to", help="A moment or an offset; what is there or later is left out.")] = "end",
    partition: Annotated[list[int] | None, typer.Option(min=0, help="Only this partition; may be given several times.")] = None,
    source: Annotated[Place, typer.Option(help="Where the records are read: what has left Kafka is in the lake.")] = Place.KAFKA,
    store: Annotated[Path | None, typer.Option(help="Folder in which the view's rows stay; without it they go with the replay.")] = None,
    state_only: Annotated[bool, typer.Option("--state-only", help="Make no outputs, rows alone: up to twice as fast.")] = False,
    processes: Annotated[int, typer.Option(min=0, help="Processes; 0 takes what helps.")] = 0,
    from_file: FromFile = None,
    speed: Speed = "max",
    pin: Pin = False,
    to_kafka: ToKafka = "",
    to_registry: ToRegistry = "",
    as_json: AsJson = False,
) -> None:
    """Replay a range of a topic or a view; the same range and code give the same digests, on any machine.

    Nothing is sent, no offset is committed. The manifest is printed and stored in the object store, by its content.
    """
    if from_file is not None:
        replay_slice(from_file, names or [], Way(speed, pin, to_kafka, to_registry), as_json=as_json)
        return
    if not names or len(names) > 1:
        raise CommandError(f"one topic or view is replayed at a time, not {len(names or [])}", USAGE)
    now = running()
    connect = Connect.for_fold(now, source, _view(names[0]))
    plan = _plan(connect, names[0], (since, until), partition or [])._replace(outputs=not state_only, code_version=code_version())
    began = time.monotonic()
    with progress(f"replaying {names[0]}") as shown:
        manifest = run(plan, connect, stores=store, processes=processes or None, told=Sum(plan.ranges, shown))
    seconds = time.monotonic() - began
    asyncio.run(manifest.keep(StoredObjects.at(now.objects_url)))
    if as_json:
        about = {"id": manifest.id, "address": manifest.address, "seconds": round(seconds, 3)}
        show_json({**about, **msgspec.to_builtins(manifest, str_keys=True)})
    else:
        _show(manifest, seconds, store)


def _plan(connect: Connect, name: str, bounds: tuple[str, str], partitions: list[int]) -> Plan:
    """What is to be replayed."""
    fold = _view(name)
    topic = topic_named(name) if fold is None else fold.inputs[0]
    since, until = bounds
    if since == SNAPSHOT and fold is None:
        raise CommandError(f"--from snapshot: {topic} is no view, so it has none. Views: {', '.join(sorted(VIEWS))}", USAGE)
    start, end = (None if since == SNAPSHOT else _bound(since, "--from")), _bound(until, "--to")
    source = connect.source()
    if since == "end":
        raise CommandError("--from end leaves nothing to replay", USAGE)
    return Plan(topic, ranges(source, topic, start, end, partitions), fold, since == SNAPSHOT)


def _view(name: str) -> Fold | None:
    """The view of a name such as `scheduler` or `scheduler.v1`."""
    return VIEWS.get(name) or next((fold for fold in VIEWS.values() if view_name(fold) == name), None)


def _bound(text: str, option: str) -> Bound:
    """A bound as people give it."""
    if text in ("start", "end"):
        return None
    return int(text) if text.isdigit() else Moment(milliseconds(text.removeprefix("-"), option))


def _show(manifest: Manifest, seconds: float, store: Path | None) -> None:
    """The manifest for people."""
    table = empty_table(
        "partition", "offsets", "records", *(("content",) if manifest.view is None else ("rows", "outputs", "digest of the outputs"))
    )
    for part in manifest.partitions:
        cells = [str(part.partition), f"{part.start}-{part.end}", f"{part.records:,}"]
        cells += [part.content or ""] if manifest.view is None else [part.state or "", f"{part.sent:,}", part.outputs or "not made"]
        table.add_row(*cells)
    out.print(table)
    for name, count in manifest.events.items():
        out.print(f"{count:>12,} {name}")
    rate = f" ({manifest.records / seconds:,.0f}/s)" if seconds else ""
    out.print(f"{manifest.view or manifest.topic}: {manifest.records:,} records in {seconds:.1f} s{rate}, code {manifest.code_version}")
    for what, digest in (("content", manifest.content), ("rows", manifest.state), ("outputs", manifest.outputs)):
        if digest:
            out.print(f"{what:>8} {digest}")
    out.print(f"manifest {manifest.address}" + (f"; rows in {store}" if store and manifest.view else ""))
