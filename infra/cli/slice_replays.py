"""What `chronicast replay --from-file` does: a slice into a view, into the pins beside it, or onto another Kafka."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import msgspec
import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra import logs
from infra.cli.console import FAILED, USAGE, CommandError, out, settings, show_json
from infra.cli.dlq import SOURCES
from infra.cli.progress import progress
from infra.version import code_version
from infra.views import VIEWS, view
from schemas.registry_http import HttpRegistry
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.outputs import view_name
from streams.slices.file import Slice
from streams.slices.folding import copy_slice, fold_slice, reads_texts
from streams.slices.pins import differences, pin, pinned, pins
from streams.topics import BY_NAME

ASK_S = 5.0
"""For a broker to say which cluster it is of."""

FromFile = Annotated[
    Path | None, typer.Option("--from-file", help="A slice that `export` wrote, instead of the log; nothing needs to run.")
]
Speed = Annotated[str, typer.Option(help="Of a slice: 1, 10 or another multiple of the pace at which it happened; max waits for nothing.")]
Pin = Annotated[bool, typer.Option("--pin", help="Of a slice: write beside it what the views make of it, as its test expects it.")]
ToKafka = Annotated[
    str, typer.Option(metavar="HOST:PORT", help="Put the slice onto this Kafka, another one that has none of its topics' records.")
]
ToRegistry = Annotated[str, typer.Option(metavar="URL", help="With --to-kafka: the schema registry beside it.")]


class Way(NamedTuple):
    """What to do with a slice."""

    speed: str
    pin: bool
    to_kafka: str
    to_registry: str


def replay_slice(file: Path, names: list[str], way: Way, *, as_json: bool) -> None:
    """Replays a slice: into views (all that read it, where none is named), into its pins, or onto another Kafka.

    Raises:
        CommandError, StreamingError: it cannot; the message says why.
    """
    if way.to_kafka or way.to_registry:
        onto_kafka(file, way.to_kafka, way.to_registry, way.speed, as_json=as_json)
    elif way.pin:
        into_pins(file, as_json=as_json)
    else:
        into_views(file, names, way.speed, as_json=as_json)


def speed_of(text: str) -> float | None:
    """`1`, `10` or any other multiple; None is `max`.

    Raises:
        CommandError: it is none.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0 < speed < float("inf"):
        raise CommandError(f"--speed {text!r} is neither max nor a multiple such as 1, 10 or 0.5", USAGE)
    return speed


def into_views(file: Path, names: list[str], speed: str, *, as_json: bool) -> None:
    """Folds a slice into the given views, or into all that read its topics; shows manifests."""
    logs.of_command()
    held, pace = opened(file), speed_of(speed)
    readers = [fold for fold in VIEWS.values() if fold.inputs[0] in held.manifest.topics]
    readable = [fold for fold in readers if not reads_texts(fold)]
    # One that reads texts says so itself, where there is no other.
    folds = [view(name.partition(".v")[0]) for name in names] or readable or readers
    if not folds:
        raise CommandError(f"no view reads {', '.join(held.manifest.topics)}", FAILED)
    manifests = []
    for fold in folds:
        with TemporaryDirectory(prefix="chronicast-slice-") as rows, progress(view_name(fold)) as shown:
            manifests.append(fold_slice(held, fold, Path(rows), speed=pace, code_version=code_version(), told=shown))
    if as_json:
        show_json([{**msgspec.to_builtins(each), "id": each.id} for each in manifests])
        return
    for each in manifests:
        sent = sum(part.sent for part in each.partitions)
        out.print(
            f"{each.view}: {each.records:,} records, {sent:,} outputs, state {each.state}, outputs {each.outputs}, manifest {each.id}"
        )


def into_pins(file: Path, *, as_json: bool) -> None:
    """Pins beside a slice what all views that read it make of it."""
    logs.of_command()
    held = opened(file)
    before, found = pinned(file), pins(held, VIEWS.values())
    if not found:
        raise CommandError(f"no view folds {', '.join(held.manifest.topics)} from a slice, so there is nothing to pin", FAILED)
    changed = differences(file, before, found) if before else []
    written = pin(file, found)
    if as_json:
        show_json({"file": str(written), "changed": changed[:-1], "views": msgspec.to_builtins(found)})
        return
    for line in changed[:-1]:
        out.print(line, markup=False)
    out.print(
        f"Wrote {written}: {', '.join(f'{name} ({each.records} records, {each.sent} outputs)' for name, each in sorted(found.items()))}"
    )


def onto_kafka(file: Path, bootstrap: str, registry: str, speed: str, *, as_json: bool) -> None:
    """Puts a slice onto another, empty Kafka.

    Raises:
        CommandError: it is not told which, or it is the one that the system runs on.
    """
    if not bootstrap or not registry:
        raise CommandError("onto which Kafka? --to-kafka HOST:PORT, and --to-registry URL for its schemas", USAGE)
    logs.of_command()
    held, pace = opened(file), speed_of(speed)
    _not_ours(bootstrap)
    # Records keep their timestamps: with the catalogue's retention an old slice would be deleted as soon as it is there.
    ensure_topics(
        bootstrap, [BY_NAME[name]._replace(retention_ms=-1) for name in sorted({SOURCES.get(t, t) for t in held.manifest.topics})]
    )
    log = KafkaLog(bootstrap)
    try:
        with progress("putting records") as shown:
            copied = copy_slice(held, log, HttpRegistry(registry), speed=pace, told=shown)
    finally:
        log.close()
    latest = max(copied.late_s, default=0)
    if as_json:
        show_json({"records": copied.records, "unmapped": copied.unmapped, "latest_s": round(latest, 3)})
    else:
        out.print(f"{copied.records:,} records are on {bootstrap}; none came later than {latest:.3f} s after its time.")


def opened(file: Path) -> Slice:
    """The slice in a file."""
    try:
        return Slice(file)
    except OSError as cause:
        raise CommandError(f"{file} cannot be read: {cause.strerror or cause}", USAGE) from cause


def _not_ours(bootstrap: str) -> None:
    """Refuses the Kafka that the settings name, under whatever name it is given."""
    ours = settings().bootstrap
    theirs = _cluster(bootstrap)
    if theirs is None:
        raise CommandError(f"no broker answers at {bootstrap}")
    if bootstrap == ours or theirs == _cluster(ours):
        raise CommandError(
            f"{bootstrap} is the Kafka that the system runs on: its views would take the slice for what happens now. Take another",
            USAGE,
        )


def _cluster(bootstrap: str) -> Any:
    """Id of the cluster behind bootstrap servers; None where no broker answers."""
    try:
        return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=ASK_S).cluster_id
    except KafkaException:
        return None
