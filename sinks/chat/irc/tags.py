"""Tags of what a server says, by the names and forms that Twitch gave them. Flags are 0 and 1, times milliseconds since 1970."""

from collections.abc import Iterable, Mapping, Sequence

from schemas.events import MessagePosted, NoticePosted, RoomState
from schemas.events.chat import EmoteSpan
from sinks.chat.dialect import Room, Standing
from sinks.chat.sending import Person

EMOTE_SETS = "0"
"""Of the emotes that everybody has. Never empty: twitchAPI takes its first element."""
MAX_THREAD = 20
"""Messages that are gone back to find what a thread began with: as deep as a page would show."""


def flag(on: bool) -> str:
    """A truth value."""
    return "1" if on else "0"


def milliseconds(occurred_at: int) -> str:
    """A time of an event, which is in microseconds."""
    return str(occurred_at // 1000)


def has(badges: Iterable[str], *sets: str) -> bool:
    """Whether a badge of these sets is among them."""
    return any(badge.partition("/")[0] in sets for badge in badges)


def of_author(author: MessagePosted | NoticePosted) -> dict[str, str]:
    """Who said something, and what it says of the text."""
    moderator = has(author.badges, "moderator")
    vip = {"vip": "1"} if has(author.badges, "vip") else {}
    return {
        "badge-info": ",".join(author.badge_info),
        "badges": ",".join(author.badges),
        "color": author.color,
        "display-name": author.display_name,
        "emotes": emotes(author.emotes),
        "flags": "",
        "id": author.message_id,
        "mod": flag(moderator),
        "room-id": author.channel_id,
        "subscriber": flag(has(author.badges, "subscriber", "founder")),
        "tmi-sent-ts": milliseconds(author.occurred_at),
        "turbo": "0",
        "user-id": author.user_id,
        "user-type": "mod" if moderator else "",
        **vip,
    }


def emotes(spans: Sequence[EmoteSpan], shift: int = 0) -> str:
    """Where emotes stand in a text: `id:first-last,first-last/id:…`, in code points, moved by `shift`."""
    places: dict[str, list[str]] = {}
    for span in spans:
        places.setdefault(span.emote_id, []).append(f"{span.begin + shift}-{span.end + shift}")
    return "/".join(f"{emote_id}:{','.join(found)}" for emote_id, found in places.items())


def of_reply(room: Room, parent: MessagePosted) -> dict[str, str]:
    """What a message answers, and what the thread began with."""
    first = parent
    for _ in range(MAX_THREAD):
        before = room.message(first.reply_to) if first.reply_to else None
        if before is None:
            break
        first = before
    return {
        "reply-parent-display-name": parent.display_name,
        "reply-parent-msg-body": parent.text,
        "reply-parent-msg-id": parent.message_id,
        "reply-parent-user-id": parent.user_id,
        "reply-parent-user-login": parent.user_login,
        "reply-thread-parent-msg-id": first.message_id,
        "reply-thread-parent-user-login": first.user_login,
    }


def of_user(person: Person) -> dict[str, str]:
    """A signed-in user, apart from any room (GLOBALUSERSTATE)."""
    return {
        "badge-info": "",
        "badges": "",
        "color": person.color,
        "display-name": person.display_name,
        "emote-sets": EMOTE_SETS,
        "user-id": person.user_id,
        "user-type": "",
    }


def of_member(person: Person, standing: Standing) -> dict[str, str]:
    """What a signed-in user is in a room (USERSTATE)."""
    return {
        "badge-info": ",".join(standing.badge_info),
        "badges": ",".join(standing.badges),
        "color": person.color,
        "display-name": person.display_name,
        "emote-sets": EMOTE_SETS,
        "mod": flag(standing.moderator),
        "subscriber": flag(has(standing.badges, "subscriber", "founder")),
        "user-type": "mod" if standing.moderator else "",
    }


def of_room(state: RoomState, room_id: str) -> dict[str, str]:
    """All of a room's modes (ROOMSTATE at a JOIN)."""
    return {
        "emote-only": flag(state.emote_only),
        "followers-only": str(state.followers_only_minutes),
        "r9k": flag(state.unique_chat),
        "room-id": room_id,
        "slow": str(state.slow_seconds),
        "subs-only": flag(state.subscribers_only),
    }


def written(values: Mapping[str, str], on: bool) -> Mapping[str, str] | None:
    """Tags for a client that asked for them, none for another."""
    return values if on else None
