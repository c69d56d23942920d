"""The events of the golden log: a platform in small, the same for ever. Integers alone decide, by a generator of our own.

`python -m tests.golden.golden_log` packs them; a change here changes nothing that is pinned before that is run.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256

from msgspec.structs import replace

from schemas import events as e
from schemas.event import Event
from streams.keys import partition_for
from streams.media import address
from streams.topics import CHANNEL_PARTITIONS

FIRST_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""
RENDITIONS = (("source", 1_280, 720), ("480p30", 852, 480), ("audio", 0, 0))
PARTS = 10
CONTENTS = tuple(sha256(bytes([n])).hexdigest() for n in range(16))
"""Hashes that objects have: few, for hashes cannot be packed."""


class Dice:
    """Knuth's MMIX linear congruential generator: the same numbers on any machine and Python."""

    def __init__(self, seed: int) -> None:
        self._state = seed
        for _ in range(3):
            self.below(1)

    def below(self, bound: int) -> int:
        self._state = (self._state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) & 0xFFFF_FFFF_FFFF_FFFF
        return (self._state >> 33) * bound >> 31

    def low(self, bound: int) -> int:
        """Small numbers more often: few channels have most of the viewers."""
        return self.below(self.below(self.below(bound) + 1) + 1)


def events(topic: str, partition: int, count: int) -> Iterator[Event]:
    """The first events of a partition, stamped."""
    story = STORIES[topic](partition, Dice(partition * 1_000 + len(topic)))
    for number in range(count):
        now, event = next(story)
        name = f"{number:08x}-0000-5000-8000-{partition:012x}"
        yield replace(event, event_id=name, occurred_at=now, producer="golden-1", correlation_id=event.correlation_id or name)


def keys(partition: int, count: int, name: Callable[[int], str] = str) -> list[str]:
    """Keys that lie in a partition."""
    found = (name(number) for number in range(1_000_000) if partition_for(name(number).encode(), CHANNEL_PARTITIONS) == partition)
    return [next(found) for _ in range(count)]


def streams(partition: int, dice: Dice) -> Iterator[tuple[int, Event]]:
    """Sessions of channels that begin, drop, come back and end."""
    channels, now, live = keys(partition, 200), FIRST_US, dict[str, tuple[str, int]]()
    sessions = 0
    while True:
        now += 1_000 * dice.below(2_000)
        channel = channels[dice.low(200)]
        step = dice.below(100)
        if channel not in live or step < 2:  # now and then one begins though the former did not end
            sessions += 1
            live[channel] = (f"{partition}-{sessions}", 0)
            tier = ("partner", "affiliate", "regular")[dice.below(3)]
            width, height = ((1_920, 1_080), (1_280, 720), (640, 360))[dice.below(3)]
            yield now, e.StreamStarted(
                correlation_id=live[channel][0], channel_id=channel, session_id=live[channel][0], login=f"c{channel}", tier=tier,
                region="local", ingest_node="ingest-1", encoder="obs", width=width, height=height, frame_rate=30.0 * (1 + dice.below(2)),
                has_audio=bool(dice.below(10)),
            )  # fmt: skip
            continue
        session, sequence = live[channel]
        live[channel] = (session, sequence + 1)
        about = {"correlation_id": session, "channel_id": channel, "session_id": session}
        if step < 40:
            yield now, e.StreamUpdated(**about, title=f"title {dice.below(90)}", category=str(dice.low(300)), language="en")
        elif step < 60:
            yield now, e.StreamInterrupted(**about, reason="connection_lost", media_sequence=sequence)
        elif step < 80:
            size = {"width": 1_280, "height": 720, "frame_rate": 30.0, "has_audio": True}
            yield now, e.StreamResumed(**about, gap_ms=dice.below(9_000), ingest_node="ingest-1", **size)
        else:
            del live[channel]
            counts = {"frames_in": 60 * sequence, "frames_out": 60 * sequence, "frames_dropped": 0, "bytes_in": 9_000 * sequence}
            yield now, e.StreamEnded(**about, reason="unpublished", media_sequence=sequence, media_ms=2_000 * sequence, **counts)


