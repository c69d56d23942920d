"""What is shown among the messages: announcements, subscriptions, raids. And who follows and subscribes, which the rules ask for."""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.chat import rules
from processors.chat.answers import refused
from processors.chat.badges import badges_of
from processors.chat.emotes import spans
from processors.chat.state import SECOND_US, USERS, may_moderate, power, user_of
from schemas.event import Event
from schemas.events import Announce, NoticePosted, RecordFollow, RecordRaid, RecordSubscription, ThrottleUser
from streams.fold import At, Rows

ACCENTS = frozenset(("primary", "blue", "green", "orange", "purple"))
"""As Twitch's API has them."""
SUBSCRIPTION_US = 34 * 24 * 3_600 * SECOND_US
"""How long a subscription or renewal holds: the longest month, and three days in which a payment may be tried again."""


def announce(rows: Rows, event: Announce, at: At) -> Iterable[Event]:
    """Says something to everybody, for a moderator."""
    channel_id, asker = event.channel_id, event.user_id
    if not may_moderate(rows, channel_id, asker, at.time):
        return refused(channel_id, asker, "no_permission")
    if event.accent not in ACCENTS or rules.length(event.text) or rules.global_terms(event.text):
        return refused(channel_id, asker, "bad_value")
    user = user_of(rows, asker)
    rank = power(channel_id, asker, user)
    badges, info = badges_of(rank, user, at.time)
    return (
        NoticePosted(
            channel_id=channel_id,
            message_id=event.message_id,
            user_id=asker,
            kind="announcement",
            user_login=event.user_login,
            display_name=event.display_name,
            text=event.text,
            color=event.color,
            badges=badges,
            emotes=spans(event.text, subscriber=rank == "broadcaster" or user.subscribes(at.time)),
            badge_info=info,
            accent=event.accent,
        ),
    )


def follow(rows: Rows, event: RecordFollow, at: At) -> Iterable[Event]:
    """Notes since when a user follows. A repeated follow does not begin anew."""
    user = user_of(rows, event.user_id)
    since = event.since or 0
    if since and user.follows_since:
        since = min(since, user.follows_since)
    if since != user.follows_since:
        rows[USERS][event.user_id] = replace(user, follows_since=since)
    return ()


def subscribe(rows: Rows, event: RecordSubscription, at: At) -> Iterable[Event]:
    """Notes a subscription, and shows it."""
    until = max(at.time + SUBSCRIPTION_US, user_of(rows, event.user_id).subscribed_until)
    user = replace(user_of(rows, event.user_id), plan=event.plan, months=event.cumulative_months, subscribed_until=until)
    rows[USERS][event.user_id] = user
    badges, info = badges_of(power(event.channel_id, event.user_id, user), user, at.time)
    return (
        NoticePosted(
            channel_id=event.channel_id,
            message_id=event.event_id,
            user_id=event.user_id,
            kind="subgift" if event.gifter_id is not None else "sub" if event.cumulative_months <= 1 else "resub",
            badges=badges,
            badge_info=info,
            plan=event.plan,
            months=event.cumulative_months,
            gifter_id=event.gifter_id,
        ),
    )


def raid(rows: Rows, event: RecordRaid, at: At) -> Iterable[Event]:
    """Shows a raid."""
    return (
        NoticePosted(
            channel_id=event.channel_id,
            message_id=event.event_id,
            user_id=event.from_channel_id,
            kind="raid",
            viewers=event.viewers,
        ),
    )


def throttle(rows: Rows, event: ThrottleUser, at: At) -> Iterable[Event]:
    """Notes what the pace over all channels allows a user."""
    user = user_of(rows, event.user_id)
    if event.until > user.throttled_until:
        rows[USERS][event.user_id] = replace(user, throttled_until=event.until)
    return ()
