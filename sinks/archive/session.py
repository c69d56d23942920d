"""The media of one session, read from the log when somebody needs all of it."""

from collections.abc import Callable, Iterator

from processors.vod.recording import Recorder, Recording, named_as
from schemas.event import Event
from schemas.events import RenditionDeclared, SegmentProduced, StreamStarted
from schemas.wire import Codec
from streams.fold import At
from streams.keys import partition_for
from streams.log import Record, Source
from streams.topics import PARTITIONS

SEGMENTS = "media.segment.events.v1"
STREAMS = "media.stream.events.v1"
BEGINNING_US = 30_000_000
"""Of a session: what a rendition adds later never lies before what the source has then."""
WANTED = {event.SCHEMA.encode() for event in (RenditionDeclared, SegmentProduced)}
"""Types that a recording is made of; parts, ten for each segment, are not even decoded."""
EARLY_MS = 60_000
"""The first media are cut before the session's tracks are known, so before its StreamStarted."""


def wanted(record: Record) -> bool:
    """Whether a record of the segment topic tells of a whole segment or a rendition."""
    return any(name == "ce_type" and value in WANTED for name, value in record.headers)


def recorded(log: Source, codec: Codec, channel_id: str, session_id: str, since_us: int) -> Recorder:
    """What the log has of a session since a wall clock. Blocks."""
    recorder = Recorder(channel_id, session_id)
    for event in segment_events(log, codec, channel_id, since_us):
        recorder.add(event)
    return recorder


def begun(log: Source, codec: Codec, channel_id: str, session_id: str, started_at: int) -> Recording | None:
    """The first half minute of a session: it has the number and the folder with which the whole recording begins. Blocks."""
    recorder = Recorder(channel_id, session_id)
    for event in segment_events(log, codec, channel_id, started_at):
        if isinstance(event, SegmentProduced) and event.programme_date_time > started_at + BEGINNING_US:
            break
        recorder.add(event)
    return recorder.recording()


def as_archived(log: Source, codec: Codec, part: Recording) -> Recording:
    """A part of a session without VOD, under the names that the archive has for it already, or will have. Blocks."""
    for event, _ in channel_events(log, codec, STREAMS, part.channel_id):
        if isinstance(event, StreamStarted) and event.session_id == part.session_id:
            whole = begun(log, codec, part.channel_id, part.session_id, event.occurred_at)
            return part if whole is None else named_as(part, whole)
    return part


def segment_events(log: Source, codec: Codec, channel_id: str, since_us: int) -> Iterator[Event]:
    """A channel's declarations and segments on the log since a wall clock. Blocks."""
    return (event for event, _ in channel_events(log, codec, SEGMENTS, channel_id, since_us, wanted=wanted))


def channel_events(
    log: Source, codec: Codec, topic: str, channel_id: str, since_us: int = 0, *, wanted: Callable[[Record], bool] | None = None
) -> Iterator[tuple[Event, At]]:
    """A channel's events on a topic since a wall clock, and where they lie. Blocks."""
    key = channel_id.encode()
    partition = partition_for(key, PARTITIONS[topic])
    start = log.starts_at(topic, since_us // 1_000 - EARLY_MS if since_us else None)[partition]
    for batch in log.read(topic, partition, start, log.ends(topic)[partition]):
        for record in batch:
            if record.key == key and record.value is not None and (wanted is None or wanted(record)):
                event = codec.decode(record.value)
                yield event, At(record.topic, record.partition, record.offset, event.occurred_at)
