"""What recommending knows, followed from the log; pages from it, and the events that tell of them."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from uuid import uuid4

import structlog

from processors.recommend.candidates import LiveIndex
from processors.recommend.embeddings import Past, fit
from processors.recommend.rankers import model
from processors.recommend.recommender import Asked, Recommender
from processors.recommend.state import EVENTS, State
from schemas.event import Event
from schemas.events import RecommendationClicked, RecommendationServed
from schemas.wire import Codec
from sinks.features.store import FeatureStore
from sinks.recommend.featured import Featured
from sinks.recommend.present import Present
from streams.clock import now_us
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.publisher import Publisher
from streams.topics import OF_EVENT

logger = structlog.get_logger()
TOPICS = tuple(dict.fromkeys(OF_EVENT[event].name for event in EVENTS))
REST_S = 2.0
"""Between two looks at the log: a stream is on pages two seconds after it began."""
FIT_S = 60.0
"""Between two looks whether new embeddings are due."""
FEW, SHARE = 20, 0.02
"""Visits since the last fit that make another due: so many at least, and this share of all. A quiet platform fits nothing."""
LOOK_S = 5.0
"""Between two looks at the vectors in Redis, which are made every 10 s."""
REMEMBERED = 10_000
"""Pages whose clicks are taken; beyond, the oldest goes."""


class Recommendations:
    """The view. For one event loop, on which pages are worked out: some milliseconds each, so one that nothing else runs on."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        publisher: Publisher,
        viewers: Callable[[], Mapping[str, int]],
        clock: Clock = now_us,
        *,
        store: FeatureStore | None = None,
    ) -> None:
        """`viewers` gives the newest count by channel, on any thread. Streams are ranked by the store's features, or without one by it."""
        self._publisher = publisher
        self._clock = clock
        self._state = State()
        self._present = Present(viewers)
        self._featured = Featured(store) if store else None
        self._recommender = Recommender(self._state, model())
        self._follower = Follower(log, codec, TOPICS, self._apply, rest_s=REST_S)
        self._fitted = 0
        self._keeping: list[asyncio.Task[None]] = []
        self._pages: dict[str, RecommendationServed] = {}

    async def start(self) -> None:
        """Returns once all that was on the log is known and the first embeddings are made."""
        await self._follower.start()
        await self.fit()
        self._keeping = [asyncio.create_task(self._keep_fitted()), asyncio.create_task(self._keep_featured())]

    async def close(self) -> None:
        """Stops following."""
        for task in self._keeping:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._follower.close()
        if self._featured is not None:
            await self._featured.close()

    async def fit(self) -> None:
        """Makes embeddings of what was watched so far, beside the loop."""
        watches = self._state.audience.watches
        past = Past.of(self._state.audience, self._state.catalog)
        channels = self._state.live.channel[: self._state.live.size].copy()

        def made() -> LiveIndex:
            index = LiveIndex(fit(past, self._state.catalog))
            index.hold(channels)
            return index

        self._recommender.embed(await asyncio.to_thread(made))
        self._fitted = watches

    def page(self, user_id: str | None, limit: int, *, adult: bool) -> RecommendationServed:
        """A page, which is on the log too."""
        now = self._clock()
        observed = self._present.observed(now)
        if observed is not None and self._featured is None:
            self._state.apply(observed)
        self._recommender.refresh(now)
        request_id = str(uuid4())
        page = self._recommender.page(Asked(request_id, now, user_id, limit, adult))
        self._publisher.publish(page)
        if len(self._pages) >= REMEMBERED:
            self._pages.pop(next(iter(self._pages)))
        self._pages[request_id] = page
        return page

    def clicked(self, request_id: str, channel_id: str) -> bool:
        """A stream of a page was opened; False where the page is unknown or does not show it."""
        page = self._pages.get(request_id)
        places = [place for place, item in enumerate(page.items) if item.channel_id == channel_id] if page else []
        if page is None or not places:
            return False
        self._publisher.publish(
            RecommendationClicked(
                user_id=page.user_id, request_id=request_id, channel_id=channel_id, place=places[0], correlation_id=request_id
            )
        )
        return True

    def describe(self, channel_id: str) -> dict[str, object]:
        """What a page shows of a live stream."""
        return {**self._state.describe(channel_id), "viewers": self._present.viewers(channel_id)}

    async def look(self) -> None:
        """Takes the vectors of all live streams in, where there is a store."""
        if self._featured is not None:
            self._state.apply(await self._featured.observed(self._state.live.channels(), self._clock()))

    def _apply(self, event: Event, at: At) -> None:
        self._state.apply(event)

    async def _keep_featured(self) -> None:
        while self._featured is not None:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def _keep_fitted(self) -> None:
        while True:
            await asyncio.sleep(FIT_S)
            since = self._state.audience.watches - self._fitted
            if since >= max(FEW, SHARE * self._fitted):
                await self.fit()
                logger.info("embeddings made", visits=self._fitted)
