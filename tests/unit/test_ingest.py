"""The ingest edge over loopback: who may publish, and what becomes of sessions."""

import asyncio
import hashlib
import logging
from contextlib import suppress
from itertools import pairwise

import pytest
import structlog
from msgspec.structs import replace

from schemas.events.media import (
    IngestRejected,
    PartProduced,
    RenditionDeclared,
    SegmentProduced,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    StreamTierChanged,
)
from streams.edges.ingest.rtmp.chunks import Message
from streams.media import fmp4_reader
from streams.objects import ObjectMissingError, StoredObjects
from streams.publisher import Publisher
from tests.ingest_stage import KEY, NODE, Stage, profile, send_media
from tests.partial_log import topics_of
from tests.rtmp_client import VIDEO, RtmpClient, command, opening, video_frame
from tests.synthetic_stream import picture


async def test_a_published_stream_is_on_the_log_and_what_the_log_names_exists() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        assert await client.publish(KEY) == "NetStream.Publish.Start"
        await send_media(client, 150)
        await client.leave()
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    started = stage.events(StreamStarted)[0]
    assert (started.login, started.width, started.height, started.frame_rate, started.has_audio) == ("channel7", 640, 360, 30.0, True)
    assert (started.encoder, started.ingest_node, started.region) == ("test", NODE, "test")
    assert (ended.reason, ended.frames_in, ended.frames_out, ended.frames_dropped) == ("unpublished", 150, 150, 0)
    assert ended.media_ms == 5_000
    parts, segments, declared = stage.events(PartProduced), stage.events(SegmentProduced), stage.events(RenditionDeclared)
    assert {event.rendition for event in declared} == {"source", "audio"}
    for event in (*parts, *segments, *declared):
        data = await stage.objects.get(event.address)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (event.size, event.sha256)
        assert event.correlation_id == event.session_id == started.session_id
    for segment in segments:
        own = [part for part in parts if (part.rendition, part.media_sequence) == (segment.rendition, segment.media_sequence)]
        assert len(own) == segment.parts
        assert await stage.objects.get(segment.address) == b"".join([await stage.objects.get(part.address) for part in own])
        assert segment.programme_date_time == own[0].programme_date_time
    for part in parts:
        assert part.received_at <= part.stored_at == part.occurred_at
    assert (
        len({part.programme_date_time * part.timescale - part.decode_time * 1_000_000 for part in parts if part.rendition == "source"}) == 1
    )


async def test_declarations_come_first_and_are_repeated() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 60 * 9)
        await stage.wait(lambda: len(stage.line()) == 8)
        await client.drop()
    media = [event for event in stage.all("media.segment.events.v1") if event.rendition == "source"]
    assert isinstance(media[0], RenditionDeclared)
    repeats = [number for number, event in enumerate(media) if isinstance(event, RenditionDeclared)]
    assert len(repeats) == 2
    assert isinstance(media[repeats[1] - 1], SegmentProduced)
    assert media[0].address == media[repeats[1]].address
    assert media[0].event_id != media[repeats[1]].event_id


@pytest.mark.row("I2", "I3")
@pytest.mark.parametrize(
    ("key", "current", "reason", "channel"),
    [
        ("live_wrong", KEY, "unknown_key", None),
        ("live_former", KEY, "rotated_key", "7"),
        ("live_former", None, "revoked_key", "7"),
        ("", KEY, "malformed_key", None),
        ("live abc", KEY, "malformed_key", None),
        ("x" * 500, KEY, "malformed_key", None),
    ],
)
async def test_a_wrong_key_is_refused_before_media_and_told(key: str, current: str | None, reason: str, channel: str | None) -> None:
    stage = Stage()
    stage.publisher.publish(profile(current, retired=("live_former",)))
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        assert await client.publish(key) == "NetStream.Publish.BadName"
        await client.closed()
    rejected = stage.events(IngestRejected)
    assert [(event.reason, event.channel_id, event.ingest_node) for event in rejected] == [(reason, channel, NODE)]
    assert not key or key not in str(rejected)
    assert not stage.all("media.segment.events.v1")


