"""`chronicast recommend train|row`, `chronicast explain REQUEST` and `chronicast what-if`: recommendations, made, explained, imagined."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from infra.accounts import ANSWER_S, Accounts
from infra.cli.console import FAILED, USAGE, AsJson, CommandError, empty_table, out, parts, show_json
from infra.cli.moments import MOMENTS, milliseconds
from infra.parts import Parts
from processors.recommend.catalog import Catalog
from processors.recommend.experiment import Experiment
from processors.recommend.explain import moved
from processors.recommend.rankers import FILE, Model, ModelError, model
from processors.recommend.whatif import Pages, WhatIf
from schemas.errors import SchemaError
from schemas.event import Event
from schemas.events import ChannelProfile, EditorialRow, RecommendationServed, StreamStarted, ViewerJoined
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import OF_EVENT

recommend = typer.Typer(no_args_is_help=True, help="The ranking model, and the rows that people choose.")
PAGES = OF_EVENT[RecommendationServed].name
READ = tuple(OF_EVENT[event].name for event in (ChannelProfile, StreamStarted, ViewerJoined, RecommendationServed))
"""Topics of what a past period is judged by."""


@recommend.command()
def train(
    output: Annotated[Path, typer.Option(help="Where it goes; by default in place of the packaged one.")] = FILE,
    seed: Annotated[int, typer.Option(min=0, help="Of the generated platform whose log it learns from.")] = 2,
    viewers: Annotated[int, typer.Option(min=100, help="Viewers of that platform.")] = 1_500,
    days: Annotated[int, typer.Option(min=4, help="Days of its log.")] = 21,
) -> None:
    """Train the ranking model on a generated log; the same options give the same bytes. Some minutes."""
    from processors.recommend.training.log import World  # noqa: PLC0415 - what trains is loaded for this command alone
    from processors.recommend.training.study import prepare, trained  # noqa: PLC0415
    from processors.recommend.training.world import Size  # noqa: PLC0415

    packed = trained(prepare(World(Size(viewers=viewers, days=days), seed)))
    before = output.read_bytes() if output.exists() else b""
    output.write_bytes(packed)
    out.print(f"model {Model(packed).version}, {len(packed):,} bytes: {'as before' if packed == before else f'written to {output}'}")


@recommend.command()
def row(
    name: Annotated[str, typer.Argument(help="Name of the row, such as hidden-gems; `promoted` is not shown, its channels are lifted.")],
    channel: Annotated[list[str] | None, typer.Option(help="Login of a channel, in order; several times. None takes the row away.")] = None,
    label: Annotated[str, typer.Option(help="What the page writes above it; by default from the name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Choose the channels of an editorial row."""
    with parts() as found:
        accounts = Accounts(found.log, found.codec, "recommend")
        ids = tuple(accounts.get(login).channel_id for login in channel or [])
        event = EditorialRow(row=name, label=label or name.replace("-", " ").title(), channel_ids=ids)
        Publisher(found.log, found.codec, "recommend").publish(event).result(ANSWER_S)
    if as_json:
        show_json({"row": event.row, "label": event.label, "channel_ids": ids})
    else:
        out.print(f"{event.label}: {', '.join(channel or []) or 'no channels, so it is not shown'}", markup=False)


@recommend.command()
def experiment(
    name: Annotated[str, typer.Argument(help="Name of the experiment: viewers' arms follow from it.")],
    arm: Annotated[list[str], typer.Option(help="An arm; give two or more.")],
    as_json: AsJson = False,
) -> None:
    """Say what viewers of each arm did: channels that one watched, and new channels that would reach 100 viewers were all in that arm."""
    if len(set(arm)) < 2:
        raise CommandError("an experiment has two arms or more: --arm as-is --arm other", USAGE)
    view = Experiment(name, tuple(arm))
    with parts() as found:
        for event in _events(found, (OF_EVENT[ChannelProfile].name, OF_EVENT[ViewerJoined].name)):
            view.apply(event)
    figures = view.figures()
    if as_json:
        show_json({each: {name: _plain(value) for name, value in of._asdict().items()} for each, of in figures.items()})
        return
    for each, of in figures.items():
        out.print(f"{each}: {of.viewers:,} viewers, channels a viewer {of.streamers}, new channels grown {of.grown}", markup=False)
    out.print("95% intervals, by viewer; the log keeps visits for a day")


