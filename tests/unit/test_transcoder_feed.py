"""What a job sees of its session."""

import asyncio

import pytest

from schemas.events import PartProduced, RenditionDeclared, SegmentProduced
from sinks.transcoder.feed import KEPT_SEGMENTS, Feed, FellBehindError

COMMON = {
    "channel_id": "7",
    "session_id": "s",
    "timescale": 90_000,
    "programme_date_time": 0,
    "size": 1,
    "sha256": "",
    "received_at": 0,
    "stored_at": 0,
}


def part(number, index=0, rendition="source", independent=None, discontinuity=0):
    return PartProduced(
        **COMMON, rendition=rendition, media_sequence=number, part=index, decode_time=number * 180_000 + index * 18_000, duration=18_000,
        independent=index == 0 if independent is None else independent, discontinuity_sequence=discontinuity, address=f"{number}.{index}",
    )  # fmt: skip


def segment(number):
    return SegmentProduced(
        **COMMON, rendition="source", media_sequence=number, parts=2, decode_time=number * 180_000, duration=36_000, independent=True,
        discontinuity_sequence=0, address=f"{number}",
    )  # fmt: skip


def declared(rendition="source", discontinuity=0):
    return RenditionDeclared(
        channel_id="7", session_id="s", rendition=rendition, kind="video", codecs="avc1", part_target_us=1, segment_target_us=1,
        timescale=90_000, discontinuity_sequence=discontinuity, address="init", size=1, sha256="",
    )  # fmt: skip


@pytest.fixture
async def feed():
    feed = Feed()
    feed.add(declared(), 1)
    return feed


def fill(feed, *numbers):
    for number in numbers:
        for event in (part(number), part(number, 1), segment(number)):
            feed.add(event, 1)


async def begun(feed, after=-1, **given):
    """Media sequence at which a job begins; None where it waits."""
    try:
        async with asyncio.timeout(0.01):
            return (await feed.wait(await feed.start(after, **given))).event.media_sequence
    except TimeoutError:
        return None


@pytest.mark.row("T19")
async def test_job_begins_with_the_earliest_segment_that_it_can_still_catch_up_with(feed):
    fill(feed, 10, 11, 12)
    assert await begun(feed) == 11
    assert await begun(feed, within=1) == 12
    assert await begun(feed, after=11) == 12
    assert await begun(feed, after=12) is None


async def test_job_waits_for_a_key_frame_and_for_the_sources_declaration(feed):
    feed.add(part(10, independent=False), 1)
    feed.add(part(11, discontinuity=1), 1)
    assert await begun(feed) is None
    feed.add(declared(discontinuity=1), 1)
    feed.add(part(11, 1, discontinuity=1), 1)
    assert await begun(feed) == 11


async def test_waiting_job_is_woken_by_what_comes(feed):
    waiting = asyncio.create_task(feed.start(-1))
    await asyncio.sleep(0)
    fill(feed, 10)
    index = await waiting
    following = [await feed.wait(index + step) for step in range(3)]
    assert [entry.event for entry in following] == [part(10), part(10, 1), segment(10)]


async def test_what_is_no_longer_kept_is_said_so(feed):
    fill(feed, *range(10, 12 + KEPT_SEGMENTS))
    with pytest.raises(FellBehindError):
        await feed.wait(0)


async def test_feed_knows_what_others_have_made(feed):
    feed.add(part(10, rendition="480p30"), 1)
    feed.add(part(9, 1, rendition="480p30"), 1)
    feed.add(declared("480p30"), 7)
    assert feed.made == {"480p30": 10}
    assert ("480p30", 0) in feed.declared
    assert feed.touched == 7
    assert feed.newest == -1, "nothing came of the source"


async def test_lag_is_media_time_within_a_discontinuity(feed):
    fill(feed, 10, 12)
    assert feed.lag(part(10)) == 4.0
    feed.add(part(13, discontinuity=1), 1)
    assert feed.lag(part(10)) == 0.0