@pytest.mark.row("I2")
async def test_the_key_is_in_no_event_and_no_log_line(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage()
    stage.publisher.publish(profile(retired=("live_former_key",)))
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as lines:
        async with stage.ingest() as edge:
            for key in (KEY, "live_former_key", "live_wrong_key"):
                client = await RtmpClient.open(edge.port)
                if await client.publish(key) == "NetStream.Publish.Start":
                    await send_media(client, 10)
                    await client.raw(b"\xff" * 100)
                await client.closed()
            await stage.wait(lambda: stage.events(StreamInterrupted))
    assert lines
    captured = capsys.readouterr()
    told = str(lines) + captured.out + captured.err + caplog.text
    for topic in ("media.stream.events.v1", "media.segment.events.v1"):
        for partition, end in stage.log.ends(topic).items():
            told += str(list(stage.log.read(topic, partition, 0, end)))
    for key in (KEY, "live_former_key", "live_wrong_key"):
        assert key not in told


async def test_a_hammering_client_does_not_flood_the_log() -> None:
    stage = Stage()
    async with stage.ingest() as edge:
        for _ in range(30):
            client = await RtmpClient.open(edge.port)
            assert await client.publish("live_wrong") == "NetStream.Publish.BadName"
            await client.drop()
    assert len(stage.events(IngestRejected)) == 5


@pytest.mark.row("I1")
async def test_a_publisher_that_returns_goes_on_with_its_session() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        first = await RtmpClient.open(edge.port)
        await first.publish(KEY)
        await send_media(first, 150)
        await first.drop()
        interrupted = (await stage.wait(lambda: stage.events(StreamInterrupted)))[0]
        second = await RtmpClient.open(edge.port)
        await second.publish(KEY)
        await send_media(second, 150, start_ms=77_000_000)
        await second.leave()
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert len(stage.events(StreamStarted)) == len(stage.events(StreamResumed)) == 1
    assert interrupted.reason == "closed"
    line = stage.line()
    assert line == list(range(line[0], line[0] + 6))
    assert stage.line("audio") == line
    assert ended.media_sequence == line[-1]
    assert (ended.frames_in, ended.frames_out) == (300, 300)
    parts = [part for part in stage.events(PartProduced) if part.rendition == "source"]
    breaks = sorted({part.discontinuity_sequence for part in parts})
    assert breaks[1] == breaks[0] + 1
    for former, part in pairwise(parts):
        assert part.decode_time >= former.decode_time + former.duration


async def test_a_second_publisher_with_the_same_key_takes_over() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        first, second = await RtmpClient.open(edge.port), await RtmpClient.open(edge.port)
        await first.publish(KEY)
        await send_media(first, 90)
        await stage.wait(stage.line)
        assert await second.publish(KEY) == "NetStream.Publish.Start"
        assert await first.status() == "NetStream.Publish.BadName"
        await first.closed()
        await send_media(second, 90)
        await stage.wait(lambda: stage.events(StreamResumed))
        await second.drop()
    assert stage.events(StreamInterrupted)[0].reason == "takeover"
    assert not stage.events(StreamEnded)


@pytest.mark.row("I3")
@pytest.mark.parametrize("new_key", ["live_new", None])
async def test_a_live_publisher_whose_key_is_replaced_is_cut(new_key: str | None) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await stage.wait(stage.line)
        stage.publisher.publish(profile(new_key, retired=(KEY,)))
        assert await client.status() == "NetStream.Publish.Unauthorized"
        await client.closed()
        assert (await stage.wait(lambda: stage.events(StreamEnded)))[0].reason == "revoked"


async def test_a_session_whose_publisher_stays_away_ends() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest(grace_s=0.1) as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 30)
        await client.drop()
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
        assert ended.reason == "grace_over"
        again = await RtmpClient.open(edge.port)
        await again.publish(KEY)
        await send_media(again, 90)
        await stage.wait(lambda: len(stage.events(StreamStarted)) == 2)
        await again.drop()
    line = stage.line()
    assert line == sorted(set(line))


async def test_a_new_process_takes_up_what_the_former_left_open() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 150)
        await stage.wait(lambda: len(stage.line()) == 2)
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await client.leave()
        await stage.wait(lambda: stage.events(StreamEnded))
    line = stage.line()
    assert line == list(range(line[0], line[0] + 5))
    assert len(stage.events(StreamStarted)) == len(stage.events(StreamResumed)) == 1
    assert len({part.session_id for part in stage.events(PartProduced)}) == 1
    sources = [part for part in stage.events(PartProduced) if part.rendition == "source"]
    walls = {part.programme_date_time - part.decode_time * 1_000_000 // part.timescale for part in sources}
    assert len(walls) == 1


async def test_a_segment_that_a_killed_process_has_begun_is_ended_once_by_the_next() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 75)
        await stage.wait(lambda: all(stage.line(name) and stage.begun(name) for name in ("source", "audio")))
        left = topics_of(stage.log, "channel.profile.state.v1", "media.stream.events.v1", "media.segment.events.v1")
        killed = Stage(stage.objects, left)  # all that a SIGKILL leaves
        killed.codec = stage.codec
        killed.publisher = Publisher(killed.log, killed.codec, NODE)
    begun = {name: killed.begun(name) for name in ("source", "audio")}
    for _ in range(2):
        async with killed.ingest():
            await killed.wait(lambda: not killed.begun("source") and not killed.begun("audio"))
    async with killed.ingest(grace_s=0.1):
        [ended] = await killed.wait(lambda: killed.events(StreamEnded))
    assert ended.reason == "node_lost"
    for name, parts in begun.items():
        assert len(killed.line(name)) == 2
        end = [event for event in killed.events(SegmentProduced) if event.rendition == name][-1]
        data = b"".join([await killed.objects.get(part.address) for part in parts])
        assert (end.parts, end.size, end.sha256) == (len(parts), len(data), hashlib.sha256(data).hexdigest())
        assert await killed.objects.get(end.address) == data
        assert (end.decode_time, end.duration) == (parts[0].decode_time, sum(part.duration for part in parts))
        assert bool(end.key_frame_bytes) == (name == "source")


