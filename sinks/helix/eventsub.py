"""`/helix/eventsub/subscriptions`: asked for, listed, ended; and `/ws`."""

from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Response, WebSocket
from pydantic import BaseModel, Field

from schemas.events import ChannelProfile, EventSubscription
from schemas.events.eventsub import EventCondition
from sinks.eventsub.kinds import CHANNELS, KINDS, RAID
from sinks.eventsub.messages import MAX_COST, described
from sinks.eventsub.service import EventSub
from sinks.helix.calls import Calls, First, page
from sinks.helix.errors import HelixError, bad_request, forbidden, not_found, unauthorized
from sinks.helix.tokens import Caller
from streams.clock import now_us
from streams.letters.letter import position

MOST = 300
"""Subscriptions of a WebSocket session, as Twitch documents."""
Text = Annotated[str, Query(max_length=100)]


class Transport(BaseModel):
    """How events are told. `position` is ours: from where on the log."""

    method: Literal["websocket", "webhook"]
    session_id: str = ""
    callback: Annotated[str, Field(max_length=2_000)] = ""
    secret: Annotated[str, Field(max_length=100)] = ""
    position: str = ""


class Asking(BaseModel):
    """Body of POST eventsub/subscriptions."""

    type: str
    version: str
    condition: dict[str, str]
    transport: Transport


def router(calls: Calls, eventsub: EventSub) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["eventsub"])
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type

    @routes.post("/eventsub/subscriptions", status_code=HTTPStatus.ACCEPTED)
    async def subscribe(caller: By, response: Response, body: Asking, later: BackgroundTasks) -> dict[str, Any]:
        """Asks to be told of events."""
        user = _owner(calls, caller)
        condition = _allowed(calls, user, body)
        _reachable(caller, eventsub, body.transport)
        for each in _own(eventsub, user):
            same = {one.name: one.value for one in each.condition} == condition and (each.kind, each.version) == (body.type, body.version)
            if same and (each.session_id, each.callback) == (body.transport.session_id, body.transport.callback):
                raise HelixError(HTTPStatus.CONFLICT, "subscription already exists")
        made = EventSubscription(
            subscription_id=str(uuid4()),
            client_id=caller.client_id,
            user_id=user.channel_id,
            kind=body.type,
            version=body.version,
            condition=tuple(EventCondition(name=name, value=value) for name, value in sorted(condition.items())),
            method=body.transport.method,
            session_id=body.transport.session_id,
            callback=body.transport.callback,
            secret=body.transport.secret,
            status="enabled" if body.transport.method == "websocket" else "webhook_callback_verification_pending",
            created_at=now_us(),
            position=body.transport.position,
        )
        await eventsub.ready(user.channel_id)
        eventsub.expect(made)
        await calls.written(response, made)
        later.add_task(eventsub.open, made.subscription_id)  # once the answer has been written: clients drop what they do not know
        return {"data": [described(made)], **_totals(len(list(_own(eventsub, user))))}

    @routes.get("/eventsub/subscriptions")
    async def listed(
        *,
        caller: By,
        status: Text = "",
        type_: Annotated[Text, Query(alias="type")] = "",
        user_id: Text = "",
        first: First = 100,
        after: str = "",
    ) -> dict[str, Any]:
        """The caller's subscriptions."""
        own = list(_own(eventsub, _owner(calls, caller)))
        found = [
            each
            for each in own
            if status in ("", each.status)
            and type_ in ("", each.kind)
            and (not user_id or user_id in {one.value for one in each.condition})
        ]
        part = page(found, first, after)
        return {"data": [described(each) for each in part.rows], "pagination": part.pagination, **_totals(len(own))}

    @routes.delete("/eventsub/subscriptions", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
    async def ended(caller: By, id: str) -> None:  # noqa: A002 - the parameter's name
        """Ends one."""
        found = eventsub.hub.get(id)
        if found is None or found.user_id != _owner(calls, caller).channel_id:
            not_found("There is no such subscription: GET eventsub/subscriptions lists yours")
        await eventsub.end(id)

    return routes


def socket_route(eventsub: EventSub) -> APIRouter:
    """`/ws`."""
    routes = APIRouter()

    @routes.websocket("/ws")
    async def serve(socket: WebSocket, keepalive_timeout_seconds: int = 10, reconnect: str = "") -> None:
        await eventsub.sessions.serve(socket, keepalive_timeout_seconds, reconnect)

    return routes


def _totals(count: int) -> dict[str, int]:
    return {"total": count, "total_cost": 0, "max_total_cost": MAX_COST}


def _owner(calls: Calls, caller: Caller) -> ChannelProfile:
    """The account that a call is made for: an app token's is its client's."""
    user = caller.user or calls.views.accounts.by_id(caller.owner_id)
    if user is None:
        unauthorized()
    return user


def _own(eventsub: EventSub, user: ChannelProfile) -> Any:
    return (each for each in eventsub.hub.all() if each.user_id == user.channel_id)


def _allowed(calls: Calls, user: ChannelProfile, body: Asking) -> dict[str, str]:
    """The condition.

    Raises:
        HelixError: no such type, version or condition, or not for this user.
    """
    kind = KINDS.get(body.type)
    if kind is None:
        bad_request(f"type: there is no {body.type[:50]!r} here. There are: {', '.join(KINDS)}")
    if body.version not in kind.versions:
        bad_request(f"version: {body.type} has {', '.join(kind.versions)}, not {body.version[:20]!r}")
    given = {name: value for name, value in body.condition.items() if value}
    either = body.type == "channel.raid" and len(given) == 1 and set(given) <= set(RAID)
    if not either and set(given) != set(kind.condition or RAID[:1]):
        bad_request(
            f"condition: {body.type} takes {' and '.join(kind.condition) or ' or '.join(RAID)}, not {', '.join(given) or 'nothing'}"
        )
    channel = next(given[name] for name in CHANNELS if name in given)
    calls.channel(channel)
    if kind.reader and given[kind.reader] != user.channel_id:
        forbidden(f"condition: {kind.reader} has to be the user of the token")
    if kind.rule == "moderator" and not calls.moderates(user.channel_id, channel):
        forbidden(f"{body.type} is for moderators of the channel")
    if kind.rule == "broadcaster" and channel != user.channel_id:
        forbidden(f"{body.type} is for the channel's owner")
    return given


def _reachable(caller: Caller, eventsub: EventSub, transport: Transport) -> None:
    """Checks where events are to be told.

    Raises:
        HelixError: nowhere, or not by this token.
    """
    if transport.position and position(transport.position) is None:
        bad_request("transport.position: take it from a notification's metadata, or leave it out")
    if transport.method == "websocket":
        if caller.user is None:
            unauthorized("A WebSocket transport takes a user's access token, not an app token")
        session = eventsub.sessions.get(transport.session_id)
        if session is None:
            bad_request("transport.session_id: there is no such session, or it is over: take the id from the welcome")
        if len(session.subscriptions) >= MOST:
            raise HelixError(HTTPStatus.TOO_MANY_REQUESTS, f"The session has {MOST} subscriptions: dial another one")
    elif not transport.callback.startswith(("https://", "http://")):
        bad_request("transport.callback: an https URL that takes POST")
    elif not len(transport.secret) >= 10 or not transport.secret.isascii():
        bad_request("transport.secret: 10 to 100 ASCII characters")
