"""Clips and the chat of VODs over HTTP: asked for, told of, refused; and what moderation took away is gone from the past too."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_helix import Api, serving

from infra.accounts import Account
from processors.chat import CHAT
from processors.clips import CLIPS
from schemas.events import CreateClip, FailClip, VodArchived
from sinks.chat.sending import Origin, Person
from streams.clock import now_us
from tests.chat_stage import staged

HERE = Origin("127.0.0.1", 0)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with staged(tmp_path, (CHAT, CLIPS)) as stage, serving(stage) as api:
        yield api


async def until(api: Api, clip_id: str, status: str) -> dict[str, Any]:
    """What is told of a clip once it has a status."""
    deadline = time.monotonic() + 30
    while True:
        code, told, _ = await api.call("GET", f"/api/clips/{clip_id}")
        if code == 200 and told["status"] == status:
            found: dict[str, Any] = told
            return found
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.01)


@pytest.mark.row("K1", "K3", "K6")
async def test_a_clip_has_its_id_at_once_and_is_told_of_with_its_title(api: Api) -> None:
    mia, bob = await api.account("mia"), await api.account("bob")
    status, body, _ = await api.call("POST", f"/helix/clips?broadcaster_id={mia.id}&title=What%20a%20save&duration=12.5", bob)
    assert status == 202
    [made] = body["data"]
    assert made["edit_url"] == f"/clips/{made['id']}"
    told = await until(api, made["id"], "processing")
    assert (told["title"], told["login"], told["creator"], told["duration_ms"], told["source"]) == (
        "What a save",
        "mia",
        "bob",
        12_500,
        "live",
    )
    _, listed, _ = await api.call("GET", "/api/clips?channel=MIA")
    assert [clip["clip_id"] for clip in listed["clips"]] == [made["id"]]
    assert "What a save" not in str([record.value for record in records(api, "library.clip.events.v1")])  # sealed on the log
    _, helix, _ = await api.call("GET", f"/helix/clips?broadcaster_id={mia.id}", bob)
    assert helix["data"] == []  # not ready yet


@pytest.mark.row("K1")
@pytest.mark.parametrize(("seconds", "status"), [(4.9, 400), (5, 202), (60, 202), (60.1, 400)])
async def test_too_short_and_too_long_are_refused_with_the_range(api: Api, seconds: float, status: int) -> None:
    mia = await api.account("mia")
    code, body, _ = await api.call("POST", f"/helix/clips?broadcaster_id={mia.id}&duration={seconds}", mia)
    assert code == status
    assert status == 202 or "5 to 60 s" in body["message"]


@pytest.mark.row("K2")
async def test_the_moment_on_screen_is_where_it_ends_and_one_out_of_reach_is_refused(api: Api) -> None:
    mia = await api.account("mia")
    seen = now_us() // 1_000 - 4_321
    code, _, _ = await api.call("POST", f"/helix/clips?broadcaster_id={mia.id}&at={seen}", mia)
    assert code == 202
    [record] = records(api, "library.clip.commands.v1")
    asked = api.stage.codec.decode(record.value)
    assert isinstance(asked, CreateClip)
    assert asked.ends_at == seen * 1_000
    code, body, _ = await api.call("POST", f"/helix/clips?broadcaster_id={mia.id}&at={seen - 3 * 3_600_000}", mia)
    assert (code, "two hours" in body["message"]) == (400, True)


@pytest.mark.row("K7")
async def test_a_failed_clip_is_tried_again_by_its_creator_and_nobody_else(api: Api) -> None:
    mia, bob, eve = [await api.account(name) for name in ("mia", "bob", "eve")]
    _, body, _ = await api.call("POST", f"/helix/clips?broadcaster_id={mia.id}", bob)
    clip_id = body["data"][0]["id"]
    await until(api, clip_id, "processing")
    code, _, _ = await api.call("POST", f"/helix/clips/retry?id={clip_id}", bob)
    assert code == 400  # not failed
    api.stage.publisher.publish(FailClip(channel_id=mia.id, clip_id=clip_id, attempt=1, step="store", cause="the disk is full"))
    told = await until(api, clip_id, "failed")
    assert (told["step"], told["cause"]) == ("store", "the disk is full")
    code, _, _ = await api.call("POST", f"/helix/clips/retry?id={clip_id}", eve)
    assert code == 403
    code, _, _ = await api.call("POST", f"/helix/clips/retry?id={clip_id}", bob)
    assert code == 202
    assert (await until(api, clip_id, "processing"))["attempt"] == 2


def records(api: Api, topic: str) -> list[Any]:
    """All of a topic."""
    log = api.stage.log
    return [record for partition, end in log.ends(topic).items() for batch in log.read(topic, partition, 0, end) for record in batch]


class Chat:
    """A channel's chat, and a VOD of its time."""

    def __init__(self, api: Api, mia: Account) -> None:
        self.api = api
        self.mia = mia
        self.began = now_us()

    async def say(self, who: Account, text: str) -> str:
        """Says something; its id once it is shown."""
        status, body, _ = await self.api.call(
            "POST", "/helix/chat/messages", who, json={"broadcaster_id": self.mia.id, "sender_id": who.id, "message": text}
        )
        assert (status, body["data"][0]["is_sent"]) == (200, True), body
        return str(body["data"][0]["message_id"])

    async def order(self, kind: str, **values: Any) -> None:
        """Has the broadcaster moderate."""
        me = Person(self.mia.id, self.mia.login, self.mia.login, "")
        topic = "chat.message.events.v1"
        before = len(records(self.api, topic))
        await self.api.stage.edge.command(me, kind, self.mia.id, origin=HERE, **values)
        while len(records(self.api, topic)) == before:
            await asyncio.sleep(0.005)

    async def archive(self, *, pause_s: float = 0.0) -> None:
        """A VOD that began with the chat; with a pause its publisher was away after a second."""
        timeline = [{"at_ms": 0, "wall_us": self.began}]
        if pause_s:
            timeline.append({"at_ms": 1_000, "wall_us": self.began + 1_000_000 + round(pause_s * 1e6)})
        await self.api.objects.put(f"{self.mia.id}/v/metadata.json", json.dumps({"timeline": timeline}).encode())
        about = {"session_id": "s", "login": "mia", "tier": "regular", "retention_days": 14, "duration_ms": 60_000}
        picture = {"width": 320, "height": 180, "frame_rate": 30.0, "renditions": ("source",), "segments": 1, "size": 1, "documents": ()}
        span = {"started_at": self.began, "ended_at": self.began + 60_000_000}
        self.api.stage.publisher.publish(VodArchived(channel_id=self.mia.id, vod_id="v", revision=1, **about, **picture, **span))
        while (await self.api.call("GET", "/vod/v/chat?from=0&to=1"))[0] == 404:
            await asyncio.sleep(0.01)

    async def shown(self, begin: float = 0, end: float = 60) -> list[tuple[float, str]]:
        """(time of the VOD, text) of what is shown."""
        status, body, _ = await self.api.call("GET", f"/vod/v/chat?from={begin}&to={end}")
        assert status == 200, body
        return [(line["at"], line["event"]["text"]) for line in body["lines"]]


