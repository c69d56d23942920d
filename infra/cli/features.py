"""`chronicast features ...`: the vectors that a ranker knows streams by."""

import json
from collections.abc import Iterator
from random import Random
from typing import Annotated, NamedTuple

import typer

from infra.cli.console import FAILED, USAGE, AsJson, CommandError, out, parts, running, show_json
from infra.cli.moments import milliseconds
from infra.cli.sql import flink, rows
from infra.features import REACH_S, STEP_US, bounded
from infra.parts import Parts
from processors.recommend.features import NAMES, REGISTRY, VERSION
from schemas.events import FeatureInputLate, RecommendationServed
from streams.reading import whole
from streams.topics import OF_EVENT

STREAM = {"viewer_count": "viewers", "viewer_trend": "viewers_delta", "chat_rate": "chat_rate"}
"""Columns of the SQL -> features of the ranker."""
COLUMNS = tuple(NAMES.index(name) for name in STREAM.values())
DEFAULTS = tuple(REGISTRY[column].default for column in COLUMNS)
SHOWN = 10
"""Differences that are printed."""
features = typer.Typer(no_args_is_help=True, help="The vectors that a ranker knows streams by: viewers, their trend, chat, follows, raids.")


@features.command()
def rebuild(
    at: Annotated[str, typer.Option("--at", help="An age such as 10m, or a time such as 2026-01-31T12:00:00Z.")],
    since: Annotated[str, typer.Option("--since", help="All vectors from this moment on, not the one of --at alone.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make the vectors of a moment again from the log: those of the last 10 s mark at or before it."""
    last = _mark(at, "--at")
    first = _mark(since, "--since") if since else last
    if first > last:
        raise CommandError("--since lies after --at", USAGE)
    flink(bounded(running(), first, last, _late(first, last)), as_json)


@features.command()
def verify(
    since: Annotated[str, typer.Option("--since", help="Pages from then on: an age such as 1h, or a time.")] = "1h",
    sample: Annotated[int, typer.Option("--sample", min=1, help="Places of pages that are compared, drawn from all.")] = 10_000,
    as_json: AsJson = False,
) -> None:
    """Compare what pages were ranked by with the vectors that the same SQL makes of the log now. Exits 1 where they differ."""
    begin = milliseconds(since, "--since") * 1_000
    with parts() as found:
        logged = [each for page in _pages(found, begin) for each in online(page)]
    chosen = Random(0).sample(logged, min(sample, len(logged)))
    featured = {each.moment for each in chosen if each.moment}
    if not featured:
        raise CommandError("no page of that time was ranked by live features: take an earlier --since, and see that the features job runs")
    first, last = min(featured), max(featured)
    wanted = {(each.channel_id, each.moment) for each in chosen}
    vectors = {
        key: tuple(row[name] for name in STREAM)
        for row in map(json.loads, rows(bounded(running(), first, last, _late(first, last))))
        if (key := (row["channel_id"], row["window_end"])) in wanted
    }
    wrong = [each for each in chosen if each.values != (vectors.get(each[:2]) if each.moment else DEFAULTS)]
    figures = {
        "logged": len(logged),
        "compared": len(chosen),
        "equal": len(chosen) - len(wrong),
        "without_features": sum(not each.moment for each in chosen),
        "vectors": len(vectors),
        "wrong": [{**each._asdict(), "rebuilt": vectors.get(each[:2])} for each in wrong[:SHOWN]],
    }
    if as_json:
        show_json(figures)
    else:
        share = 1 - len(wrong) / len(chosen)
        out.print(f"{len(chosen):,} of {len(logged):,} logged vectors compared with {len(vectors):,} made again: {share:.2%} are equal")
        out.print(f"{figures['without_features']} of them had no features and were ranked by the defaults")
        for each in wrong[:SHOWN]:
            out.print(f"{each}: made again {vectors.get(each[:2])}", markup=False)
    if wrong:
        raise SystemExit(FAILED)


class Online(NamedTuple):
    """What one place of a page was ranked by, as far as Flink makes it."""

    channel_id: str
    moment: int
    """UTC microseconds; 0 for the defaults."""
    values: tuple[float, ...]
    """In the order of `STREAM`."""


def online(page: RecommendationServed) -> Iterator[Online]:
    """Of each place of a page."""
    for item in page.items:
        yield Online(item.channel_id, item.features_at, tuple(item.features[column] for column in COLUMNS))


def _pages(found: Parts, begin: int) -> Iterator[RecommendationServed]:
    """Pages of a feature version that the columns are those of, from a moment on."""
    for record in whole(found.log, OF_EVENT[RecommendationServed].name, begin // 1_000):
        event = found.codec.decode(record.value or b"")
        if isinstance(event, RecommendationServed) and event.feature_version == VERSION and event.as_of >= begin:
            yield event


def _late(first: int, last: int) -> Iterator[str]:
    """Ids of the events that came too late for the live job, of those that vectors of these moments look back on."""
    since = first - REACH_S * 1_000_000
    with parts() as found:
        for record in whole(found.log, OF_EVENT[FeatureInputLate].name, since // 1_000):
            event = found.codec.decode(record.value or b"")
            if isinstance(event, FeatureInputLate) and since <= event.occurred_at <= last:
                yield event.late_event_id


def _mark(text: str, option: str) -> int:
    """The last moment, microseconds, that has vectors."""
    return milliseconds(text, option) * 1_000 // STEP_US * STEP_US
