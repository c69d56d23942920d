"""`chronicast features ...`: the vectors that a ranker knows streams by."""

from collections.abc import Iterator
from typing import Annotated

import typer

from infra.cli.console import USAGE, AsJson, CommandError, parts, running
from infra.cli.moments import milliseconds
from infra.cli.sql import flink
from infra.features import REACH_S, STEP_US, bounded
from schemas.events import FeatureInputLate
from streams.reading import whole
from streams.topics import OF_EVENT

features = typer.Typer(no_args_is_help=True, help="The vectors that a ranker knows streams by: viewers, their trend, chat, follows, raids.")


@features.callback()
def group() -> None:
    """Keeps the one command a command of its group."""


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
