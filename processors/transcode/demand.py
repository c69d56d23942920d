"""Which live sessions want a ladder: stream events of a channel in, requests to the scheduler of its region out."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from processors.transcode.ladder import Source, Tier, ladder
from schemas.event import Event
from schemas.events import StreamEnded, StreamResumed, StreamStarted, StreamTierChanged, TranscodeCancelled, TranscodeRequested
from streams.fold import At, Rows, Table


class Live(msgspec.Struct, frozen=True):
    """A live session, under its id."""

    region: str
    tier: Literal["partner", "affiliate", "regular"]
    requested: bool
    """Whether the scheduler was asked."""


LIVE = Table("live", Live)


class DemandFold:
    """Asks for a session's ladder when it begins, comes back or gets another tier, and cancels when it ends or no ladder is due any more.

    A channel has one live session: a new one ends what an ingest node lost without a word.
    """

    name = "demand"
    version = 1
    inputs = ("media.stream.events.v1",)
    outputs: tuple[type[Event], ...] = (TranscodeRequested, TranscodeCancelled)
    tables = (LIVE,)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one stream event in."""
        live = rows[LIVE]
        match event:
            case StreamStarted():
                for session_id in [known for known in live if known != event.session_id]:
                    yield from _cancel(event.channel_id, session_id, live.pop(session_id), "superseded")
                session = Live(event.region, event.tier, requested=False)
                live[event.session_id], asked = _ask(session, event)
                yield from asked
            case StreamResumed() if event.session_id in live:
                live[event.session_id], asked = _ask(live[event.session_id], event)
                yield from asked
            case StreamTierChanged() if event.session_id in live:
                promoted = msgspec.structs.replace(live[event.session_id], tier=event.tier)
                live[event.session_id], asked = _ask(promoted, event)
                yield from asked
            case StreamEnded() if event.session_id in live:
                yield from _cancel(event.channel_id, event.session_id, live.pop(event.session_id), event.reason)
            case _:
                pass


def _ask(session: Live, event: StreamStarted | StreamResumed | StreamTierChanged) -> tuple[Live, list[Event]]:
    """Requests the ladder of the source as it is now; a repeated request with the same source changes nothing at the scheduler."""
    tier: Tier = session.tier
    if not ladder(tier, Source(event.width, event.height, event.frame_rate)):
        cancelled = _cancel(event.channel_id, event.session_id, session, "no_renditions")
        return msgspec.structs.replace(session, requested=False), cancelled
    request = TranscodeRequested(
        region=session.region,
        channel_id=event.channel_id,
        session_id=event.session_id,
        tier=tier,
        width=event.width,
        height=event.height,
        frame_rate=event.frame_rate,
    )
    return msgspec.structs.replace(session, requested=True), [request]


def _cancel(channel_id: str, session_id: str, session: Live, reason: str) -> list[Event]:
    """Takes the request back, where there was one."""
    if not session.requested:
        return []
    return [TranscodeCancelled(region=session.region, channel_id=channel_id, session_id=session_id, reason=reason)]
