"""A stream from its push to what is kept of it, while the processes that work on it are killed: nothing is missing, and all of it plays."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Collection

import av
import pytest
from playwright.async_api import Browser

from tests import glass
from tests.browser.test_recorded import LINES, VIDEO, opened, say
from tests.browser.test_vod import archived, play
from tests.chromium import until
from tests.live import LADDER, Stage, answers
from tests.system import Account, System
from tests.viewer import viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KILLED = (("transcoder", "folds"), ("library", "origin"), ("moderation", "transcoder"))
"""By turns: what makes renditions and decides, what keeps and shows, what takes chat."""
BETWEEN_S = 4.0
"""Two segments."""


@pytest.mark.row("T19", "V1", "E6", "E8", "E9", "E14", "K3", "U3")
async def test_nothing_is_lost_of_a_stream_whose_workers_are_killed(browser: Browser, stage: Stage) -> None:
    system, channel = stage.system, await stage.account("partner")
    ann = await stage.account()
    publisher = await stage.publish(channel)
    await answers(f"{system.url}/live/{channel.login}/master.m3u8", LADDER[-1])
    said = {}
    for number, names in enumerate(KILLED):
        await asyncio.sleep(BETWEEN_S)
        said[f"line {number}"] = time.time()
        await say(system, ann, channel, f"line {number}")
        killed = system.pids(*names)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        await replaced(system, names, killed)
    await asyncio.sleep(BETWEEN_S)

    async with viewing(browser, "about:blank") as blank:
        await play(blank.page, system.url, f"/live/{channel.login}/rewind.m3u8")
        await until(blank.page, "video.currentTime > 1")
        clip = await system.answer("clip", "create", channel.login, "--seconds", "6", "--wait", "30")
        await publisher.stop()
        vod = await archived(system.url, channel.login)

        await play(blank.page, system.url, vod["playlist"])
        await until(blank.page, "video.currentTime > 1")
        await blank.page.evaluate("video.currentTime = video.duration - 2")
        await until(blank.page, "video.ended")
        assert await blank.page.evaluate("errors") == []

    async with viewing(browser, f"{system.url}/clips/{clip['clip_id']}") as page:
        await until(page.page, f"{VIDEO}.readyState >= 2")
        assert abs(await page.page.evaluate(f"{VIDEO}.duration") - 6) < 0.1

    page = await opened(browser, f"{system.url}/videos/{vod['vod_id']}")
    await until(page, f"{VIDEO}.readyState >= 2")
    await page.evaluate(f"{VIDEO}.muted = true, {VIDEO}.pause(), {VIDEO}.currentTime = {VIDEO}.duration - 0.1")
    await until(page, f"{LINES}.length === {len(said)}")
    assert await page.evaluate(LINES) == list(said)
    await page.context.close()

    folder = f"{system.url}/vod/{vod['vod_id']}"
    assert await asyncio.to_thread(pictures, f"{folder}/720p30/index.m3u8") == list(range(publisher.sent))
    assert await asyncio.to_thread(steps, f"{folder}/audio/index.m3u8") == {glass.BLOCK}
    for rendition in LADDER[1:]:
        kept = await asyncio.to_thread(pictures, f"{folder}/{rendition}/index.m3u8")
        assert kept == sorted(set(kept)), f"{rendition} is not in order"
        assert len(kept) > publisher.sent // 2, f"{rendition} has only {len(kept)} of {publisher.sent} pictures"
    await asked(system, channel, vod["vod_id"], clip["clip_id"])


async def asked(system: System, channel: Account, vod_id: str, clip_id: str) -> None:
    """What commands say of it."""
    assert [each["vod_id"] for each in await system.answer("vod", "list", "--channel", channel.login)] == [vod_id]
    assert [(each["clip_id"], each["status"]) for each in await system.answer("clip", "list", "--channel", channel.login)] == [
        (clip_id, "ready")
    ]
    for name in (vod_id, clip_id):
        line = await system.answer("lineage", name)
        assert line["holds"], line
        assert len(line["hops"]) > 2
    first, second = [await system.answer("scrub", vod_id) for _ in range(2)]
    assert (first["vods"], first["lost"], second["lost"]) == (1, 0, 0), first
    assert second["mended"] == 0, "what the killed transcoders had not made is there since the first"
    assert second["objects"] > 100
    tables = await system.answer("library", "rebuild")
    assert tables["same"], tables
    assert tables["vods"] >= 1
    assert tables["clips"] >= 1


async def replaced(system: System, names: Collection[str], killed: Collection[int]) -> None:
    """Waits until others run in place of what was killed."""
    deadline = time.monotonic() + 60
    while not all(state.phase == "ready" and state.pid not in killed for state in system.run().services if state.name in names):
        assert time.monotonic() < deadline, f"{names} did not come back"
        await asyncio.sleep(0.1)


def pictures(url: str) -> list[int]:
    """The numbers that a playlist's pictures bear, in its order."""
    with av.open(url) as container:
        return [glass.read(frame.to_ndarray(format="gray"))[1] for frame in container.decode(video=0)]


def steps(url: str) -> set[int]:
    """How far apart a playlist's blocks of sound are, in samples."""
    with av.open(url) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.pts is not None]
        return {after - before for before, after in itertools.pairwise(times)}
