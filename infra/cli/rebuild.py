"""`chronicast rebuild VIEW`: folds a view again beside the live one, and lets the new stores take over."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.cli.console import FAILED, AsJson, CommandError, out, parts, show_json
from infra.cli.progress import progress
from infra.cli.verify import show_verdict, verified
from infra.cli.view_site import FromPlace, ViewName, ViewSite, stored
from infra.replaying import Place
from infra.settings import Settings
from infra.views import WORKERS
from schemas.events import ViewCutOver
from streams.errors import StreamingError
from streams.fold import At, Fold
from streams.outputs import group_name
from streams.views.generations import TOPIC
from streams.views.rebuild import Built, Rebuild, Site, prune, roll_back
from streams.views.store_reading import partitions_of, progress_at

TAKE_OVER_S = 10.0
"""A worker hears of a cut-over in milliseconds and folds what the new stores lack in less than a second; a worker that starts takes
some seconds."""
POLL_S = 0.1
GROUP_S = 10.0
"""For the broker's answer about the group."""


def rebuild(
    name: ViewName,
    *,
    check: Annotated[bool, typer.Option("--verify", help="Where the live view differs, name the first differing key and event.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Take over although the live view differs: it is the one that is wrong.")
    ] = False,
    back: Annotated[bool, typer.Option("--roll-back", help="Build nothing: let the stores come back that were in use before.")] = False,
    source: FromPlace = Place.KAFKA,
    as_json: AsJson = False,
) -> None:
    """Fold a view afresh beside the live one and cut over to it, if the digests prove both equal. Exits 1 where nothing took over."""
    site = stored(name, source)
    place = _site(site)
    if back:
        with parts() as found:
            event = roll_back(place, site.connection.source, found.publisher(f"rebuild-{site.settings.node}"))
        _report(place, event, None, as_json=as_json)
        return
    began = time.monotonic()
    rebuilding = Rebuild(place, site.connection)
    with progress(f"rebuilding {site.stores}") as shown:
        built = asyncio.run(rebuilding.build(shown))
    if not as_json:
        _show(built, time.monotonic() - began)
    same = built.version == place.generations.active(site.fold).version
    if same and not (built.proven or built.lost or repair):
        rebuilding.discard(built)
        if check:
            show_verdict(verified(site), as_json=as_json)
        raise CommandError(
            f"{built.replaces} is not what its events make of it, so nothing took over. If it is the live view that is wrong (see "
            f"./chronicast verify {name}), let the new stores take over: ./chronicast rebuild {name} --repair",
            FAILED,
        )
    with parts() as found:
        event = asyncio.run(rebuilding.cut_over(built, found.publisher(f"rebuild-{site.settings.node}")))
    _report(place, event, built, as_json=as_json)


def _site(site: ViewSite) -> Site:
    return Site(site.fold, site.connect, site.settings.folder / "views", site.generations, _committed(site.settings, site.fold))


def _committed(settings: Settings, fold: Fold) -> Callable[[], Mapping[int, int]]:
    """Asks for what the worker's group committed: up to there its outputs are on the log."""

    def ask() -> dict[int, int]:
        admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 2})
        group = group_name(next(folds for folds in WORKERS if fold in folds))
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=GROUP_S)
        found: list[TopicPartition] = asked[group].result().topic_partitions
        return {at.partition: max(0, at.offset) for at in found if at.topic == fold.inputs[0]}

    return ask


def _report(place: Site, event: ViewCutOver, built: Built | None, *, as_json: bool) -> None:
    """Waits for the worker, removes stores that are no longer needed, and says what is in use now."""
    former = place.live
    place.generations.apply(event, At(TOPIC, 0, 0, event.occurred_at))
    taken = _taken_over(place, former.name)
    removed = prune(place)
    if as_json:
        about = {"in_use": place.live.name, "kept": former.name, "removed": removed, "caught_up": taken, "reason": event.reason}
        show_json({**about, "built": None if built is None else {**msgspec.to_builtins(built), "proven": built.proven}})
        return
    out.print(f"{place.live.name} is in use, {former.name} is kept: ./chronicast rebuild {event.view} --roll-back", markup=False)
    if removed:
        out.print(f"removed: {', '.join(removed)}")
    if not taken:
        out.print(
            "its worker has not caught up yet: see ./chronicast status; it goes on with these stores as soon as it runs", markup=False
        )


def _taken_over(place: Site, former: str) -> bool:
    """Waits until the new stores are as far as the former ones, which stand still once the worker has let go of them."""
    deadline = time.monotonic() + TAKE_OVER_S
    while time.monotonic() < deadline:
        if _lag(place, former) == 0:
            return True
        time.sleep(POLL_S)
    return False


def _lag(place: Site, former: str) -> int:
    """Records that the stores in use lack of what the former ones had."""
    partitions = partitions_of(place.views / former)
    return sum(max(0, _watermark(place.views / former / str(p)) - _watermark(place.live / str(p))) for p in partitions)


def _watermark(path: Path) -> int:
    """How far a store is; -1 where it is missing or cannot be read."""
    try:
        return progress_at(path).watermark
    except StreamingError:
        return -1


def _show(built: Built, seconds: float) -> None:
    rate = f" ({built.events / seconds:,.0f}/s)" if seconds else ""
    out.print(f"{built.view}: {built.events:,} events folded in {seconds:.1f} s{rate}, beside {built.replaces}")
    for part in built.partitions:
        if not part.live:
            word = f"{built.replaces} has no rows here"
        elif part.proven:
            word = "[green]equal[/]" if not part.differing else f"[green]proven[/], and {part.differing} damaged rows mended"
        else:
            word = f"[red]differs[/] in {part.differing} rows"
        folded = "without events" if part.watermark < 0 else f"at offset {part.watermark}"
        out.print(f"  partition {part.partition} {folded}: {word}, digest {part.digest}")
