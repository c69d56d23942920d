"""What every Helix call goes through: its caller, the limits, the parties of a channel, and what came of a command."""

import asyncio
from collections.abc import Awaitable, Iterable
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, NamedTuple

from fastapi import Header, Query, Request, Response

from schemas.errors import SchemaError
from schemas.event import Event
from schemas.events import ChannelProfile, CommandRefused
from sinks.chat.sending import InvalidCommandError, Origin, Person, Sending, ShedError
from sinks.helix.errors import HelixError, bad_request, forbidden, unauthorized
from sinks.helix.limits import Limits
from sinks.helix.tokens import Caller, Tokens
from sinks.helix.views import WAIT_S, Views
from streams.errors import StreamingError
from streams.letters.letter import place, position
from streams.publisher import Publisher

REFUSED: dict[str, tuple[HTTPStatus, str]] = {
    "no_permission": (HTTPStatus.FORBIDDEN, "The user in moderator_id is not one of the broadcaster's moderators."),
    "already_banned": (HTTPStatus.BAD_REQUEST, "The user specified in the user_id field is already banned."),
    "not_banned": (HTTPStatus.BAD_REQUEST, "The user specified in the user_id query parameter is not banned."),
    "bad_target": (HTTPStatus.BAD_REQUEST, "The user specified in the user_id field may not be banned."),
    "already_granted": (HTTPStatus.BAD_REQUEST, "The user has this role already."),
    "not_granted": (HTTPStatus.BAD_REQUEST, "The user does not have this role."),
    "unknown_message": (HTTPStatus.NOT_FOUND, "There is no such message, or it is too old."),
    "too_many_terms": (HTTPStatus.BAD_REQUEST, "The channel blocks as many terms as it may: unblock one first."),
    "bad_value": (HTTPStatus.BAD_REQUEST, "A value is out of its range."),
}
"""CommandRefused's reasons as Helix tells them."""


POSITION = "Log-Position"
"""Header: of an answer, where the command's event lies on the log; of a call, which event its answer must have seen."""


