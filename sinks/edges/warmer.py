"""Fetches the beginning of a popular channel's stream through edges, so that it lies in their caches when viewers come."""

import asyncio
import re
from urllib.parse import urljoin

import aiohttp
import structlog

from processors.routing.edges import popular, warmed
from processors.routing.regions import Edge
from schemas.event import Event
from schemas.events import EdgesWarmed, StreamStarted
from schemas.events.media import WarmedEdge
from sinks.edges.admission import Admissions
from sinks.edges.health import Health
from sinks.helix.views import Views
from streams.clock import now_us
from streams.errors import StreamingError
from streams.fold import At, Clock
from streams.publisher import Publisher

logger = structlog.get_logger()
FRESH_US = 60_000_000
"""A start that is older was read from the log, not seen: its viewers have come already."""
TRIES, PAUSE_S = 10, 1.0
"""The first segment is whole 2 to 3 s after the start; an encoder that sends nothing for so long has no beginning to fetch."""
TIMEOUT_S = 15.0
"""For one answer: the origin waits up to 6 s for a session's first segment."""
REFERENCE = re.compile(r'^#EXT-X-(?:MEDIA|MAP):.*?URI="([^"]+)"|^([^#\s]\S*)$', re.MULTILINE)
"""Addresses in a playlist: of renditions in a master; of the initialisation segment and the segments, the oldest first, in another."""


class NotThereError(Exception):
    """The stream's beginning could not be fetched."""


class Warmer:
    """Hears of streams that begin. For one event loop."""

    def __init__(self, views: Views, health: Health, publisher: Publisher, admissions: Admissions, clock: Clock = now_us) -> None:
        self._views = views
        self._health = health
        self._publisher = publisher
        self._admissions = admissions
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def heard(self, event: Event, at: At) -> None:
        """Takes an event of the log, once the views have it."""
        if isinstance(event, StreamStarted) and self._clock() - event.occurred_at < FRESH_US:
            directory, led = self._views.directory, self._views.routes.led(event.channel_id)
            followers, viewers = len(directory.followers(event.channel_id)), directory.most(event.channel_id)
            if popular(followers, viewers, led.total()):
                edges = warmed(self._health.edges, self._health.ready, led)
                task = asyncio.create_task(self._warm(event, followers, viewers, [(edge, led[edge.node_id]) for edge in edges]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leaves what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _warm(self, event: StreamStarted, followers: int, viewers: int, edges: list[tuple[Edge, int]]) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as client:
            found = await asyncio.gather(*(self._through(client, event, edge, led) for edge, led in edges))
        told = EdgesWarmed(
            channel_id=event.channel_id,
            session_id=event.session_id,
            followers=followers,
            viewers=viewers,
            edges=tuple(found),
            correlation_id=event.session_id,
            causation_id=event.event_id,
        )
        try:
            self._publisher.publish(told)
        except StreamingError as cause:  # the edges have it all the same
            logger.warning("warmed edges were not told to the log", cause=str(cause))

    async def _through(self, client: aiohttp.ClientSession, event: StreamStarted, edge: Edge, led: int) -> WarmedEdge:
        """Fetches through one edge: again where the beginning is not there yet, and for as long as further renditions come."""
        sizes: dict[str, int] = {}
        failure = ""
        folder = self._admissions.beginning(event.channel_id).folder
        for _ in range(TRIES):
            before = len(sizes)
            try:
                await beginning(client, f"{edge.url}{folder}/live/{event.login}/master.m3u8?latency=normal", event.session_id, sizes)
                failure = ""
            except (NotThereError, aiohttp.ClientError, TimeoutError) as cause:
                failure = str(cause) or type(cause).__name__
            if sizes and len(sizes) == before:
                break
            await asyncio.sleep(PAUSE_S)
        took_us = self._clock() - event.occurred_at
        return WarmedEdge(
            node_id=edge.node_id, assigned=led, objects=len(sizes), bytes=sum(sizes.values()), took_us=took_us, failure=failure[:200]
        )


async def beginning(client: aiohttp.ClientSession, master: str, session_id: str, sizes: dict[str, int]) -> None:
    """Fetches initialisation and first segment of each rendition that a master lists, and notes their sizes by address.

    Raises:
        NotThereError: an answer is an error, or none lists a segment of the session.
    """
    for playlist in _addresses(await _get(client, master), master):
        of_session = [each for each in _addresses(await _get(client, playlist), playlist) if f"/{session_id}/" in each]
        folder = of_session[0].rpartition("/")[0] if of_session else ""
        if folder and not any(each.startswith(f"{folder}/") for each in sizes):
            sizes |= {each: len(await _get(client, each)) for each in of_session[:2]}
    if not sizes:
        raise NotThereError(f"{session_id} has no segment yet")


async def _get(client: aiohttp.ClientSession, url: str) -> bytes:
    async with client.get(url) as answer:
        if not answer.ok:
            raise NotThereError(f"{answer.status} for {answer.url.name}")
        return await answer.read()


def _addresses(playlist: bytes, base: str) -> list[str]:
    """Each once: sound is a rendition of its own and a part of others."""
    found = REFERENCE.finditer(playlist.decode(errors="replace"))
    return list(dict.fromkeys(urljoin(base, each[1] or each[2]) for each in found))
