"""The rules that a message may be refused by, in their order, each alone."""

from typing import Literal, NamedTuple

from processors.chat.emotes import only_emotes
from processors.chat.pace import WINDOW_US
from processors.chat.rooms import slow_seconds
from processors.chat.state import SECOND_US, SKEW_US, Room, User
from processors.chat.text.canonical import canonical
from processors.chat.text.spam import spam_score
from processors.chat.text.terms import GLOBAL, Terms

PACE_US = SECOND_US
"""Between two messages of a user in a channel: Twitch's limit for who has no role in it."""
MINUTE_US = 60 * SECOND_US
LONGEST = 500
"""Characters (code points) of a message, as clients made for Twitch cut it."""
SPAM = 0.9
"""Score from which a message is refused."""


class Refusal(NamedTuple):
    """Why a message is not taken."""

    reason: Literal[
        "banned",
        "timed_out",
        "rate",
        "slow_mode",
        "user_rate",
        "subscribers_only",
        "followers_only",
        "emote_only",
        "duplicate",
        "blocked_term",
        "global_term",
        "spam",
        "empty",
        "too_long",
    ]
    wait_us: int = 0
    """Until a message may be taken; 0 where waiting does not help."""


BANNED, SUBSCRIBERS_ONLY, EMOTE_ONLY = Refusal("banned"), Refusal("subscribers_only"), Refusal("emote_only")
FOLLOWERS_ONLY, EMPTY, TOO_LONG = Refusal("followers_only"), Refusal("empty"), Refusal("too_long")
GLOBAL_TERM, BLOCKED_TERM, SPAMMED = Refusal("global_term"), Refusal("blocked_term"), Refusal("spam")


def sanction(user: User, now: int) -> Refusal | None:
    """Ban and time-out, to the microsecond of the message's time."""
    if user.banned:
        return BANNED
    return Refusal("timed_out", user.silent_until - now) if now < user.silent_until else None


def pace(user: User, room: Room, now: int) -> Refusal | None:
    """How often one may write: in this channel, over all channels, and as the room is slowed."""
    since = now - user.last
    if since < -SKEW_US:
        return None
    if since < PACE_US:
        return Refusal("rate", PACE_US - since)
    if now < user.throttled_until <= now + WINDOW_US + SKEW_US:
        return Refusal("user_rate", user.throttled_until - now)
    slow = slow_seconds(room) * SECOND_US
    return Refusal("slow_mode", slow - since) if since < slow else None


def audience(user: User, room: Room, now: int) -> Refusal | None:
    """Whom the room is for. Subscribers count as followers of any length."""
    if user.subscribes(now):
        return None
    if room.subscribers_only:
        return SUBSCRIBERS_ONLY
    if room.followers_only_minutes < 0:
        return None
    if not user.follows_since:
        return FOLLOWERS_ONLY
    wait = user.follows_since + room.followers_only_minutes * MINUTE_US - now
    return Refusal("followers_only", wait) if wait > 0 else None


def emote_only(room: Room, text: str, *, subscriber: bool) -> Refusal | None:
    """Nothing but emotes, where the room is for them."""
    return EMOTE_ONLY if room.emote_only and not only_emotes(text, subscriber=subscriber) else None


def length(text: str) -> Refusal | None:
    """Neither nothing that one would see, nor too much."""
    if len(text) > LONGEST:
        return TOO_LONG
    blank = text.isspace() or not text if text.isascii() else not canonical(text)
    return EMPTY if blank else None


def global_terms(text: str, terms: Terms | None = None) -> Refusal | None:
    """What is blocked in every channel, for everybody: by the packaged terms, or by others."""
    return GLOBAL_TERM if (terms or GLOBAL()).found(text) is not None else None


def spam(text: str) -> Refusal | None:
    """What is surely spam; what may be is AutoMod's."""
    return SPAMMED if spam_score(text) >= SPAM else None