class Calls:
    """The parts that calls share."""

    def __init__(self, views: Views, tokens: Tokens, sending: Sending, limits: Limits, publisher: Publisher) -> None:
        self.views = views
        self.sending = sending
        self._publisher = publisher
        self._tokens = tokens
        self._limits = limits

    async def caller(
        self,
        request: Request,
        response: Response,
        authorization: Annotated[str, Header()] = "",
        client_id: Annotated[str, Header()] = "",
        log_position: Annotated[str, Header()] = "",
    ) -> Caller:
        """Who calls. A call with a position, as an answer's header of that name has it, is answered with that event seen.

        Raises:
            HelixError: no token, a wrong one, another client's id, too many calls, or no such position in time.
        """
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            unauthorized("OAuth token is missing: send it as `Authorization: Bearer TOKEN`")
        caller = self._tokens.caller(token.strip())
        if caller is None:
            unauthorized()
        if client_id and client_id != caller.client_id:
            unauthorized("Client ID and OAuth token do not match")
        if not client_id:
            unauthorized("Client ID is missing: send it as `Client-Id: ID`")
        allowed, headers = self._limits.take(f"{caller.client_id} {caller.user.channel_id if caller.user else ''}")
        if not allowed:
            raise HelixError(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests: wait until Ratelimit-Reset", headers)
        response.headers.update(headers)
        if log_position:
            await self._seen(log_position)
        return caller

    async def _seen(self, text: str) -> None:
        at = position(text)
        if at is None or not self.views.follows(at):
            bad_request(f"{POSITION}: {text[:100]!r} is no position here: take it from the {POSITION} header of a command's answer")
        if not await self.views.reached(at):
            raise HelixError(HTTPStatus.SERVICE_UNAVAILABLE, f"{text} has not been seen within {WAIT_S:.0f} s", {"Retry-After": "1"})

    async def written(self, response: Response, *events: Event) -> None:
        """Appends facts in their order; returns once they are safe and, where it takes no longer than it may, seen here.

        The answer's header says the position of the last.

        Raises:
            HelixError: the log does not take them.
        """
        try:
            positions = [await asyncio.wrap_future(self._publisher.publish(event)) for event in events]
        except (StreamingError, SchemaError) as cause:
            raise HelixError(HTTPStatus.SERVICE_UNAVAILABLE, f"The log does not take it now: {cause}", {"Retry-After": "2"}) from cause
        await self.views.reached(positions[-1])
        response.headers[POSITION] = place(positions[-1])

    def user(self, caller: Caller, claimed: str | None = None, name: str = "moderator_id") -> ChannelProfile:
        """The user that calls; `claimed` is the id under which the call says it is made, in the parameter `name`.

        Raises:
            HelixError: an app token, or another user's id.
        """
        if caller.user is None:
            unauthorized("This needs a user's access token, not an app token")
        if claimed is not None and claimed != caller.user.channel_id:
            unauthorized(f"The ID in {name} must match the user ID in the OAuth token")
        return caller.user

    def channel(self, broadcaster_id: str) -> ChannelProfile:
        """A channel.

        Raises:
            HelixError: there is none.
        """
        found = self.views.accounts.by_id(broadcaster_id)
        if found is None:
            bad_request(f"There is no broadcaster {broadcaster_id!r}: broadcaster_id is a user's id, as GET users has it")
        return found

    def moderates(self, user_id: str, channel_id: str) -> bool:
        """Whether a user may moderate a channel."""
        return user_id == channel_id or user_id in self.views.room(channel_id).moderators

    def moderator(self, caller: Caller, channel_id: str, claimed: str | None) -> ChannelProfile:
        """The caller, where he moderates the channel.

        Raises:
            HelixError: he does not.
        """
        user = self.user(caller, claimed)
        self.channel(channel_id)
        if not self.moderates(user.channel_id, channel_id):
            forbidden(REFUSED["no_permission"][1])
        return user

    def person(self, user: ChannelProfile) -> Person:
        """The user as the edge takes him."""
        return Person(user.channel_id, user.login, user.display_name, self.views.accounts.color(user.channel_id))

    async def ordered(self, request: Request, user: ChannelProfile, kind: str, channel_id: str, **values: Any) -> Event:
        """Hands a command in; the event that came of it.

        Raises:
            HelixError: it was refused, or nothing came of it in time.
        """
        event = await self.settled(self.sending.command(self.person(user), kind, channel_id, origin=origin(request), **values))
        if isinstance(event, CommandRefused):
            status, message = REFUSED.get(event.reason, (HTTPStatus.BAD_REQUEST, f"Refused: {event.reason}."))
            raise HelixError(status, message)
        return event

    async def settled(self, handed: Awaitable[str]) -> Event:
        """What came of something that is handed in.

        Raises:
            HelixError: it was not taken, or nothing came of it in time.
        """
        try:
            event = await self.views.answer(command_id := await handed)
        except ShedError as cause:
            raise HelixError(HTTPStatus.TOO_MANY_REQUESTS, str(cause), {"Retry-After": str(-(-cause.wait_ms // 1_000))}) from cause
        except InvalidCommandError as cause:
            raise HelixError(HTTPStatus.BAD_REQUEST, str(cause)) from cause
        self.sending.answered(command_id)
        if event is None:
            raise HelixError(
                HTTPStatus.SERVICE_UNAVAILABLE, "It is under way and not decided yet. Do not send it again: see what the chat shows"
            )
        return event


First = Annotated[int, Query(ge=1, le=100)]
"""Rows in one answer."""


PLACES = 9
"""Digits of a cursor that is a place: no list has as many rows."""


class Page(NamedTuple):
    """A part of a list."""

    rows: list[Any]
    pagination: dict[str, str]
    """The cursor of the next part; nothing on the last, for clients take an empty one for a further page."""


def page(rows: Iterable[Any], first: int, after: str) -> Page:
    """The rows behind a cursor, which is a place among them; of an iterator no more are taken than it needs.

    Raises:
        HelixError: no cursor of ours.
    """
    if after and not (after.isdecimal() and len(after) <= PLACES):
        bad_request(f"after: {after!r} is no cursor: take one from an answer's pagination")
    begin = int(after or 0)
    found = list(islice(rows, begin, begin + first + 1))
    return Page(found[:first], {"cursor": str(begin + first)} if len(found) > first else {})


def origin(request: Request) -> Origin:
    """Where a call comes from."""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return Origin(forwarded or (request.client.host if request.client else ""), 0)
