"""An ingest on a memory log and an object store of the test's own, with what it put out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from schemas.event import Event
from schemas.events.channel import ChannelProfile
from schemas.events.media import PartProduced, SegmentProduced
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.clock import now_us
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.keys import hash_of
from streams.edges.ingest.rtmp.chunks import Message
from streams.edges.ingest.server import Ingest
from streams.fold import Clock
from streams.log_memory import MemoryLog
from streams.objects import Objects, StoredObjects
from streams.publisher import Publisher
from tests.rtmp_client import AUDIO, VIDEO, RtmpClient, audio_config, audio_frame, metadata, video_config, video_frame
from tests.synthetic_stream import asc, avcc, picture

KEY = "live_abc123_streamkey"
NODE = "ingest-test-1"
E = TypeVar("E", bound=Event)


def profile(key: str | None = KEY, channel_id: str = "7", retired: tuple[str, ...] = ()) -> ChannelProfile:
    """A channel with a stream key, and former ones."""
    return ChannelProfile(
        channel_id=channel_id,
        login=f"channel{channel_id}",
        display_name="Channel",
        tier="regular",
        client_id="client",
        created_at=1,
        stream_key_hash=hash_of(key) if key else None,
        retired_key_hashes=tuple(hash_of(old) for old in retired),
    )


class Stage:
    """The log and the objects, and ingest processes on them."""

    def __init__(self, objects: Objects | None = None, log: MemoryLog | None = None, clock: Clock = now_us) -> None:
        self.log = log or MemoryLog()
        self.codec = Codec(LocalRegistry())
        self.clock = clock
        self.publisher = Publisher(self.log, self.codec, NODE, clock)
        self.objects = objects or StoredObjects.at("memory://")

    @asynccontextmanager
    async def ingest(self, **config: Any) -> AsyncIterator[Ingest]:
        """A running ingest."""
        settings = {"node": NODE, "region": "test", "port": 0, "grace_s": 60.0, "unpublish_grace_s": 0.2, **config}
        edge = Ingest(IngestConfig(**settings), self.log, self.codec, self.publisher, self.objects, clock=self.clock)
        await edge.start()
        try:
            yield edge
        finally:
            await edge.close()
            await RtmpClient.drop_all()

    def events(self, kind: type[E], topic: str | None = None) -> list[E]:
        """Events of a kind on the log, in the order of their partition."""
        return [event for event in self.all(topic) if isinstance(event, kind)]

    def all(self, topic: str | None = None) -> list[Event]:
        """All events, or a topic's."""
        topics = [topic] if topic else ["media.stream.events.v1", "media.segment.events.v1"]
        return [
            self.codec.decode(record.value)
            for name in topics
            for partition, end in self.log.ends(name).items()
            for records in self.log.read(name, partition, 0, end)
            for record in records
            if record.value
        ]

    async def wait(self, found: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Waits until something is found."""
        deadline = time.monotonic() + seconds
        while not (result := found()):
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.01)
        return result

    def line(self, rendition: str = "source") -> list[int]:
        """Media sequence numbers of a rendition's segments."""
        return [event.media_sequence for event in self.events(SegmentProduced) if event.rendition == rendition]

    def begun(self, rendition: str = "source") -> list[PartProduced]:
        """The parts of a segment whose end is not on the log."""
        whole = set(self.line(rendition))
        return [part for part in self.events(PartProduced) if part.rendition == rendition and part.media_sequence not in whole]


async def send_media(client: RtmpClient, frames: int, *, start_ms: int = 0, with_audio: bool = True, configure: bool = True) -> None:
    """Made-up media at 30 frames a second with a key frame each 2 s, as fast as they can be taken."""
    if configure:
        await client.send(metadata(framerate=30.0, **({"audiocodecid": 10.0} if with_audio else {}), encoder="test"))
        await client.send(Message(VIDEO, 1, start_ms, video_config(avcc())))
        if with_audio:
            await client.send(Message(AUDIO, 1, start_ms, audio_config(asc())))
    audio_ms = float(start_ms)
    for number in range(frames):
        time_ms = start_ms + round(number * 1_000 / 30)
        while with_audio and audio_ms <= time_ms:
            await client.send(Message(AUDIO, 1, round(audio_ms) % (1 << 32), audio_frame(b"\x21\x17")))
            audio_ms += 1_024 / 48
        await client.send(Message(VIDEO, 1, time_ms % (1 << 32), video_frame(picture(number % 60 == 0, number), number % 60 == 0)))