@pytest.mark.row("S3")
async def test_a_promotion_while_live_is_told_once_and_survives_the_process() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await stage.wait(stage.line)
        for _ in range(2):
            stage.publisher.publish(replace(profile(), tier="affiliate"))
        told = (await stage.wait(lambda: stage.events(StreamTierChanged)))[0]
    stage.publisher.publish(replace(profile(), tier="partner"))  # no process is there to hear of it
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await stage.wait(lambda: len(stage.events(StreamTierChanged)) == 2)
        await client.leave()
        await stage.wait(lambda: stage.events(StreamEnded))
    assert (told.width, told.height, told.frame_rate) == (640, 360, 30.0)
    assert [event.tier for event in stage.events(StreamTierChanged)] == ["affiliate", "partner"]
    assert {event.session_id for event in stage.events(StreamTierChanged)} == {stage.events(StreamStarted)[0].session_id}


async def test_a_session_left_open_ends_where_nobody_returns() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await stage.wait(stage.line)
    async with stage.ingest(grace_s=0.1):
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert ended.reason == "node_lost"
    async with stage.ingest(grace_s=0.1):
        await asyncio.sleep(0.2)
    assert len(stage.events(StreamEnded)) == 1


@pytest.mark.parametrize(("body", "codec"), [(b"\x90hvc1\0\0", "hvc1"), (b"\x1c\0\0\0\0\0", "HEVC"), (b"\x22\0\0\0\0\0", "Sorenson")])
async def test_other_codecs_are_refused_by_name(body: bytes, codec: str) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await client.send(Message(VIDEO, 1, 0, body))
        assert await client.status() == "NetStream.Publish.Rejected"
        await client.closed()
    event = stage.events(IngestRejected)[0]
    assert (event.reason, event.channel_id) == ("unsupported_codec", "7")
    assert codec in event.detail


async def test_a_publisher_without_video_is_refused() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest(no_video_s=0.5) as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await client.send(Message(VIDEO, 1, 0, video_frame(picture(False, 1), False)))
        assert await client.status() == "NetStream.Publish.Rejected"
        await client.closed()
    assert stage.events(IngestRejected)[0].reason == "no_video"
    assert not stage.events(StreamStarted)
    assert not stage.events(StreamEnded)


async def test_a_node_at_capacity_refuses() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    stage.publisher.publish(profile("live_other", "8"))
    async with stage.ingest(most_publishers=1) as edge:
        first, second = await RtmpClient.open(edge.port), await RtmpClient.open(edge.port)
        assert await first.publish(KEY) == "NetStream.Publish.Start"
        assert edge.unready()
        assert await second.publish("live_other") == "NetStream.Publish.BadName"
        await first.drop()
        await second.drop()
    assert stage.events(IngestRejected)[0].reason == "at_capacity"


class SlowObjects(StoredObjects):
    """A store that takes nothing until told."""

    healthy = False

    async def put(self, address: str, data: bytes) -> None:
        if not self.healthy:
            raise OSError("the store is away")
        await super().put(address, data)


async def test_a_store_that_is_away_for_long_costs_the_publisher_its_connection_and_every_frame_is_declared() -> None:
    objects = SlowObjects(StoredObjects.at("memory://")._store)
    stage = Stage(objects)
    stage.publisher.publish(profile())
    async with stage.ingest(backlog_s=0.3, grace_s=0.3) as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await asyncio.sleep(0.4)
        await send_media(client, 30, start_ms=3_000, configure=False)
        assert await client.status() == "NetStream.Publish.Rejected"
        await client.closed()
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert ended.frames_in == ended.frames_dropped
    assert ended.frames_out == 0
    assert not stage.events(PartProduced)


