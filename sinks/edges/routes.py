"""`/api/playback/{login}`: the address at which a viewer watches best."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response

from processors.routing.edges import assigned, seen
from processors.routing.regions import REGIONS
from schemas.events import ChannelProfile
from sinks.edges.admission import Admissions
from sinks.edges.health import Health
from sinks.helix.errors import HelixError, bad_request, not_found, unauthorized
from sinks.helix.tokens import Tokens
from sinks.helix.views import Views
from streams.clock import now_us
from streams.publisher import Publisher

MOST_RTTS = 100
"""Round trips that a viewer may give."""
LONGEST_US = 60_000_000


def router(views: Views, health: Health, publisher: Publisher, admissions: Admissions) -> APIRouter:
    """The routes, for anybody; a restricted channel's answer depends on who asks."""
    routes = APIRouter(tags=["playback"])
    tokens = Tokens(views.accounts, now_us)

    def viewer(authorization: str) -> ChannelProfile | None:
        """Who asks, if he says so."""
        token = authorization.partition(" ")[2].strip()
        caller = tokens.caller(token) if token else None
        if authorization and caller is None:
            unauthorized()
        return caller.user if caller is not None else None

    @routes.get("/api/playback/{login}")
    async def playback(
        *,
        response: Response,
        login: str,
        latency: Literal["low", "normal"] = "normal",
        region: Annotated[str, Query(description="Where the viewer is, by the code of an airport near him.")] = "",
        latitude: Annotated[float | None, Query(ge=-90, le=90)] = None,
        longitude: Annotated[float | None, Query(ge=-180, le=180)] = None,
        rtt: Annotated[
            list[str], Query(default_factory=list, max_length=MOST_RTTS, description="A measured round trip: `EDGE:MICROSECONDS`.")
        ],
        mature: Annotated[bool, Query(description="The viewer has confirmed that mature content is fine.")] = False,
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        """The playback URL at the nearest edge that answers. The choice is written down with all that it was made from.

        Of a restricted channel it is signed and ends after `expires_in` seconds: ask again before. `pass` is the folder that it begins
        with, which opens the channel's VODs and clips at that edge too.
        """
        channel = views.accounts.by_login(login.lower())
        if channel is None:
            not_found(f"There is no channel {login[:100]!r}: check the spelling")
        if region and region not in REGIONS:
            bad_request(f"region: {region[:20]!r} is not known: one of {', '.join(sorted(REGIONS))}, or latitude and longitude")
        admission = admissions.of(channel, viewer(authorization), mature=mature)
        place = (latitude, longitude) if latitude is not None and longitude is not None else REGIONS.get(region)
        decision = assigned(channel.channel_id, place, seen(health.edges, health.ready, place, dict(map(_measured, rtt))))
        publisher.publish(decision)
        edge = next((each for each in health.edges if each.node_id == decision.node_id), None)
        if edge is None:
            raise HelixError(HTTPStatus.SERVICE_UNAVAILABLE, "No edge answers now", {"Retry-After": "5"})
        slow = "?latency=normal" if latency == "normal" else ""
        response.headers["Cache-Control"] = "no-store"
        return {
            "url": f"{edge.url}{admission.folder}/live/{channel.login}/master.m3u8{slow}",
            "edge": edge.node_id,
            "region": edge.region,
            "latency": latency,
            "pass": admission.folder,
            "expires_in": admission.expires_in_s,
        }

    return routes


def _measured(text: str) -> tuple[str, int]:
    """(edge, microseconds) of a given round trip."""
    name, _, number = text.rpartition(":")
    if not name or not (number.isascii() and number.isdecimal() and len(number) <= 8 and int(number) <= LONGEST_US):
        bad_request(f"rtt: {text[:100]!r} is no round trip: EDGE:MICROSECONDS, {LONGEST_US} at most")
    return name, int(number)
