"""@twurple/api and @twurple/eventsub-ws, unmodified and pointed here by the port that they take for the mock server."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from test_helix import Api, serving

from infra.accounts import Account
from schemas.events import (
    ChannelInfo,
    Followed,
    MessageHeld,
    MessagePosted,
    Raided,
    StreamEnded,
    StreamStarted,
    Subscribed,
    UserBanned,
    UserUnbanned,
)
from schemas.events.chat import EmoteSpan
from streams.edges.accounts import Accounts
from tests.chat_stage import staged

CLIENTS = Path(__file__).with_name("chat_clients")
KINDS = ("online", "offline", "update", "follow", "subscribe", "raid", "raided", "message", "held", "ban", "unban")
ENDED = {
    "reason": "unpublished",
    "media_sequence": 1,
    "frames_in": 1,
    "frames_out": 1,
    "frames_dropped": 0,
    "bytes_in": 1,
    "media_ms": 1,
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with staged(tmp_path, ()) as stage, serving(stage) as api:
        yield api


def live(api: Api, account: Account, session: str = "s1") -> None:
    """A channel goes live."""
    sizes = {"width": 1280, "height": 720, "frame_rate": 30.0, "has_audio": True}
    api.stage.publisher.publish(
        StreamStarted(
            channel_id=account.id, session_id=session, login=account.login, tier="regular", region="iad", ingest_node="ingest-1", **sizes
        )
    ).result(5)


async def node(api: Api, script: str, **given: str) -> Any:
    """What a client's script says."""
    environment = {**os.environ, "TWURPLE_MOCK_API_PORT": api.url.rpartition(":")[2]}
    process = await asyncio.create_subprocess_exec(
        "node", script, json.dumps(given), cwd=CLIENTS, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.row("U6", "R1")
async def test_twurple_reads_the_directory_and_writes_what_it_then_reads(api: Api) -> None:
    mia, ana, anna = [await api.account(login) for login in ("mia", "ana", "anna")]
    for account in (anna, ana):
        live(api, account, f"s-{account.login}")
    while len(api.views.directory.live) < 2:
        await asyncio.sleep(0.005)
    headers = {"Authorization": f"Bearer {ana.access_token}", "Client-Id": ana.client_id}
    body = {"title": "Openings", "tags": ["Deutsch"], "broadcaster_language": "de"}
    status, _, _ = await api.call("PATCH", f"/helix/channels?broadcaster_id={ana.id}", json=body, headers=headers)
    assert status == 204
    at = api.stage.publisher.publish(Subscribed(channel_id=mia.id, user_id=ana.id, plan="prime", cumulative_months=3)).result(5)
    assert await api.views.reached(at)
    said = await node(api, "helix.mjs", client_id=mia.client_id, token=mia.access_token, other=ana.id)
    started = said["first"][0].pop(6)
    assert started.startswith("20")
    assert said == {
        "first": [["ana", "Openings", "", 0, "de", ["Deutsch"], "live"]],
        "all": ["ana", "anna"],
        "one": "ana",
        "offline": None,
        "found": [["ana", True, True], ["anna", True, True]],
        "category": "Chess",
        "channel": ["Endgames", "Chess", "de", ["calm"]],
        "games": [],
        "game": True,
        "followed": [1, ["ana"]],
        "followedStreams": ["ana"],
        "followers": 1,
        "unfollowed": 0,
        "subscriptions": [["ana", "1000", False]],
        "raid": [409, "Conflict"],
    }


class Listening:
    """A script that says what it hears, a JSON array a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.heard: list[list[Any]] = []

    async def until(self, *names: str) -> list[list[Any]]:
        """Everything heard up to and including one event of each of these names."""
        missing = list(names)
        try:
            async with asyncio.timeout(90):
                while missing:
                    assert self._process.stdout is not None
                    line = await self._process.stdout.readline()
                    assert line, f"it ended; heard {self.heard}"
                    self.heard.append(json.loads(line))
                    if self.heard[-1][0] in missing:
                        missing.remove(self.heard[-1][0])
        except TimeoutError:
            raise AssertionError(f"{missing} did not come; heard {self.heard}") from None
        return self.heard


@asynccontextmanager
async def listening(api: Api, account: Account, other: Account) -> AsyncIterator[Listening]:
    """@twurple/eventsub-ws with all of its subscriptions standing."""
    given = {"client_id": account.client_id, "token": account.access_token, "own": account.id, "other": other.id}
    environment = {**os.environ, "TWURPLE_MOCK_API_PORT": api.url.rpartition(":")[2]}
    process = await asyncio.create_subprocess_exec(
        *("node", "eventsub.mjs", json.dumps(given)),
        cwd=CLIENTS,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        found = Listening(process)
        await found.until("ready")
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@pytest.mark.row("U6", "S2")
async def test_twurple_hears_every_kind_of_event_in_order(api: Api) -> None:
    mia, ana = await api.account("mia"), await api.account("ana")
    publish = api.stage.publisher.publish
    await asyncio.wrap_future(api.stage.ring.ready(ana.id))
    async with listening(api, mia, ana) as heard:
        live(api, ana, "s-1")
        publish(ChannelInfo(channel_id=ana.id, title="Openings", category="Chess", language="de"))
        publish(StreamEnded(**ENDED, channel_id=ana.id, session_id="s-1"))
        publish(Followed(channel_id=mia.id, user_id=ana.id))
        publish(Subscribed(channel_id=mia.id, user_id=ana.id, plan="tier3", cumulative_months=1))
        publish(Raided(channel_id=mia.id, from_channel_id=ana.id, viewers=7))
        publish(Raided(channel_id=ana.id, from_channel_id=mia.id, viewers=8))
        said = {"user_login": "ana", "display_name": "Ana", "user_id": ana.id, "channel_id": mia.id}
        publish(MessagePosted(**said, message_id="m-1", text="hi wave !", emotes=(EmoteSpan(emote_id="wave", begin=3, end=6),)))
        publish(MessageHeld(**said, message_id="m-2", text="doubtful", automod_score=0.9))
        publish(UserBanned(channel_id=mia.id, user_id=ana.id, moderator_id=mia.id, reason="spam"))
        publish(UserUnbanned(channel_id=mia.id, user_id=ana.id, moderator_id=mia.id))
        events = await heard.until(
            *["online", "offline", "update", "follow", "subscribe", "raid", "raided", "message", "held", "ban", "unban"]
        )
    color = Accounts().color(ana.id).upper()
    expected = [
        ["online", "ana", "live", True],
        ["offline", "ana"],
        ["update", "Openings", "Chess", "de"],
        ["follow", "ana", "mia"],
        ["subscribe", "ana", "3000", False],
        ["raid", "ana", 7],
        ["raided", "ana"],
        ["message", "ana", "hi wave !", ["text", "emote", "text"], color],
        ["held", "ana", "doubtful"],
        ["ban", "ana", "spam", True],
        ["unban", "ana"],
    ]
    told = [
        [part.upper() if isinstance(part, str) and part.startswith("#") else part for part in each] for each in events if each[0] in KINDS
    ]
    assert sorted(told) == sorted(expected)
    for group in (("online", "offline"), ("follow", "subscribe", "raid"), ("message", "held", "ban", "unban")):
        assert [each[0] for each in told if each[0] in group] == list(group)


@pytest.mark.row("U6")
async def test_twurple_follows_to_another_connection_and_misses_nothing(api: Api) -> None:
    mia, ana = await api.account("mia"), await api.account("ana")
    async with listening(api, mia, ana) as heard:
        api.events.leave()
        live(api, ana, "s-1")
        await heard.until("socket", "socket", "online")  # one for each user that it subscribes for
        api.stage.publisher.publish(StreamEnded(**ENDED, channel_id=ana.id, session_id="s-1"))
        await heard.until("offline")
        assert [each for each in heard.heard if each[0] in KINDS] == [["online", "ana", "live", True], ["offline", "ana"]]
        assert [each[1] for each in heard.heard if each[0] == "socket"] == [1, 2, 3, 4]
        api.stage.book.rotate_token("mia")
        await heard.until(*["revoked"] * 11)
        assert heard.heard[-1] == ["revoked", "authorization_revoked"]
