"""`/helix/chat/*`: say, announce, a room's modes, colours."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from schemas.events import MessageHeld, MessagePosted, MessageRefused, RoomState
from sinks.chat.sending import InvalidCommandError
from sinks.helix.calls import Calls, origin
from sinks.helix.errors import bad_request
from sinks.helix.tokens import Caller

SLOW_DEFAULT_S = 30
FOLLOWER_DEFAULT_MIN = 0
"""Where a mode is turned on without a length, as Helix documents."""
DROPPED = {"rate": "msg_ratelimit", "user_rate": "msg_ratelimit", "slow_mode": "msg_slowmode", "duplicate": "msg_r9k"}
"""Codes of `drop_reason` where they are not `msg_` and our reason."""


class Saying(BaseModel):
    """Body of POST chat/messages; ids may be in the query instead."""

    message: str
    broadcaster_id: str = ""
    sender_id: str = ""
    reply_parent_message_id: str | None = None


class Announcing(BaseModel):
    """Body of POST chat/announcements."""

    message: str
    color: str = "primary"


class Settings(BaseModel):
    """Body of PATCH chat/settings; what is left out stays."""

    emote_mode: bool | None = None
    follower_mode: bool | None = None
    follower_mode_duration: int | None = None
    slow_mode: bool | None = None
    slow_mode_wait_time: int | None = None
    subscriber_mode: bool | None = None
    unique_chat_mode: bool | None = None


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["chat"])

    @routes.post("/chat/messages")
    async def say(
        request: Request,
        caller: Annotated[Caller, Depends(calls.caller)],
        body: Saying,
        broadcaster_id: str = "",
        sender_id: str = "",
    ) -> dict[str, Any]:
        """Says something; whether it was sent, and why not."""
        user = calls.user(caller, sender_id or body.sender_id, "sender_id")
        channel = calls.channel(broadcaster_id or body.broadcaster_id)
        handed = calls.sending.say(
            calls.person(user), channel.channel_id, body.message, origin=origin(request), reply_to=body.reply_parent_message_id
        )
        event = await calls.settled(handed)
        match event:
            case MessagePosted():
                told = {"message_id": event.message_id, "is_sent": True, "drop_reason": None}
            case MessageHeld():
                reason = {"code": "msg_rejected", "message": "A moderator has to look at your message before it is shown."}
                told = {"message_id": event.message_id, "is_sent": False, "drop_reason": reason}
            case MessageRefused():
                reason = {"code": DROPPED.get(event.reason, f"msg_{event.reason}"), "message": refusal(event)}
                told = {"message_id": "", "is_sent": False, "drop_reason": reason}
            case _:
                bad_request(f"The message came to nothing: {type(event).__name__}")
        return {"data": [told]}

    @routes.post("/chat/announcements", status_code=HTTPStatus.NO_CONTENT)
    async def announce(
        request: Request, caller: Annotated[Caller, Depends(calls.caller)], body: Announcing, broadcaster_id: str, moderator_id: str
    ) -> None:
        """Says something set apart."""
        user = calls.moderator(caller, broadcaster_id, moderator_id)
        await calls.ordered(request, user, "Announce", broadcaster_id, text=body.message, accent=body.color)

    @routes.get("/chat/settings")
    async def settings(
        caller: Annotated[Caller, Depends(calls.caller)], broadcaster_id: str, moderator_id: str | None = None
    ) -> dict[str, Any]:
        """A room's modes."""
        calls.channel(broadcaster_id)
        if moderator_id is not None:
            calls.moderator(caller, broadcaster_id, moderator_id)
        return {"data": [modes(calls.views.room(broadcaster_id), moderator_id)]}

    @routes.patch("/chat/settings")
    async def change(
        request: Request, caller: Annotated[Caller, Depends(calls.caller)], body: Settings, broadcaster_id: str, moderator_id: str
    ) -> dict[str, Any]:
        """Changes them; all of them as they are then."""
        user = calls.moderator(caller, broadcaster_id, moderator_id)
        changed = wanted(body)
        if not changed:
            bad_request("The body names no setting")
        await calls.ordered(request, user, "ChangeMode", broadcaster_id, **changed)
        after = {name: value for name, value in changed.items() if value is not None}
        room = calls.views.room(broadcaster_id)
        return {"data": [modes(room, moderator_id, after)]}

    @routes.get("/chat/color")
    async def colors(
        caller: Annotated[Caller, Depends(calls.caller)], user_id: Annotated[list[str], Query(min_length=1, max_length=100)]
    ) -> dict[str, Any]:
        """Colours of users' names."""
        accounts = calls.views.accounts
        users = [user for each in user_id if (user := accounts.by_id(each)) is not None]
        return {
            "data": [
                {
                    "user_id": user.channel_id,
                    "user_login": user.login,
                    "user_name": user.display_name,
                    "color": accounts.color(user.channel_id),
                }
                for user in users
            ]
        }

    @routes.put("/chat/color", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
    async def color(caller: Annotated[Caller, Depends(calls.caller)], user_id: str, color: str) -> None:
        """Sets the caller's."""
        user = calls.user(caller, user_id, "user_id")
        try:
            await calls.sending.color(calls.person(user), color)
        except InvalidCommandError as cause:
            bad_request(str(cause))

    return routes


def wanted(body: Settings) -> dict[str, Any]:
    """Helix's settings as ChangeMode's fields."""
    found: dict[str, Any] = {}
    if body.slow_mode is not None or body.slow_mode_wait_time is not None:
        found["slow_seconds"] = (
            0 if body.slow_mode is False else SLOW_DEFAULT_S if body.slow_mode_wait_time is None else body.slow_mode_wait_time
        )
    if body.follower_mode is not None or body.follower_mode_duration is not None:
        minutes = FOLLOWER_DEFAULT_MIN if body.follower_mode_duration is None else body.follower_mode_duration
        found["followers_only_minutes"] = -1 if body.follower_mode is False else minutes
    flags = {"subscribers_only": body.subscriber_mode, "emote_only": body.emote_mode, "unique_chat": body.unique_chat_mode}
    return found | {name: value for name, value in flags.items() if value is not None}


def modes(room: RoomState, moderator_id: str | None, changed: dict[str, Any] | None = None) -> dict[str, Any]:
    """A room's modes as Helix has them; `changed` has been decided and may not be in the room's row yet."""
    values = {
        name: getattr(room, name) for name in ("slow_seconds", "followers_only_minutes", "subscribers_only", "emote_only", "unique_chat")
    }
    values |= changed or {}
    slow, follow = values["slow_seconds"], values["followers_only_minutes"]
    told = {
        "broadcaster_id": room.channel_id,
        "emote_mode": values["emote_only"],
        "follower_mode": follow >= 0,
        "follower_mode_duration": follow if follow >= 0 else None,
        "slow_mode": slow > 0,
        "slow_mode_wait_time": slow if slow > 0 else None,
        "subscriber_mode": values["subscribers_only"],
        "unique_chat_mode": values["unique_chat"],
    }
    if moderator_id is not None:
        told |= {"moderator_id": moderator_id, "non_moderator_chat_delay": False, "non_moderator_chat_delay_duration": None}
    return told


def refusal(event: MessageRefused) -> str:
    """A refusal in words."""
    wait = f" Try again in {-(-event.wait_ms // 1_000)} s." if event.wait_ms else ""
    return f"Your message was not sent: {event.reason.replace('_', ' ')}.{wait}"
