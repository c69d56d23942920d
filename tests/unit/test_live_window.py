"""Three hours live: what lies two hours behind the live edge is in the archive alone, while it is live, and by the events' time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from processors.vod.about import About
from schemas.events import RenditionDeclared, SegmentProduced, SegmentsExpired
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.archive.window import TOPIC, LiveWindow
from streams.log_memory import MemoryLog
from streams.media import address
from streams.objects import StoredObjects
from streams.publisher import Publisher
from streams.reading import whole

BEGAN = 1_767_225_600_000_000
LENGTH_S = 12
HOURS_US = 3_600_000_000
ABOUT = About("42", "s1", "ana", "partner", BEGAN, 1_280, 720, 30.0)
VOD = address.vod_id("s1")


class Live:
    """A session on a log, its objects on a disk."""

    def __init__(self, folder: Path, log: MemoryLog | None = None) -> None:
        self.folder = folder
        self.log, self.registry = log or MemoryLog(), LocalRegistry()
        self.codec = Codec(self.registry)
        self.publisher = Publisher(self.log, self.codec, "test")
        self.objects = StoredObjects.at(f"file://{folder}")

    def window(self, *, knows: int = 0) -> LiveWindow:
        """As a process that starts: it hears of the session, of what was told, and of the last segment."""
        found = LiveWindow(self.log, self.codec, self.objects, Publisher(self.log, self.codec, "archivist"), 2 * HOURS_US)
        found.live(ABOUT)
        for event in self.told():
            found.told(event)
        if knows:
            found.produced(self.segment("source", knows))
        return found

    async def produce(self, numbers: range) -> None:
        for number in numbers:
            for event in self.events(number):
                self.publisher.publish(event)
                if isinstance(event, SegmentProduced):
                    for place in (event.address, address.part("42", "s1", event.rendition, event.media_sequence, 0)):
                        await self.objects.put(place, f"{event.address} {number}".encode())

    def events(self, number: int) -> Iterator[RenditionDeclared | SegmentProduced]:
        """The source's segment, and five seconds later a rendition's."""
        if number == 0:
            yield RenditionDeclared(
                channel_id="42", session_id="s1", rendition="source", kind="video", codecs="avc1.42C01E", part_target_us=200_000,
                width=1_280, height=720, frame_rate=30.0, segment_target_us=12_000_000, timescale=90_000, discontinuity_sequence=0,
                address="42/s1/source/init-0.mp4", size=1, sha256="0", occurred_at=BEGAN,
            )  # fmt: skip
        yield self.segment("source", number)
        if number >= 10:
            late = self.segment("480p30", number)
            yield replace(late, occurred_at=late.occurred_at + 5_000_000)

    def segment(self, rendition: str, number: int) -> SegmentProduced:
        began = BEGAN + number * LENGTH_S * 1_000_000
        return SegmentProduced(
            channel_id="42", session_id="s1", rendition=rendition, media_sequence=500 + number, parts=1,
            decode_time=90_000 * LENGTH_S * number, duration=90_000 * LENGTH_S, timescale=90_000,
            programme_date_time=began, independent=True, discontinuity_sequence=0,
            key_frame_bytes=1, address=address.segment("42", "s1", rendition, 500 + number), size=1, sha256="0", received_at=0, stored_at=0,
            occurred_at=began + LENGTH_S * 1_000_000,
        )  # fmt: skip

    def told(self) -> list[SegmentsExpired]:
        found = [self.codec.decode(record.value) for record in whole(self.log, TOPIC) if record.value is not None]
        return [event for event in found if isinstance(event, SegmentsExpired)]

    async def names(self, folder: str) -> set[str]:
        return set(await self.objects.list(folder))


@pytest.mark.row("V11")
async def test_of_three_hours_live_two_are_live_names_and_the_rest_is_in_the_archive_alone(tmp_path: Path) -> None:
    live = Live(tmp_path)
    segments = 3 * 3_600 // LENGTH_S
    await live.produce(range(segments))
    inodes = {number: os.stat(tmp_path / address.segment("42", "s1", "source", 500 + number)).st_ino for number in range(segments)}
    await live.window(knows=segments - 1).look()
    newest_us = BEGAN + (segments - 1) * LENGTH_S * 1_000_000

    def number_at(ago_s: int) -> int:
        return (newest_us - ago_s * 1_000_000 - BEGAN) // (LENGTH_S * 1_000_000)

    there = await live.names("42/s1")
    for rendition in ("source", "480p30"):
        for number, kept in ((number_at(2 * 3_600 - 60), True), (number_at(2 * 3_600 + 60), False)):  # 1:59 h and 2:01 h ago
            names = {address.segment("42", "s1", rendition, 500 + number), address.part("42", "s1", rendition, 500 + number, 0)}
            assert (names <= there, bool(names & there)) == (kept, kept)
    old = number_at(2 * 3_600 + 60)
    for number in range(old + 1):
        place = tmp_path / address.vod("42", VOD, f"720p30/{address.vod_segment(number + 1)}")
        assert place.stat().st_ino == inodes[number], "the live object itself"
    archived = await live.names(f"42/{VOD}")
    assert archived == {
        address.vod("42", VOD, f"{folder}/{address.vod_segment(number + 1)}")
        for folder, first in (("720p30", 0), ("480p30", 10))
        for number in range(first, number_at(2 * 3_600))
    }
    [told] = live.told()
    assert (told.session_id, told.vod_id, told.segments) == ("s1", VOD, len(archived))
    assert told.before == live.segment("source", number_at(2 * 3_600) - 1).programme_date_time + 1


@pytest.mark.row("V11")
async def test_whoever_starts_again_goes_on_and_what_stands_still_stays(tmp_path: Path) -> None:
    live = Live(tmp_path)
    await live.produce(range(620))
    first = live.window(knows=619)
    await first.look()
    before = await live.names("")
    await first.look()
    again = live.window(knows=619)
    await again.look()
    assert await live.names("") == before
    assert len(live.told()) == 1, "a repeat has nothing to tell"
    await live.produce(range(620, 640))
    again.produced(live.segment("source", 639))
    await again.look()
    assert sum(event.segments for event in live.told()) == len(await live.names(f"42/{VOD}"))
    again.ended("s1")
    left = await live.names("42/s1")
    await live.produce(range(640, 641))
    again.produced(replace(live.segment("source", 640), occurred_at=BEGAN + 10 * HOURS_US))  # of others: much later
    await again.look()
    assert left <= await live.names("42/s1"), "the last two hours of a session that has ended stay"
