"""A live stream while its broker dies and comes back."""

import asyncio
import itertools

import pytest

from schemas.events.media import PartProduced, SegmentProduced, StreamEnded
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.server import Ingest
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.objects import StoredObjects
from streams.publisher import Publisher
from tests.ingest_stage import KEY, NODE, profile, send_media
from tests.rtmp_client import RtmpClient

pytestmark = pytest.mark.broker
TURNS = 6
"""Of five seconds of media, while the broker is away: in real time with `--soak`."""


async def test_a_publisher_does_not_notice_that_the_broker_is_away_and_no_event_is_lost(private_kafka, request) -> None:
    turn_s = 5.0 if request.config.getoption("--soak") else 0.5
    ensure_topics(private_kafka.bootstrap)
    log, codec, objects = KafkaLog(private_kafka.bootstrap), Codec(LocalRegistry()), StoredObjects.at("memory://")
    publisher = Publisher(log, codec, NODE)
    publisher.publish(profile()).result(20)
    edge = Ingest(
        IngestConfig(node=NODE, region="test", port=0, grace_s=60.0, unpublish_grace_s=0.1, part_age_s=600.0),
        log,
        codec,
        publisher,
        objects,
    )
    await edge.start()
    client = await RtmpClient.open(edge.port)
    assert await client.publish(KEY) == "NetStream.Publish.Start"
    await send_media(client, 150)
    await asyncio.to_thread(private_kafka.kill)
    turns = itertools.count(1)
    for turn in itertools.islice(turns, TURNS):
        await send_media(client, 150, start_ms=turn * 5_000, configure=False)
        await asyncio.sleep(turn_s)
    starting = asyncio.create_task(asyncio.to_thread(private_kafka.start))
    while not starting.done():
        await send_media(client, 150, start_ms=next(turns) * 5_000, configure=False)
        await asyncio.wait((starting,), timeout=turn_s)
    await starting
    await client.leave()
    await asyncio.sleep(2)
    await edge.close()
    assert await asyncio.to_thread(log.flush, 60)
    events = [
        codec.decode(record.value or b"")
        for topic in ("media.stream.events.v1", "media.segment.events.v1")
        for partition, end in log.ends(topic).items()
        for records in log.read(topic, partition, 0, end)
        for record in records
    ]
    log.close()
    [ended] = [event for event in events if isinstance(event, StreamEnded)]
    sent = 150 * next(turns)
    assert (ended.frames_in, ended.frames_out, ended.frames_dropped) == (sent, sent, 0)
    for rendition in ("source", "audio"):
        segments = [event for event in events if isinstance(event, SegmentProduced) and event.rendition == rendition]
        parts = [(event.media_sequence, event.part) for event in events if isinstance(event, PartProduced) and event.rendition == rendition]
        first = segments[0].media_sequence
        assert [event.media_sequence for event in segments] == list(range(first, first + len(segments)))
        assert parts == [(event.media_sequence, part) for event in segments for part in range(event.parts)]
