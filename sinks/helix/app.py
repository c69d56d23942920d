"""The API's application: one set of routes, under the addresses that Twitch has and those that its local stand-in has."""

from collections.abc import Callable

from fastapi import APIRouter, FastAPI

from schemas.events import ChannelProfile
from sinks.chat.sending import Sending
from sinks.eventsub.service import EventSub
from sinks.helix import (
    channels,
    chat,
    clips,
    errors,
    eventsub,
    live,
    moderation,
    oauth,
    publishing,
    replay,
    roles,
    search,
    social,
    streams,
    users,
)
from sinks.helix.calls import Calls
from sinks.helix.limits import Limits
from sinks.helix.replay import VodChats
from sinks.helix.tokens import Tokens
from sinks.helix.views import Views
from streams.clock import now_us
from streams.edges.clips import ClipEdge
from streams.fold import Clock
from streams.publisher import Publisher

HELIX = ("/helix", "/mock")
OAUTH = ("/oauth2", "/auth")
"""The second of each is where clients look that are pointed to the Twitch command line's mock server."""


def make_app(
    views: Views,
    sending: Sending,
    publisher: Publisher,
    events: EventSub,
    *,
    playback: Callable[[ChannelProfile], str],
    clips_edge: ClipEdge,
    chats: VodChats,
    clock: Clock = now_us,
) -> FastAPI:
    """The application; the host starts and closes the views, and adds its probes.

    `playback` gives the address before `/live/` at which an owner watches his channel.
    """
    app = FastAPI(title="Chronicast", version="1", docs_url=None, redoc_url=None, openapi_url="/helix/openapi.json")
    errors.install(app)
    tokens = Tokens(views.accounts, clock)
    calls = Calls(views, tokens, sending, Limits(clock), publisher)
    helix = APIRouter(responses=errors.ANSWERS)
    for part in (users, chat, moderation, roles, streams, channels, search, social):
        helix.include_router(part.router(calls))
    helix.include_router(publishing.router(calls, playback))
    helix.include_router(clips.router(calls, clips_edge))
    app.include_router(clips.public(calls), prefix="/api", responses=errors.ANSWERS)
    app.include_router(live.public(views), prefix="/api", responses=errors.ANSWERS)
    app.include_router(replay.router(calls, chats), responses=errors.ANSWERS)
    subscriptions = eventsub.router(calls, events)
    helix.include_router(subscriptions)
    app.include_router(subscriptions, include_in_schema=False)  # the command line's stand-in has it here
    app.include_router(eventsub.socket_route(events))
    for n, prefix in enumerate(HELIX):
        app.include_router(helix, prefix=prefix, include_in_schema=n == 0)
    for n, prefix in enumerate(OAUTH):
        app.include_router(oauth.router(tokens), prefix=prefix, include_in_schema=n == 0, responses=errors.ANSWERS)
    return app
