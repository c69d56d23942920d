"""`chronicast clip create|list|retry`: clips of what is live and of VODs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Annotated
from uuid import uuid4

import typer

from infra.accounts import AccountError, Accounts
from infra.cli.console import FAILED, USAGE, AsJson, CommandError, empty_table, out, parts, show_json
from infra.parts import Parts
from processors.clips.fold import LONGEST_MS, SHORTEST_MS
from schemas.events import CreateClip, RetryClip
from sinks.clips.clips import TOPIC, Clip, Clips, describe
from streams.clock import now_us
from streams.log import Record
from streams.reading import whole

clip = typer.Typer(no_args_is_help=True, help="Clips of what is live and of VODs.")
PRODUCER = "clip-command"
DELAY_US = 2_000_000
"""Between camera and viewer where no moment is named."""


def made(found: Parts) -> Clips:
    """All clips, from the log."""
    clips = Clips()
    for record in whole(found.log, TOPIC):
        if record.value is not None:
            clips.apply(found.codec.decode(record.value))
    return clips


@clip.command()
def create(
    login: Annotated[str, typer.Argument(help="Channel to clip; its owner is the clip's creator.")],
    *,
    seconds: Annotated[float, typer.Option(help="Length, 5 to 60.")] = 30.0,
    at: Annotated[str, typer.Option(help="Moment at which it ends (2026-01-31T20:15:30Z); of a VOD the second at which it begins.")] = "",
    vod: Annotated[str, typer.Option(help="Id of the VOD to cut it from; without it from what is live.")] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until it is ready; 0 returns at once.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Make a clip."""
    duration_ms = round(seconds * 1_000)
    if not SHORTEST_MS <= duration_ms <= LONGEST_MS:
        raise CommandError(f"--seconds {seconds:g}: a clip has {SHORTEST_MS // 1_000} to {LONGEST_MS // 1_000} s", USAGE)
    offset_ms, ends_at = (_second(at), 0) if vod else (0, _moment(at))
    with parts() as found:
        try:
            channel_id = Accounts(found.log, found.codec, PRODUCER).get(login).channel_id
        except AccountError as cause:
            raise CommandError(str(cause)) from cause
        clip_id = str(uuid4())
        asked = CreateClip(
            channel_id=channel_id,
            clip_id=clip_id,
            creator_id=channel_id,
            source="vod" if vod else "live",
            vod_id=vod or None,
            ends_at=ends_at,
            offset_ms=offset_ms,
            duration_ms=duration_ms,
        )
        starts = found.log.ends(TOPIC)
        found.publisher(PRODUCER).publish(asked).result()
        one = _settled(found, starts, clip_id, wait) if wait else None
    if as_json:
        show_json(describe(one) if one is not None else {"clip_id": clip_id, "status": "processing", "page": f"/clips/{clip_id}"})
    else:
        _say(clip_id, one)
    if one is not None and one.status == "failed":
        raise typer.Exit(FAILED)


@clip.command("list")
def list_(channel: Annotated[str, typer.Option(help="Only those of this channel's login.")] = "", as_json: AsJson = False) -> None:
    """Show the clips, newest first. Titles are sealed: the page and the API show them."""
    with parts() as found:
        book = Accounts(found.log, found.codec, PRODUCER)
        try:
            channel_id = book.get(channel).channel_id if channel else None
        except AccountError as cause:
            raise CommandError(str(cause)) from cause
        rows = [describe(one) for one in made(found).all(channel_id)]
    if as_json:
        show_json(rows)
        return
    table = empty_table("clip", "channel", "asked for", "length", "of", "status", "cause")
    for row in rows:
        length, why = f"{row['duration_ms'] / 1_000:.1f} s", f"{row['step']}: {row['cause']}" if row["step"] else ""
        table.add_row(row["clip_id"], row["channel_id"], row["created_at"], length, row["vod_id"] or "live", row["status"], why)
    out.print(table)


@clip.command()
def retry(clip_id: Annotated[str, typer.Argument(help="Id of the clip, as `clip list` shows it.")], as_json: AsJson = False) -> None:
    """Try a clip that failed again."""
    with parts() as found:
        one = made(found).get(clip_id)
        if one is None or one.status != "failed":
            state = "there is no such clip" if one is None else f"it is {one.status}"
            raise CommandError(f"{clip_id} cannot be tried again: {state}. ./chronicast clip list shows those that failed", FAILED)
        found.publisher(PRODUCER).publish(RetryClip(channel_id=one.asked.channel_id, clip_id=clip_id)).result()
    if as_json:
        show_json({"clip_id": clip_id, "attempt": one.asked.attempt + 1})
    else:
        out.print(f"{clip_id} is tried again")


def _settled(found: Parts, starts: Mapping[int, int], clip_id: str, wait: float) -> Clip | None:
    """The clip once it is ready or has failed; what is known of it where the time is over. `starts`: offsets before it was asked for."""
    clips, settled = Clips(), Event()

    def hear(records: Sequence[Record]) -> None:
        for record in records:
            if record.value is not None:
                clips.apply(found.codec.decode(record.value))
        one = clips.get(clip_id)
        if one is not None and one.status != "processing":
            settled.set()

    tail = found.log.tail({(TOPIC, partition): start for partition, start in starts.items()}, hear)
    settled.wait(wait)
    tail.close()
    return clips.get(clip_id)


def _say(clip_id: str, one: Clip | None) -> None:
    words: Sequence[str] = (f"{clip_id} is processing; ./chronicast clip list says when it is ready",)
    if one is not None and one.ready is not None:
        words = (f"{clip_id} is ready: /clips/{clip_id}",)
    elif one is not None and one.failed is not None:
        words = (f"{clip_id} failed at {one.failed.step}: {one.failed.cause}",)
    out.print(*words, markup=False)


def _second(at: str) -> int:
    try:
        offset_ms = round(float(at or 0) * 1_000)
    except ValueError as cause:
        raise CommandError(f"--at {at}: of a VOD it is the second at which the clip begins, such as 93.5", USAGE) from cause
    if offset_ms < 0:
        raise CommandError(f"--at {at}: a clip cannot begin before its VOD", USAGE)
    return offset_ms


def _moment(at: str) -> int:
    """UTC microseconds."""
    if not at:
        return now_us() - DELAY_US
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as cause:
        raise CommandError(f"--at {at}: give a moment such as 2026-01-31T20:15:30Z", USAGE) from cause
    if moment.tzinfo is None:
        raise CommandError(f"--at {at}: say its offset too, such as {at}Z for UTC", USAGE)
    return round(moment.timestamp() * 1_000_000)
