"""A recorded hour of viewers, chat and follows in small, and what the features of it are by their definitions."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from processors.viewers import VIEWERS
from processors.viewers.fold import present
from schemas import events as e
from schemas.event import Event
from tests.folding import folded

SECOND = 1_000_000
STEP = 10 * SECOND
CHANNELS = ("7", "42", "1001")
FEATURES = (
    *("viewer_count", "viewer_trend", "join_count", "chat_rate", "chatter_count"),
    *("follow_count", "subscription_count", "raid_viewers"),
)
JITTER = 1.5
"""Seconds by which events come in another order than they occurred: less than the 2 s that the job waits."""
USERS = 12


class Recorded(NamedTuple):
    """When something is appended, and what."""

    second: float
    event: Event


def recording(began: int, seconds: int, channels: Sequence[str] = CHANNELS, sessions: int = 40, seed: int = 7) -> list[Recorded]:
    """Events in the order in which they reach the log; `began` is microseconds, `sessions` are of a channel."""
    rng = random.Random(seed)
    made: list[Recorded] = []

    def add(second: float, kind: type[Event], **fields: object) -> None:
        if second < seconds:
            made.append(Recorded(second + rng.uniform(0, JITTER), kind(occurred_at=began + round(second * SECOND), **fields)))

    for channel_id in channels:
        for n in range(sessions):
            at, session = rng.uniform(0, seconds), {"channel_id": channel_id, "viewer_session_id": f"{channel_id}-{n}"}
            ends = at + rng.uniform(5, seconds)
            add(at, e.ViewerJoined, **session)
            while (at := at + 30) < ends:
                add(at, e.ViewerHeartbeat, **session)
            if rng.random() < 0.7:  # the others fall silent
                add(ends, e.ViewerLeft, watched_ms=1, **session)
        for n in range(seconds // 2):
            add(rng.uniform(0, seconds), e.MessagePosted, **_message(channel_id, n, str(rng.randrange(USERS))))
        for n in range(10):
            add(rng.uniform(0, seconds), e.Followed, channel_id=channel_id, user_id=str(n))
        add(rng.uniform(0, seconds), e.Subscribed, channel_id=channel_id, user_id="3", plan="prime", cumulative_months=2)
        add(rng.uniform(0, seconds), e.Raided, channel_id=channel_id, from_channel_id="9", viewers=rng.randrange(1, 500))
    return sorted(made, key=lambda each: each.second)


def _message(channel_id: str, n: int, user_id: str) -> dict[str, object]:
    return {
        "channel_id": channel_id,
        "message_id": f"{channel_id}-{n}",
        "user_id": user_id,
        "user_login": "u",
        "display_name": "U",
        "text": "hi",
        "color": "",
        "badges": (),
        "emotes": (),
    }


def truth(made: list[Recorded], moments: range) -> dict[tuple[str, int], dict[str, int]]:
    """The vectors by their definitions, by channel and moment; a moment that nothing has to say of has none."""
    by_channel: dict[str, list[Event]] = defaultdict(list)
    for _, event in made:
        by_channel[event.channel_id].append(event)
    return {(channel, at): found for channel in by_channel for at in moments if (found := _vector(by_channel[channel], at))}


def _vector(events: list[Event], at: int) -> dict[str, int] | None:
    def lately(kind: type[Event], seconds: int) -> list[Event]:
        return [event for event in events if isinstance(event, kind) and at - seconds * SECOND <= event.occurred_at < at]

    viewing = (e.ViewerJoined, e.ViewerHeartbeat, e.ViewerLeft)
    said = lately(e.MessagePosted, 60)
    social = [lately(kind, 600) for kind in (e.Followed, e.Subscribed, e.Raided)]
    if not any([said, *social, *(lately(kind, 70) for kind in viewing)]):
        return None
    now = _present(events, at)
    values = (
        now,
        now - _present(events, at - 300 * SECOND),
        len({event.viewer_session_id for event in lately(e.ViewerJoined, 60)}),
        len(said),
        len({event.user_id for event in said}),
        len(social[0]),
        len(social[1]),
        sum(event.viewers for event in social[2]),
    )
    return dict(zip(FEATURES, values, strict=True))


def _present(events: list[Event], at: int) -> int:
    """By the view's own fold."""
    return present(folded(VIEWERS, [event for event in events if event.occurred_at < at]), at)
