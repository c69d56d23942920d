"""Obeys commands: moves VODs between the stores, deletes them, adds renditions; and takes live names away once nobody rewinds to them."""

import asyncio
from collections import deque
from collections.abc import Coroutine

import structlog
from msgspec.structs import replace

from processors.vod.documents import SEGMENTS, read_table
from schemas.event import Event
from schemas.events import DeleteVod, MakeRendition, MoveVod, VodArchived, VodDeleted, VodTierMoved
from sinks.archive.config import ArchiveConfig
from sinks.archive.making import Maker, revised
from sinks.archive.renditions import filled
from sinks.archive.vods import Vod, Vods
from streams.media import address
from streams.objects import ObjectMissingError
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher

logger = structlog.get_logger()
LOOK_S = 30.0
"""Between two looks at what is due, and after a failure. Ages are counted in hours and days."""
TIERS = ("hot", "warm", "cold")
"""In the order in which a VOD comes to them."""
Order = MoveVod | DeleteVod | MakeRendition


class Keeper:
    """Does each command once: what the log tells as done is not done again, and doing it again changes nothing."""

    def __init__(self, objects: TieredObjects, publisher: Publisher, vods: Vods, config: ArchiveConfig) -> None:
        self._objects = objects
        self._publisher = publisher
        self._vods = vods
        self._config = config
        self._orders: deque[Order] = deque()
        self._live: dict[str, tuple[int, str]] = {}
        """When a session's live names go (UTC microseconds), and their folder."""
        self._now = 0
        """Newest event time."""
        self._come = asyncio.Event()

    def passed(self, time: int) -> None:
        """Hears that a time has come, UTC microseconds, by an event: what lies on the log says what is due, not a machine's clock."""
        self._now = max(self._now, time)

    def ordered(self, event: Event) -> None:
        """Hears of a command."""
        if isinstance(event, Order):
            self._orders.append(event)
            self._come.set()

    def told(self, event: Event) -> None:
        """Hears of what has been done."""
        if isinstance(event, VodArchived):
            self._live[event.session_id] = event.ended_at + self._config.live_us, address.vod(event.channel_id, event.session_id)
            self._come.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            await self._work()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._come.wait()
            except TimeoutError:
                pass
            self._come.clear()

    async def _work(self) -> None:
        """Each command, and each live name that is due, once; what fails is left for the next time and holds up nothing of other VODs."""
        left: deque[Order] = deque()
        while self._orders:
            order = self._orders.popleft()
            waits = any(each.vod_id == order.vod_id for each in left)  # a VOD's commands keep their order; its end makes the others void
            if (waits and not isinstance(order, DeleteVod)) or not await self._done(self._obey(order), vod=order.vod_id):
                left.append(order)
        self._orders = left
        for session_id, (due, folder) in list(self._live.items()):
            if due <= self._now and await self._done(self._take_away(due, folder), session=session_id):
                del self._live[session_id]

    async def _done(self, work: Coroutine[None, None, None], **what: str) -> bool:
        """Whether it could be done."""
        try:
            await work
        except Exception:
            logger.exception("tried again", **what)
            return False
        return True

    async def _take_away(self, due: int, folder: str) -> None:
        """Live names that are due; what has been due for longer than the log reaches went long ago."""
        if due > self._now - self._config.reach_us:
            await self._objects.delete(list(await self._objects.list(folder)))

    async def _obey(self, order: Order) -> None:
        vod = self._vods.get(order.vod_id)
        if vod is None:
            return
        match order:
            case MoveVod():
                await self._move(order, vod)
            case DeleteVod():
                await self._delete(order, vod)
            case MakeRendition():
                await self._make(order, vod)

    async def _make(self, order: MakeRendition, vod: Vod) -> None:
        """A rendition; one that is there has been made."""
        if order.rendition in vod.archived.renditions:
            return
        objects = self._objects.at(vod.storage)
        try:
            table = read_table(await objects.get(vod.address(SEGMENTS)))
            recording = await filled(objects, table.recording, order.vod_id, order.rendition)
        except ObjectMissingError:  # trying again does not bring it back
            logger.exception("rendition not made: see ./chronicast scrub", vod=order.vod_id, rendition=order.rendition)
            return
        if recording == table.recording:
            logger.warning("rendition not made: the source does not give it", vod=order.vod_id, rendition=order.rendition)
            return
        made = await Maker(objects).documents(replace(table, recording=recording), vod.about, order.vod_id, vod.archived.revision + 1)
        event = revised(made, vod.archived, vod.about, order.event_id)
        await self._tell(event)
        logger.info("rendition made", vod=order.vod_id, rendition=order.rendition, job=order.job_id)

    async def _move(self, order: MoveVod, vod: Vod) -> None:
        """All objects of a VOD; then the log hears of it."""
        if TIERS.index(order.storage) <= TIERS.index(vod.storage):
            return  # a former command, read again
        moved, size = await self._objects.move(await self._objects.list(vod.address()), order.storage)
        event = VodTierMoved(
            event_id=address.vod_event_id(order.vod_id, order.storage),
            correlation_id=vod.archived.session_id,
            causation_id=order.event_id,
            channel_id=order.channel_id,
            vod_id=order.vod_id,
            storage=order.storage,
            objects=moved,
            size=size,
        )
        await self._tell(event)

    async def _delete(self, order: DeleteVod, vod: Vod) -> None:
        """The folder and its session's live names: all that is of the VOD alone. Clips are objects of their own."""
        folders = (vod.address(), address.vod(vod.archived.channel_id, vod.archived.session_id))
        addresses = [place for folder in folders for place in await self._objects.list(folder)]
        await self._objects.delete(addresses)
        await self._tell(
            VodDeleted(
                event_id=address.vod_event_id(order.vod_id, "deleted"),
                correlation_id=vod.archived.session_id,
                causation_id=order.event_id,
                channel_id=order.channel_id,
                vod_id=order.vod_id,
                reason=order.reason,
                objects=len(addresses),
            )
        )

    async def _tell(self, event: VodArchived | VodTierMoved | VodDeleted) -> None:
        """Tells the log; the next command may come before that tells us."""
        await asyncio.wrap_future(self._publisher.publish(event))
        self._vods.apply(event)
