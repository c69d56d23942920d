"""A rendition that the scheduler takes away: whoever watches it is on another one before it stops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import hls_playlist as hls
import pytest
from playwright.async_api import Browser

from infra.parts import Parts
from schemas.events import JobAssigned, JobPreempted, JobUpgraded
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import OF_EVENT
from tests import glass
from tests.browser.test_abr import throttle
from tests.chromium import until
from tests.live import LADDER, Live
from tests.viewer import Viewer, viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TAKEN = "480p30"
GRACE_S = 30
"""As the scheduler gives (processors/transcode/placement.py)."""
MEGABITS = 2.6
"""A link too narrow for the source, which has 2.5; hls.js goes up to what takes 0.7 of a link, and the rendition takes 1.6."""
HEIGHT = "document.querySelector('video').videoHeight"


class Scheduler(NamedTuple):
    """Says of a live channel's job what the scheduler would where partners need the room."""

    publisher: Publisher
    assigned: JobAssigned

    def take(self) -> None:
        """The rendition goes on for its time, and ends."""
        renditions = tuple(name for name in LADDER[1:] if name != TAKEN)
        self.publisher.publish(JobPreempted(**self._job, renditions=renditions, grace_seconds=GRACE_S)).result()

    def give_back(self) -> None:
        """The whole ladder is made again."""
        self.publisher.publish(JobUpgraded(**self._job, renditions=tuple(LADDER[1:]))).result()

    @property
    def _job(self) -> dict[str, str]:
        job = self.assigned
        return {"channel_id": job.channel_id, "session_id": job.session_id, "job_id": job.job_id, "worker_id": job.worker_id}


@contextlib.asynccontextmanager
async def deciding(live: Live) -> AsyncIterator[Scheduler]:
    """What decides of the channel's job in the block; the ladder is whole after it."""
    with Parts(live.system.settings) as parts:
        session_id = (await live.channel())["session_id"]
        told = [parts.codec.decode(record.value) for record in whole(parts.log, OF_EVENT[JobAssigned].name) if record.value]
        [*_, assigned] = [event for event in told if isinstance(event, JobAssigned) and event.session_id == session_id]
        scheduler = Scheduler(parts.publisher("test"), assigned)
        try:
            yield scheduler
        finally:
            scheduler.give_back()
            await listing(live, there=True)


async def text(url: str) -> str:
    """What an address answers."""
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return await answer.text()


async def listing(live: Live, *, there: bool) -> None:
    """Waits until the master lists the rendition, or does not: a part or two after the decision."""
    async with asyncio.timeout(5):
        while (f"{TAKEN}.m3u8" in await text(live.playlist())) is not there:
            await asyncio.sleep(0.1)


async def media(live: Live) -> hls.Media:
    """The rendition's own playlist."""
    url = live.playlist(f"{TAKEN}.m3u8")
    return hls.media(await text(url), url)


async def narrow(viewer: Viewer, megabits: float) -> None:
    """Limits what the page downloads."""
    devtools = await viewer.page.context.new_cdp_session(viewer.page)
    await devtools.send("Network.enable")
    await throttle(devtools, megabits)


@pytest.mark.row("T14")
async def test_viewers_are_on_another_rendition_before_a_preempted_one_stops(browser: Browser, live: Live) -> None:
    async with deciding(live) as scheduler, viewing(browser, live.page, quality=TAKEN) as viewer:
        page = viewer.page
        await narrow(viewer, MEGABITS)
        await viewer.playing()
        await until(page, f"{HEIGHT} === 480", 30)
        await viewer.sees(2)
        scheduler.take()
        await listing(live, there=False)
        await until(page, f"{HEIGHT} !== 480", GRACE_S / 2)
        scheduler.give_back()
        await until(page, f"{HEIGHT} === 480", GRACE_S / 2)

        await viewer.choose("auto")
        await viewer.sees(6)
        assert await page.evaluate(HEIGHT) == 480

        scheduler.take()
        await listing(live, there=False)
        before = await media(live)
        await until(page, f"{HEIGHT} !== 480", GRACE_S / 2)
        while (now := await media(live)).last < before.last + 2:
            await asyncio.sleep(0.5)
        assert not any(segment.gap for segment in now.segments), "it still goes on"
        async with asyncio.timeout(GRACE_S + 10):
            while not any(segment.gap for segment in (await media(live)).segments):
                await asyncio.sleep(0.5)
        seen = await glass.seen(page)
        assert seen.until_ms - seen.since_ms > GRACE_S * 1000
        assert seen.gaps() == []
        assert await page.evaluate(HEIGHT) == 360
        assert viewer.fatal == []
