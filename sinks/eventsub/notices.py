"""Events as EventSub tells them. Every documented field is there, null where empty: clients index them (twitchio)."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from processors.directory.categories import category_id
from schemas.events import (
    ChannelInfo,
    ChatCleared,
    Followed,
    MessageDeleted,
    MessageHeld,
    MessagePosted,
    Raided,
    StreamEnded,
    StreamStarted,
    Subscribed,
    UserBanned,
    UserTimedOut,
    UserUnbanned,
)
from schemas.events.chat import EmoteSpan
from streams.edges.accounts import Accounts
from streams.envelope import rfc3339

TIERS = {"tier1": "1000", "prime": "1000", "tier2": "2000", "tier3": "3000"}
"""Our plans as Twitch numbers them."""
Told = (
    ChannelInfo
    | ChatCleared
    | Followed
    | MessageDeleted
    | MessageHeld
    | MessagePosted
    | Raided
    | StreamEnded
    | StreamStarted
    | Subscribed
    | UserBanned
    | UserTimedOut
    | UserUnbanned
)
"""Events that are told at all."""
HOLD_LEVEL = 4
"""AutoMod's level of a held message, 0 to 4: ours has a score, and what it holds it is sure of."""


class Notice(NamedTuple):
    """What a subscription may be told."""

    kind: str
    keys: dict[str, str]
    """What its condition is held against."""
    event: dict[str, Any]


def channels(event: Told) -> Iterator[str]:
    """The channels whose subscribers an event concerns."""
    yield event.channel_id
    if isinstance(event, Raided):
        yield event.from_channel_id


def notices(event: Told, accounts: Accounts) -> Iterator[Notice]:
    """All notices of an event, its texts opened."""
    about = _user(accounts, event.channel_id, "broadcaster_user_")

    def notice(kind: str, **values: Any) -> Notice:
        return Notice(kind, {"broadcaster_user_id": event.channel_id}, {**about, **values})

    match event:
        case StreamStarted():
            yield notice("stream.online", id=event.session_id, type="live", started_at=rfc3339(event.occurred_at))
        case StreamEnded():
            yield notice("stream.offline")
        case ChannelInfo():
            told = {"title": event.title, "language": event.language, "category_name": event.category}
            yield notice(
                "channel.update", **told, category_id=category_id(event.category), content_classification_labels=[], is_mature=False
            )
        case Followed():
            yield notice("channel.follow", **_user(accounts, event.user_id), followed_at=rfc3339(event.occurred_at))
        case Subscribed():
            user = _user(accounts, event.user_id)
            yield notice("channel.subscribe", **user, tier=TIERS[event.plan], is_gift=event.gifter_id is not None)
        case Raided():
            keys = {"from_broadcaster_user_id": event.from_channel_id, "to_broadcaster_user_id": event.channel_id}
            parties = {each: value for name, one in keys.items() for each, value in _user(accounts, one, name.removesuffix("id")).items()}
            yield Notice("channel.raid", keys, {**parties, "viewers": event.viewers})
        case MessagePosted():
            yield notice("channel.chat.message", **_posted(event, accounts))
        case MessageHeld():
            author = _named("user_", event.user_id, event.user_login, event.display_name)
            yield notice("automod.message.hold", **author, **_held(event))
        case MessageDeleted():
            yield notice("channel.chat.message_delete", **_user(accounts, event.user_id, "target_user_"), message_id=event.message_id)
        case ChatCleared():
            yield notice("channel.chat.clear")
        case UserBanned() | UserTimedOut():
            yield notice("channel.chat.clear_user_messages", **_user(accounts, event.user_id, "target_user_"))
            parties = {**_user(accounts, event.user_id), **_user(accounts, event.moderator_id, "moderator_user_")}
            yield notice("channel.ban", **parties, **_banned(event))
        case UserUnbanned():
            yield notice("channel.unban", **_user(accounts, event.user_id), **_user(accounts, event.moderator_id, "moderator_user_"))


def _banned(event: UserBanned | UserTimedOut) -> dict[str, Any]:
    end = event.occurred_at + event.seconds * 1_000_000 if isinstance(event, UserTimedOut) else None
    return {
        "reason": event.reason,
        "banned_at": rfc3339(event.occurred_at),
        "ends_at": None if end is None else rfc3339(end),
        "is_permanent": end is None,
    }


def _posted(event: MessagePosted, accounts: Accounts) -> dict[str, Any]:
    infos = dict(each.split("/", 1) for each in event.badge_info)
    badges = (each.partition("/") for each in event.badges)
    return {
        **_named("chatter_user_", event.user_id, event.user_login, event.display_name),
        "message_id": event.message_id,
        "message": {"text": event.text, "fragments": _fragments(event.text, event.emotes)},
        "color": event.color or accounts.color(event.user_id),
        "badges": [{"set_id": set_id, "id": version, "info": infos.get(set_id, "")} for set_id, _, version in badges],
        "message_type": "text",
        "cheer": None,
        "reply": None if event.reply_to is None else _reply(event.reply_to),
        "channel_points_custom_reward_id": None,
        "channel_points_animation_id": None,
        **dict.fromkeys((f"source_broadcaster_user_{each}" for each in ("id", "login", "name")), None),
        "source_message_id": None,
        "source_badges": None,
        "is_source_only": None,
    }


def _reply(message_id: str) -> dict[str, str]:
    """Of the parent only its id is known where it is answered."""
    parts = ("message_body", "user_id", "user_login", "user_name")
    thread = {f"thread_{each}": "" for each in parts[1:]}
    return {"parent_message_id": message_id, "thread_message_id": message_id, **{f"parent_{each}": "" for each in parts}, **thread}


def _held(event: MessageHeld) -> dict[str, Any]:
    """Versions 1 and 2 in one: 1 has category and level beside the message, 2 has them in `automod`."""
    found = {"category": "automod", "level": HOLD_LEVEL}
    return {
        "message_id": event.message_id,
        "message": {"text": event.text, "fragments": _fragments(event.text, event.emotes)},
        "held_at": rfc3339(event.occurred_at),
        **found,
        "reason": "automod",
        "automod": {**found, "boundaries": [{"start_pos": 0, "end_pos": max(0, len(event.text) - 1)}]},
        "blocked_term": None,
    }


def _fragments(text: str, spans: Sequence[EmoteSpan]) -> list[dict[str, Any]]:
    """A text as plain parts and emotes."""
    found, begin = [], 0
    for span in sorted(spans, key=lambda each: each.begin):
        found += [_fragment("text", text[begin : span.begin])] if begin < span.begin else []
        emote = {"id": span.emote_id, "emote_set_id": "0", "owner_id": "0", "format": ["static"]}
        found.append(_fragment("emote", text[span.begin : span.end + 1], emote=emote))
        begin = span.end + 1
    return [*found, *([_fragment("text", text[begin:])] if begin < len(text) else [])]


def _fragment(kind: str, text: str, **values: Any) -> dict[str, Any]:
    return {"type": kind, "text": text, "cheermote": None, "emote": None, "mention": None, **values}


def _user(accounts: Accounts, user_id: str, prefix: str = "user_") -> dict[str, str]:
    """Id, login and name; empty names for a user whose account has gone."""
    user = accounts.by_id(user_id)
    return _named(prefix, user_id, user.login if user else "", user.display_name if user else "")


def _named(prefix: str, user_id: str, login: str, name: str) -> dict[str, str]:
    return {f"{prefix}id": user_id, f"{prefix}login": login, f"{prefix}name": name}
