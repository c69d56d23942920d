"""The ingest edge when its surroundings fail it, and when clients speak unusual dialects."""

import asyncio
from typing import Any

import pytest

from schemas.events.media import IngestRejected, PartProduced, RenditionDeclared, StreamEnded, StreamInterrupted, StreamStarted
from streams.clock import now_us
from streams.edges.ingest.rtmp import connection
from streams.edges.ingest.rtmp.chunks import Message
from streams.errors import BacklogFullError
from streams.log_memory import MemoryLog
from tests.ingest_stage import KEY, NODE, Stage, profile, send_media
from tests.rtmp_client import VIDEO, RtmpClient, metadata, opening
from tests.synthetic_stream import avcc, picture


async def test_a_session_of_a_node_that_was_away_for_long_is_ended_at_once() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    started = StreamStarted(
        occurred_at=now_us() - 3_600_000_000,
        channel_id="7",
        session_id="old",
        login="channel7",
        tier="regular",
        region="test",
        ingest_node=NODE,
        width=640,
        height=360,
        frame_rate=30.0,
        has_audio=True,
    )
    stage.publisher.publish(started)
    async with stage.ingest():
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert (ended.session_id, ended.reason, ended.media_sequence) == ("old", "node_lost", -1)


class FullLog(MemoryLog):
    """A log whose producer takes no more media events, as when its broker is away for long."""

    full = True

    def append(self, topic: str, *arguments: Any, **keywords: Any) -> Any:
        if self.full and topic == "media.segment.events.v1":
            raise BacklogFullError("200,000 records wait for the broker")
        return super().append(topic, *arguments, **keywords)


async def test_events_wait_in_order_while_the_producer_takes_none() -> None:
    log = FullLog()
    stage = Stage(log=log)
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await asyncio.sleep(0.1)
        assert not stage.all("media.segment.events.v1")
        log.full = False
        await client.leave()
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert (ended.frames_out, ended.frames_dropped) == (90, 0)
    assert isinstance(stage.all("media.segment.events.v1")[0], RenditionDeclared)
    assert len(stage.line()) == 2


async def test_silent_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PUBLISH_TIMEOUT_S", 1.0)
    monkeypatch.setattr(connection, "IDLE_TIMEOUT_S", 1.2)
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest(no_video_s=10.0) as edge:
        undecided, publishing = await RtmpClient.open(edge.port), await RtmpClient.open(edge.port)
        assert await publishing.publish(KEY) == "NetStream.Publish.Start"
        await send_media(publishing, 30)
        assert await undecided.status() == "NetStream.Publish.BadName"
        assert await publishing.status() == "NetConnection.Connect.IdleTimeOut"
        await undecided.closed()
        await publishing.closed()
        assert (await stage.wait(lambda: stage.events(StreamInterrupted)))[0].reason == "timeout"
    assert [event.reason for event in stage.events(IngestRejected)] == ["protocol_error"]


async def test_commands_in_amf3_messages_are_understood() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        for message in opening(KEY):
            await client.send(message._replace(kind=17, payload=b"\0" + message.payload))
        assert await client.status() == "NetStream.Publish.Start"


@pytest.mark.parametrize("head", [b"\x91avc1\0\0\0", b"\x93avc1"])
async def test_enhanced_tags_of_h264_are_taken(head: bytes) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await client.send(metadata(framerate=30.0))
        await client.send(Message(VIDEO, 1, 0, b"\x90avc1" + avcc()))
        for number in range(30):
            first = head[0] if number == 0 else head[0] ^ 0x30  # frame type 1 is a key frame, 2 another
            await client.send(Message(VIDEO, 1, 33 * number, bytes([first]) + head[1:] + picture(number == 0, number)))
        await stage.wait(lambda: stage.events(PartProduced))
    assert not stage.events(IngestRejected)
    assert stage.events(StreamStarted)[0].has_audio is False
