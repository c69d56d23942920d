"""What a client of the JSON protocol may send. A frame is checked whole before anything is done."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Login = Annotated[str, Meta(min_length=1, max_length=50)]
Short = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=2_000)]
"""The chat view refuses texts above 500 code points with a reason; this bound is for what nobody types."""


class Hello(msgspec.Struct, tag="hello"):
    """Who is there."""

    token: Short


class Join(msgspec.Struct, tag="join"):
    """Into a room."""

    channel: Login
    resume: Short | None = None


class Part(msgspec.Struct, tag="part"):
    """Out of it."""

    channel: Login


class Say(msgspec.Struct, tag="say"):
    """A message."""

    channel: Login
    text: Text
    nonce: Short = ""
    reply_to: Short | None = None
    action: bool = False


class Moderate(msgspec.Struct, tag="moderate"):
    """A moderator's command; which fields count depends on `do`."""

    channel: Login
    do: Literal[
        "delete", "ban", "timeout", "unban", "clear", "mode", "approve", "refuse", "announce", "grant", "revoke", "block", "unblock"
    ]
    nonce: Short = ""
    message_id: Short = ""
    user: Short = ""
    seconds: int = 600
    reason: Short = ""
    text: Text = ""
    accent: Short = "primary"
    role: Literal["moderator", "vip"] = "moderator"
    term: Short = ""
    slow_seconds: int | UnsetType = UNSET
    followers_only_minutes: int | UnsetType = UNSET
    subscribers_only: bool | UnsetType = UNSET
    emote_only: bool | UnsetType = UNSET
    unique_chat: bool | UnsetType = UNSET
    automod_level: int | UnsetType = UNSET


class Color(msgspec.Struct, tag="color"):
    """How the name is shown."""

    color: Short
    nonce: Short = ""


class Ping(msgspec.Struct, tag="ping"):
    """Is anybody there."""

    nonce: Short = ""


Request = Hello | Join | Part | Say | Moderate | Color | Ping
decode = msgspec.json.Decoder(Request).decode