def capacity(partition: int, dice: Dice) -> Iterator[tuple[int, Event]]:
    """Heartbeats of workers, ticks, and sessions that want renditions."""
    [region], now, sessions = keys(partition, 1, lambda n: f"region-{n}"), FIRST_US, list[str]()
    begun = 0
    while True:
        now += 1_000_000
        yield now, e.Tick()
        for worker in range(4):
            if dice.below(200):  # one beat in two hundred is lost
                about = {"region": region, "worker_id": f"worker-{worker}", "capacity": 400.0, "sessions": ()}
                yield now + 1_000 * dice.below(200), e.WorkerHeartbeat(**about, draining=False)
        chance = dice.below(12)
        if chance < 2 and len(sessions) < 12:
            begun += 1
            sessions.append(f"{partition}-{begun}")
            size = {"width": 1_280, "height": 720, "frame_rate": 30.0 * (1 + dice.below(2))}
            tier = ("partner", "affiliate")[dice.below(2)]
            yield now, e.TranscodeRequested(region=region, channel_id=str(begun), session_id=sessions[-1], tier=tier, **size)
        elif chance == 3 and sessions:
            gone = sessions.pop(dice.below(len(sessions)))
            yield now, e.TranscodeCancelled(region=region, channel_id=gone.split("-")[1], session_id=gone, reason="unpublished")
        elif chance == 4 and sessions and not dice.below(5):
            gone = sessions[dice.below(len(sessions))]
            about = {"region": region, "channel_id": gone.split("-")[1], "session_id": gone}
            yield now, e.EncoderReported(**about, worker_id=f"worker-{dice.below(4)}", cause="died")
        elif chance == 5 and not dice.below(20):
            yield now, e.WorkerStopped(region=region, worker_id=f"worker-{dice.below(4)}")


def segments(partition: int, dice: Dice) -> Iterator[tuple[int, Event]]:
    """Parts and segments of a few channels that are always live, in sessions of a hundred segments."""
    channels, now = keys(partition, 3), FIRST_US
    for round_ in range(1_000_000):
        now += 2_000_000
        for channel in channels:
            session = f"{channel}-{round_ // 100}"
            yield from _segment(dice, (channel, session), round_, now)


def _segment(dice: Dice, at: tuple[str, str], sequence: int, now: int) -> Iterator[tuple[int, Event]]:
    """One segment of a channel in all renditions."""
    channel, session = at
    for rendition, width, height in RENDITIONS:
        about = {"correlation_id": session, "channel_id": channel, "session_id": session, "rendition": rendition}
        timescale = 90_000 if width else 48_000
        if not sequence % 8:
            size = {"width": width, "height": height, "frame_rate": 30.0} if width else {"sample_rate": 48_000, "channels": 2}
            yield now, e.RenditionDeclared(
                **about, **size, kind="video" if width else "audio", codecs="avc1.64001f" if width else "mp4a.40.2", bit_rate=128_000,
                part_target_us=200_000, segment_target_us=2_000_000, timescale=timescale, discontinuity_sequence=0,
                address=address.init(channel, session, rendition, 0), size=700, sha256=CONTENTS[0],
            )  # fmt: skip
        shared = {**about, "media_sequence": sequence, "timescale": timescale, "discontinuity_sequence": 0}
        for part in range(PARTS):
            at_us = now + part * 200_000
            yield at_us, e.PartProduced(
                **shared, part=part, decode_time=(sequence * PARTS + part) * timescale // 5, duration=timescale // 5,
                programme_date_time=at_us, independent=part == 0, address=address.part(channel, session, rendition, sequence, part),
                size=9_000 + dice.below(16), sha256=CONTENTS[dice.below(16)], received_at=at_us + 200_000, stored_at=at_us + 201_000,
            )  # fmt: skip
        yield now + 2_000_000, e.SegmentProduced(
            **shared, parts=PARTS, decode_time=sequence * 2 * timescale, duration=2 * timescale, programme_date_time=now, independent=True,
            key_frame_bytes=3_000, address=address.segment(channel, session, rendition, sequence), size=90_000 + dice.below(16),
            sha256=CONTENTS[dice.below(16)], received_at=now + 2_000_000, stored_at=now + 2_001_000,
        )  # fmt: skip


STORIES: dict[str, Callable[[int, Dice], Iterator[tuple[int, Event]]]] = {
    "media.stream.events.v1": streams,
    "media.capacity.commands.v1": capacity,
    "media.segment.events.v1": segments,
}