async def test_a_store_that_goes_away_amid_a_segment_gets_the_rest_of_it_and_nothing_of_what_follows() -> None:
    objects = SlowObjects(StoredObjects.at("memory://")._store)
    objects.healthy = True
    stage = Stage(objects)
    stage.publisher.publish(profile())
    async with stage.ingest(backlog_s=1.5, grace_s=0.3) as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 75)
        await stage.wait(lambda: all(stage.line(name) and stage.begun(name) for name in ("source", "audio")))
        objects.healthy = False
        await send_media(client, 120, start_ms=2_500, configure=False)
        await asyncio.sleep(1.7)
        await send_media(client, 30, start_ms=6_500, configure=False)
        assert await client.status() == "NetStream.Publish.Rejected"
        await client.closed()
        objects.healthy = True
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    for rendition in ("source", "audio"):
        parts = [part for part in stage.events(PartProduced) if part.rendition == rendition]
        assert stage.line(rendition) == sorted({part.media_sequence for part in parts})
        assert len(stage.line(rendition)) == 2
    assert ended.frames_in == ended.frames_out + ended.frames_dropped
    assert ended.frames_dropped > 0


async def test_a_store_that_is_away_for_a_moment_costs_nothing() -> None:
    objects = SlowObjects(StoredObjects.at("memory://")._store)
    stage = Stage(objects)
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await asyncio.sleep(0.2)
        assert not stage.events(PartProduced)
        objects.healthy = True
        await client.leave()
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert (ended.frames_out, ended.frames_dropped) == (90, 0)
    numbers = [(part.media_sequence, part.part) for part in stage.events(PartProduced) if part.rendition == "source"]
    assert numbers == sorted(numbers)


async def test_a_deleted_channel_is_cut_and_its_key_is_unknown() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        assert await client.publish(KEY) == "NetStream.Publish.Start"
        await send_media(client, 90)
        await stage.wait(stage.line)
        stage.log.append("channel.profile.state.v1", b"7", None)
        assert (await stage.wait(lambda: stage.events(StreamEnded)))[0].reason == "revoked"
        again = await RtmpClient.open(edge.port)
        assert await again.publish(KEY) == "NetStream.Publish.BadName"
    assert stage.events(IngestRejected)[-1].reason == "unknown_key"


async def test_parts_are_deleted_after_their_segment_and_segments_stay() -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest(part_age_s=0.1) as edge:
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        await send_media(client, 90)
        await stage.wait(lambda: stage.line() and stage.line("audio"))
        segment = stage.events(SegmentProduced)[0]
        parts = [part.address for part in stage.events(PartProduced) if part.media_sequence == segment.media_sequence]
        assert parts
        async with asyncio.timeout(60):
            while not await missing(stage, parts):
                await asyncio.sleep(0.05)
        await client.drop()
    assert fmp4_reader.samples(await stage.objects.get(segment.address))


async def missing(stage: Stage, addresses: list[str]) -> bool:
    """Whether none of these objects is there."""
    for address in addresses:
        with suppress(ObjectMissingError):
            await stage.objects.get(address)
            return False
    return True


@pytest.mark.parametrize("digest", [False, True])
async def test_both_handshakes_and_the_questions_of_encoders_are_answered(digest: bool) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port, digest=digest)
        assert await client.publish(KEY, fourCcList=["hvc1", "avc1"]) == "NetStream.Publish.Start"
        results = {values[1]: values for values in client.answers if values[0] == "_result"}
        assert results[1][3]["code"] == "NetConnection.Connect.Success"
        assert results[1][2]["fourCcList"] == ["avc1"]
        assert results[4][3] == 1
        assert set(results) == {1, 2, 3, 4}
        await client.send(command("getStreamLength", 9, None, "x"))
        assert await client.status() == "NetConnection.Call.Failed"
        await client.send(Message(4, 0, 0, b"\0\6\0\0\0\x2a"))
        await client.send(Message(5, 0, 0, (65_536).to_bytes(4, "big")))
        await send_media(client, 30)
        for number in range(40):
            await client.send(Message(VIDEO, 1, 1_000 + number, video_frame(picture(False, number) * 300, False)))
        while not (3 in client.kinds and client.kinds.count(4) >= 2):
            assert await client._read()
        await client.drop()


async def test_playing_is_refused() -> None:
    stage = Stage()
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        for message in opening(KEY)[:4]:
            await client.send(message)
        await client.send(command("play", 5, None, "anything", stream=1))
        assert await client.status() == "NetStream.Play.Failed"
        await client.closed()


async def test_another_application_is_refused_with_the_right_address() -> None:
    stage = Stage()
    async with stage.ingest() as edge:
        client = await RtmpClient.open(edge.port)
        assert await client.publish(KEY, app="live") == "NetConnection.Connect.Rejected"
        await client.closed()
        assert "/app" in client.answers[0][3]["description"]
