"""`chronicast features ...`: the vectors that a ranker knows streams by."""

from typing import Annotated

import typer

from infra.cli.console import USAGE, AsJson, CommandError, running
from infra.cli.moments import milliseconds
from infra.cli.sql import flink
from infra.features import STEP_US, bounded

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
    flink(bounded(running(), first, last), as_json)


def _mark(text: str, option: str) -> int:
    """The last moment, microseconds, that has vectors."""
    return milliseconds(text, option) * 1_000 // STEP_US * STEP_US
