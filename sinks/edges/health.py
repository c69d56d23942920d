"""Which edges answer, asked again and again over HTTP."""

import asyncio
from collections.abc import Sequence

import aiohttp
import structlog

from processors.routing.regions import Edge

logger = structlog.get_logger()
LOOK_S = 5.0
"""Between two looks: an edge that died is passed over after so long and a time-out."""
TIMEOUT_S = 2.0
"""An edge on the other side of the world answers in a third of a second."""


class Health:
    """The edges. For one event loop."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self.edges = tuple(edges)
        self.ready: frozenset[str] = frozenset(edge.node_id for edge in edges)
        """Ids of those that answered last; of a single one nothing is asked, for there is no choice."""
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns after the first look."""
        if len(self.edges) > 1:
            await self.look()
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Looks no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def look(self) -> None:
        """Asks each edge whether it and the origin behind it are ready."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as client:
            answers = await asyncio.gather(*(_answers(client, edge) for edge in self.edges))
        ready = frozenset(edge.node_id for edge, answer in zip(self.edges, answers, strict=True) if answer)
        if ready != self.ready:
            logger.info("edges that answer", ready=sorted(ready), lost=sorted(self.ready - ready))
        self.ready = ready

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()


async def _answers(client: aiohttp.ClientSession, edge: Edge) -> bool:
    try:
        async with client.get(f"{edge.url}/readyz") as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