@pytest.mark.row("E6", "M6")
async def test_the_past_shows_what_moderation_has_left_of_it_whenever_it_came(api: Api) -> None:
    mia, bob, eve, tom, ann = [await api.account(name) for name in ("mia", "bob", "eve", "tom", "ann")]
    chat = Chat(api, mia)
    first = await chat.say(bob, "one")
    await chat.say(eve, "two")
    await chat.say(tom, "three")
    await chat.archive()
    assert [text for _, text in await chat.shown()] == ["one", "two", "three"]
    await chat.order("DeleteMessage", message_id=first, user_id=bob.id)
    assert [text for _, text in await chat.shown()] == ["two", "three"]
    await chat.order("SanctionUser", user_id=eve.id, seconds=60)
    assert [text for _, text in await chat.shown()] == ["three"]
    await chat.say(ann, "four")
    await chat.order("SanctionUser", user_id=tom.id)
    assert [text for _, text in await chat.shown()] == ["four"]
    await chat.order("ClearChat")
    await chat.say(mia, "five")
    assert [text for _, text in await chat.shown()] == ["five"]


@pytest.mark.row("E6")
async def test_a_line_comes_at_its_time_and_a_seek_finds_it_once(api: Api) -> None:
    mia, *people = [await api.account(name) for name in ("mia", "ann", "bob", "eve", "tom")]
    chat = Chat(api, mia)
    said = []
    for number, who in enumerate(people):  # nobody may say more than one line a second
        before = now_us()
        await chat.say(who, f"line {number}")
        said.append((before, now_us()))
    await chat.archive()
    shown = await chat.shown()
    assert [text for _, text in shown] == [f"line {number}" for number in range(4)]
    assert all(
        before // 1_000 <= chat.began // 1_000 + round(at * 1_000) + 1 <= after // 1_000 + 2
        for (at, _), (before, after) in zip(shown, said, strict=True)
    )
    cut = shown[2][0]
    assert await chat.shown(0, cut) + await chat.shown(cut, 60) == shown  # half-open: nothing twice, nothing lost
    status, body, _ = await api.call("GET", "/vod/v/chat?from=5&to=5")
    assert (status, "at most 300" in body["message"]) == (400, True)
    assert (await api.call("GET", "/vod/none/chat?from=0&to=5"))[0] == 404


@pytest.mark.row("E6")
async def test_what_was_said_while_the_publisher_was_away_comes_as_he_is_back(api: Api) -> None:
    mia, bob = await api.account("mia"), await api.account("bob")
    chat = Chat(api, mia)
    chat.began = now_us() - 2_000_000  # a second of pictures, and one of pause by now
    await chat.say(bob, "where is she")
    await chat.archive(pause_s=30)
    assert await chat.shown() == [(1.0, "where is she")]
    assert await chat.shown(0, 1) == []
    assert await chat.shown(1, 2) == [(1.0, "where is she")]
