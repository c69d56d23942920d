"""The origin's JSON: what the page and tools rely on."""

import json
from collections.abc import AsyncIterator

import pytest
from live_channel import Channel, dummy
from live_origin import LiveOrigin, World, profile

from schemas.events import SegmentProduced
from streams.edges.sessions import Signer

SIGNER = Signer(bytes(32))
SIGNED = SIGNER.begin("42", "desktop")
REPORT = {
    "channel_id": "42",
    "viewer_session_id": SIGNED,
    "rendition": "source",
    "low_latency": True,
    "latency_ms": 3500,
    "buffer_ms": 900,
    "stalls": 0,
    "stalled_ms": 0,
    "segment_event_id": None,
}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def channel() -> Channel:
    return Channel([dummy("source", 1280, 720), dummy("audio")])


@pytest.fixture
async def origin(world: World, channel: Channel) -> AsyncIterator[LiveOrigin]:
    world.publisher.publish(profile())
    world.publisher.publish(profile("43", "bo"))
    world.publisher.publish(channel.started())
    async with LiveOrigin(world) as running:
        await world.produce(channel.segments(3))
        await running.applied()
        yield running


def published(world: World) -> list[object]:
    topic = "viewer.session.events.v1"
    records = [record for partition in world.log.ends(topic) for batch in world.log.read(topic, partition, 0, 99) for record in batch]
    return [world.codec.decode(record.value or b"") for record in records]


@pytest.mark.row("P18")
async def test_a_live_channel_tells_its_renditions_and_playlists(origin: LiveOrigin) -> None:
    found = json.loads(await origin.text("/api/channels/Ana"))
    assert (found["login"], found["display_name"], found["live"], found["tier"]) == ("ana", "Ana", True, "partner")
    assert found["started_at"] == "2023-11-14T22:13:20.000Z"
    assert [(r["name"], r["width"], r["height"]) for r in found["renditions"]] == [("source", 1280, 720), ("audio", 0, 0)]
    assert all(r["bit_rate"] > 0 for r in found["renditions"])
    for path in found["playlists"].values():
        await origin.text(path)


async def test_the_time_is_an_xs_date_time_near_ours(origin: LiveOrigin) -> None:
    from datetime import UTC, datetime

    assert abs((datetime.fromisoformat(await origin.text("/time")) - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.row("I9", "P10")
async def test_a_quality_report_becomes_an_event_and_a_player_stage(origin: LiveOrigin, world: World, channel: Channel) -> None:
    segment = next(one.event for one in channel.segment() if isinstance(one.event, SegmentProduced))
    world.publisher.publish(segment)
    await origin.applied()
    report = {**REPORT, "low_latency": False, "segment_event_id": segment.event_id}
    async with origin.client.post("/api/quality", json=report) as answer:
        assert answer.status == 202
    (event,) = published(world)
    viewer_session_id = SIGNER.read(SIGNED).viewer_session_id
    assert {name: getattr(event, name) for name in report} == {**report, "viewer_session_id": viewer_session_id}
    assert viewer_session_id != SIGNED, "a signature is for addresses, not for the log"
    stages = {(r["mode"], r["stage"]) for r in json.loads(await origin.text("/api/channels/ana/latency"))["stages"]}
    assert ("normal", "player") in stages
    assert ("low", "encode_network") in stages


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"latency_ms": "fast"}, 400),
        ({"stalls": -1}, 400),
        ({"channel_id": "99"}, 400),
        ({"viewer_session_id": "x"}, 400),
        ({"viewer_session_id": SIGNED[:-1] + "AQ"[SIGNED.endswith("A")]}, 400),
        ({"viewer_session_id": SIGNER.begin("43", "desktop")}, 400),
        ({"viewer_session_id": Signer(bytes(31) + b"1").begin("42", "desktop")}, 400),
        ({"surprise": 1}, 400),
        ({"rendition": "x" * 5000}, 413),
    ],
)
async def test_a_report_that_says_nothing_is_refused_with_the_reason(
    origin: LiveOrigin, world: World, change: dict[str, object], status: int
) -> None:
    async with origin.client.post("/api/quality", json={**REPORT, **change}) as answer:
        assert answer.status == status
        problem = await answer.json()
    assert problem["fix"]
    assert status == 413 or next(iter(change)) in problem["message"]
    assert published(world) == []


async def test_a_body_that_is_no_json_is_refused(origin: LiveOrigin) -> None:
    for body in (b"", b"\xff\xfe", b"[]", b"{" * 4000):
        async with origin.client.post("/api/quality", data=body) as answer:
            assert answer.status == 400, body[:10]


@pytest.mark.row("E5")
async def test_a_visit_is_joined_goes_on_and_ends(origin: LiveOrigin, world: World) -> None:
    async with origin.client.post("/api/sessions", json={"channel_id": "42", "device": "mobile"}) as answer:
        assert answer.status == 201
        visit = {"channel_id": "42", **(await answer.json())}
    async with origin.client.post("/api/sessions/heartbeat", json=visit) as answer:
        assert answer.status == 202
    async with origin.client.post("/api/sessions/leave", json={**visit, "watched_ms": 31_000}) as answer:
        assert answer.status == 202
    assert [type(event).__name__ for event in published(world)] == ["ViewerJoined", "ViewerHeartbeat", "ViewerLeft"]
    assert {event.viewer_session_id for event in published(world)} == {SIGNER.read(visit["viewer_session_id"]).viewer_session_id}


async def test_pages_of_other_origins_may_read_and_report(origin: LiveOrigin) -> None:
    async with origin.client.options("/api/quality", headers={"Origin": "https://example.org"}) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, Range"
    async with origin.client.put("/api/quality", json={}) as answer:
        assert answer.status == 405
        assert (await answer.json())["fix"] == "use POST"


async def test_until_the_log_is_read_the_origin_says_that_it_starts(world: World) -> None:
    async with LiveOrigin(world) as origin:
        origin.views._caught_up = False
        assert origin.views.lacks() == "reading the log"
        for path in ("/live/ana/master.m3u8", "/api/channels/ana"):
            assert '"starting"' in await origin.text(path, 503)
