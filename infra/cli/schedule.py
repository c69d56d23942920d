"""`chronicast schedule add|list|cancel|forecast`: what is planned, and what transcoding will need."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from infra.accounts import ANSWER_S, AccountError, Accounts
from infra.cli.console import FAILED, USAGE, AsJson, CommandError, empty_table, out, parts, settings, show_json
from infra.cli.moments import AGO, SECONDS, milliseconds
from infra.parts import Parts
from schemas.events import DemandForecast, ScaleOutAsked, StreamScheduled, StreamUnscheduled
from streams.clock import now_us
from streams.reading import whole
from streams.topics import OF_EVENT

schedule = typer.Typer(no_args_is_help=True, help="What is planned, and what transcoding will need.")
PRODUCER = "schedule-command"
PLANS = OF_EVENT[StreamScheduled].name
FORECASTS = OF_EVENT[DemandForecast].name
RECENT_MS = 86_400_000
"""A forecast is told each quarter of an hour; what is older than a day is of a region that is gone."""


@schedule.command()
def add(
    login: Annotated[str, typer.Argument(help="Channel that will be live.")],
    *,
    at: Annotated[str, typer.Option(help="When it begins: 2026-01-31T20:00:00Z, or +15m.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 120,
    streams: Annotated[int, typer.Option(min=1, help="Streams of its kind that begin with it: an event brings more than one.")] = 1,
    region: Annotated[str, typer.Option(help="Where they are published; this machine's region by default.")] = "",
    as_json: AsJson = False,
) -> None:
    """Plan a stream, so that workers are there before it begins."""
    starts_at = _begin(at)
    ends_at = starts_at + minutes * 60_000_000
    if ends_at <= now_us():
        raise CommandError(f"--at {at!r}: it would be over already; take a time to come, or +15m", USAGE)
    with parts() as found:
        try:
            profile = Accounts(found.log, found.codec, PRODUCER).get(login)
        except AccountError as cause:
            raise CommandError(str(cause)) from cause
        event = StreamScheduled(
            region=region or settings().region,
            channel_id=profile.channel_id,
            schedule_id=str(uuid4()),
            tier=profile.tier,
            starts_at=starts_at,
            ends_at=ends_at,
            streams=streams,
        )
        found.publisher(PRODUCER).publish(event).result(ANSWER_S)
    if as_json:
        show_json(_row(event))
    else:
        out.print(f"{event.schedule_id}: {streams} of {login} in {event.region} from {_time(starts_at)} for {minutes} min", markup=False)


@schedule.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show what is planned and not over, the next first."""
    with parts() as found:
        rows = [_row(event) for event in planned(found).values()]
    if as_json:
        show_json(rows)
        return
    table = empty_table("entry", "channel", "tier", "region", "begins", "ends", "streams")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    out.print(table)


@schedule.command()
def cancel(entry: Annotated[str, typer.Argument(help="Id of the entry, as `schedule list` shows it.")], as_json: AsJson = False) -> None:
    """Take an entry out of the schedule."""
    with parts() as found:
        event = planned(found).get(entry)
        if event is None:
            raise CommandError(f"nothing is planned as {entry}. ./chronicast schedule list shows what is", FAILED)
        found.publisher(PRODUCER).publish(StreamUnscheduled(region=event.region, schedule_id=entry)).result(ANSWER_S)
    if as_json:
        show_json({"entry": entry, "cancelled": True})
    else:
        out.print(f"{entry} is cancelled", markup=False)


@schedule.command()
def forecast(as_json: AsJson = False) -> None:
    """Show each region's newest forecast, its error (MAPE of the last day), and what was asked for last."""
    forecasts: dict[str, DemandForecast] = {}
    asked: dict[str, ScaleOutAsked] = {}
    with parts() as found:
        for record in whole(found.log, FORECASTS, now_us() // 1_000 - RECENT_MS):
            match event := found.codec.decode(record.value or b""):
                case DemandForecast():
                    forecasts[event.region] = event
                case ScaleOutAsked():
                    asked[event.region] = event
                case _:
                    pass
    if as_json:
        names = sorted({*forecasts, *asked})
        show_json({name: {"forecast": _plain(forecasts.get(name)), "asked": _plain(asked.get(name))} for name in names})
        return
    for name, event in sorted(forecasts.items()):
        error = "not known yet" if event.error is None else f"{event.error:.1%}"
        expected = f"{event.expected:,.0f} megapixels/s expected, {event.upper:,.0f} at most, {event.scheduled:,.0f} of it planned"
        out.print(f"{name}: from {_time(event.begins_at)} {expected}; error of the last day {error}", markup=False)
    for name, want in sorted(asked.items()):
        wanted = f"{want.wanted:,.0f} megapixels/s by {_time(want.by)}, where {want.capacity:,.0f} were"
        out.print(f"{name}: asked for {wanted} ({want.reason})", markup=False)
    if not forecasts and not asked:
        out.print("no forecast yet: the first comes with the first full quarter of an hour in which a worker lives")


def planned(found: Parts) -> dict[str, StreamScheduled]:
    """What is planned and not over, by id, the next first."""
    plans: dict[str, StreamScheduled] = {}
    for record in whole(found.log, PLANS):
        match event := found.codec.decode(record.value or b""):
            case StreamScheduled():
                plans[event.schedule_id] = event
            case StreamUnscheduled():
                plans.pop(event.schedule_id, None)
            case _:
                pass
    now = now_us()
    return {name: event for name, event in sorted(plans.items(), key=lambda each: each[1].starts_at) if event.ends_at > now}


def _begin(at: str) -> int:
    """Microseconds since 1970."""
    if at.startswith("+") and (later := AGO.fullmatch(at[1:])):
        return now_us() + int(later[1]) * SECONDS[later[2]] * 1_000_000
    return milliseconds(at, "--at") * 1_000


def _row(event: StreamScheduled) -> dict[str, str | int]:
    return {
        "entry": event.schedule_id,
        "channel": event.channel_id,
        "tier": event.tier,
        "region": event.region,
        "begins": _time(event.starts_at),
        "ends": _time(event.ends_at),
        "streams": event.streams,
    }


def _plain(event: DemandForecast | ScaleOutAsked | None) -> dict[str, object] | None:
    return None if event is None else msgspec.to_builtins(event)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