def explain(
    request: Annotated[str, typer.Argument(help="request_id of a page of recommendations, or `last`.")],
    as_json: AsJson = False,
) -> None:
    """Say why a page of recommendations shows what it shows: sources, features, rules, chances."""
    page = None
    with parts() as found:
        for event in _events(found, [PAGES]):
            if isinstance(event, RecommendationServed) and request in (event.request_id, "last"):
                page = event if page is None or event.occurred_at >= page.occurred_at else page
    if page is None:
        raise CommandError(f"{PAGES} has no page {request!r}: take a request_id from GET /recommendations", FAILED)
    why = moved(page, model())
    if as_json:
        show_json({**msgspec.to_builtins(page), "moved": why})
        return
    when = datetime.fromtimestamp(page.as_of / 1e6, UTC).isoformat(timespec="seconds")
    out.print(f"page {page.request_id} for {page.user_id or 'nobody known'} at {when}, model {page.model}", markup=False)
    out.print("stages: " + ", ".join(f"{stage.name} {stage.count}" for stage in page.stages), markup=False)
    if page.relaxed:
        out.print(f"caps given up, in order: {', '.join(page.relaxed)}", markup=False)
    table = empty_table("place", "channel", "P(5 min)", "chance", "sources", "rules", "moved most by")
    for place, (item, reasons) in enumerate(zip(page.items, why, strict=True)):
        chance = f"{item.propensity:.4g}" + (" drawn" if item.explored else "")
        cells = (item.channel_id, f"{item.probability:.3f}", chance, ", ".join(item.sources), ", ".join(item.rules), "; ".join(reasons))
        table.add_row(str(place), *cells)
    out.print(table)


def what_if(
    model_file: Annotated[
        Path, typer.Option("--model", help="The other model's file, made by `recommend train --output`.", exists=True, dir_okay=False)
    ],
    since: Annotated[str, typer.Option("--from", help=f"Pages from then on: {MOMENTS}.")] = "7d",
    until: Annotated[str, typer.Option("--to", help=f"Pages before then: {MOMENTS}.")] = "end",
    as_json: AsJson = False,
) -> None:
    """Rank a past period's pages with another model, and estimate the long visits that it would have led to. Nothing is written."""
    try:
        other = Model(model_file.read_bytes())
    except ModelError as cause:
        raise CommandError(str(cause), USAGE) from cause
    start = 0 if since == "start" else milliseconds(since, "--from") * 1_000
    end = int(time.time() * 1e6) if until == "end" else milliseconds(until, "--to") * 1_000
    with parts() as found:
        result = compared(_events(found, READ), other, start, end)
    if result is None:
        raise CommandError("no page for a signed-in viewer lies in the period: choose another with --from and --to", FAILED)
    if as_json:
        show_json({"model": other.version, **{name: _plain(value) for name, value in result._asdict().items()}})
    else:
        out.print(f"{result.pages:,} pages; model {other.version} puts another stream on {result.moved:.1%} of the places")
        out.print(f"long visits a page: were {result.was}, would be {result.would}, difference {result.gain}; 95% intervals, by viewer")


def compared(events: Iterable[Event], other: Model, start: int, end: int) -> WhatIf | None:
    """The comparison over the events of a period, in the order of their time; profiles count from whenever they are."""
    catalog = Catalog()
    pages = Pages(catalog)
    for event in sorted(events, key=lambda event: event.occurred_at):
        catalog.apply(event)
        if event.occurred_at < end and (event.occurred_at >= start or not isinstance(event, RecommendationServed)):
            pages.apply(event)
    return pages.compare(other, end)


def _plain(value: object) -> object:
    return value._asdict() if isinstance(value, tuple) and hasattr(value, "_asdict") else value


def _events(found: Parts, topics: Iterable[str]) -> Iterator[Event]:
    """All events of topics, topic after topic; what cannot be decoded is passed over."""
    for topic in topics:
        for record in whole(found.log, topic):
            if record.value is not None:
                try:
                    yield found.codec.decode(record.value)
                except SchemaError:
                    continue
