"""EventSub where clients do not look: signed calls, tries again, what a restart and a position bring, and refusals."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from test_helix import Api, serving

from infra import ports
from infra.accounts import Account
from schemas.events import Followed
from streams.reading import whole
from tests.chat_stage import ChatStage, staged

SECRET = "correct horse battery"


class Receiver:
    """A webhook's callback."""

    def __init__(self) -> None:
        self.called: list[tuple[dict[str, str], Any]] = []
        self.fails = 0
        self.come = asyncio.Condition()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """Proves itself, and notes what comes and fits its signature."""
        body, head = await request.read(), {name.lower(): value for name, value in request.headers.items()}
        signed = head["twitch-eventsub-message-id"] + head["twitch-eventsub-message-timestamp"]
        assert (
            head["twitch-eventsub-message-signature"]
            == "sha256=" + hmac.new(SECRET.encode(), signed.encode() + body, hashlib.sha256).hexdigest()
        )
        told = json.loads(body)
        if head["twitch-eventsub-message-type"] == "webhook_callback_verification":
            return web.Response(text=told["challenge"])
        if self.fails:
            self.fails -= 1
            return web.Response(status=500)
        async with self.come:
            self.called.append((head, told))
            self.come.notify_all()
        return web.Response(status=204)

    async def until(self, count: int) -> list[str]:
        """The users that the first so many notifications are about."""
        async with asyncio.timeout(60), self.come:
            await self.come.wait_for(lambda: len(self.called) >= count)
        return [told["event"]["user_login"] for _, told in self.called]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver, application = Receiver(), web.Application()
    application.add_routes([web.post("/callback", receiver.take)])
    runner = web.AppRunner(application)
    await runner.setup()
    [port] = ports.free(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.url = f"http://127.0.0.1:{port}/callback"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ChatStage]:
    async with staged(tmp_path, ()) as stage:
        yield stage


def follow(stage: ChatStage, channel: Account, user: Account) -> str:
    """The place of a follow on the log."""
    at = stage.publisher.publish(Followed(channel_id=channel.id, user_id=user.id)).result(5)
    return f"{at.topic}/{at.partition}/{at.offset}"


def wanted(channel: Account, transport: dict[str, str]) -> dict[str, Any]:
    condition = {"broadcaster_user_id": channel.id, "moderator_user_id": channel.id}
    return {"type": "channel.follow", "version": "2", "condition": condition, "transport": transport}


async def enabled(api: Api, who: Account) -> None:
    """Waits until the only subscription is."""
    async with asyncio.timeout(60):
        while [each["status"] for each in (await api.call("GET", "/helix/eventsub/subscriptions", who))[1]["data"]] != ["enabled"]:
            await asyncio.sleep(0.02)


@pytest.mark.row("U8")
async def test_a_webhook_is_proved_signed_tried_again_and_goes_on_after_a_restart(stage: ChatStage) -> None:
    mia, ana, bob = [await stage.account(login) for login in ("mia", "ana", "bob")]
    async with receiving() as receiver:
        body = wanted(mia, {"method": "webhook", "callback": receiver.url, "secret": SECRET})
        async with serving(stage) as api:
            status, made, _ = await api.call("POST", "/helix/eventsub/subscriptions", mia, json=body)
            assert (status, made["data"][0]["status"]) == (202, "webhook_callback_verification_pending")
            assert SECRET not in json.dumps(made)
            await enabled(api, mia)
            receiver.fails = 1
            follow(stage, mia, ana)
            follow(stage, mia, bob)
            assert await receiver.until(2) == ["ana", "bob"]
            assert receiver.called[0][0]["twitch-eventsub-message-retry"] == "1"
        follow(stage, mia, ana)  # while nobody tells
        async with serving(stage) as api:
            follow(stage, mia, bob)
            assert (await receiver.until(4))[-2:] == ["ana", "bob"]
            ids = [head["twitch-eventsub-message-id"] for head, _ in receiver.called]
            assert len(set(ids)) == 4
            [one] = (await api.call("GET", "/helix/eventsub/subscriptions", mia))[1]["data"]
            assert (await api.call("DELETE", f"/helix/eventsub/subscriptions?id={one['id']}", mia))[0] == 204
            assert (await api.call("DELETE", f"/helix/eventsub/subscriptions?id={one['id']}", mia))[0] == 404
    held = [record.value for record in whole(stage.log, "eventsub.subscription.state.v1")]
    assert not any(SECRET.encode() in value for value in held if value)


@asynccontextmanager
async def dialled(api: Api, query: str = "") -> AsyncIterator[tuple[ClientWebSocketResponse, str]]:
    """A WebSocket, and the id of its session."""
    async with api.client.ws_connect(f"{api.url}/ws{query}") as socket:
        welcome = await socket.receive_json(timeout=30)
        yield socket, welcome["payload"]["session"]["id"]


@pytest.mark.row("U8")
async def test_a_client_that_was_away_is_told_from_its_position_on_under_the_same_ids(stage: ChatStage) -> None:
    mia, ana, bob = [await stage.account(login) for login in ("mia", "ana", "bob")]
    told = []
    async with serving(stage) as api:
        first = follow(stage, mia, ana)
        follow(stage, mia, bob)
        for _ in range(2):
            async with dialled(api) as (socket, session):
                transport = {"method": "websocket", "session_id": session, "position": first}
                assert (await api.call("POST", "/eventsub/subscriptions", mia, json=wanted(mia, transport)))[0] == 202
                told.append([await socket.receive_json(timeout=30) for _ in range(2)])
    before, after = ([(each["metadata"]["message_id"], each["payload"]["event"]["user_login"]) for each in each] for each in told)
    assert [login for _, login in before] == ["ana", "bob"]
    assert before == after
    assert told[0][0]["metadata"]["position"] == first


@pytest.mark.row("U6")
async def test_a_session_goes_on_at_the_process_that_comes_after(stage: ChatStage) -> None:
    mia, ana = [await stage.account(login) for login in ("mia", "ana")]
    async with serving(stage) as api, dialled(api) as (socket, session):
        body = wanted(mia, {"method": "websocket", "session_id": session})
        assert (await api.call("POST", "/eventsub/subscriptions", mia, json=body))[0] == 202
        api.events.leave()
        url = (await socket.receive_json(timeout=30))["payload"]["session"]["reconnect_url"]
    follow(stage, mia, ana)
    async with serving(stage) as api, dialled(api, f"?{url.partition('?')[2]}") as (socket, again):
        assert again == session
        assert (await socket.receive_json(timeout=30))["payload"]["event"]["user_login"] == "ana"


@pytest.mark.row("U6", "U10")
async def test_wrong_subscriptions_are_refused_in_helix_form(stage: ChatStage) -> None:
    mia, ana = [await stage.account(login) for login in ("mia", "ana")]
    async with serving(stage) as api, dialled(api) as (socket, session):
        right = wanted(mia, {"method": "websocket", "session_id": session})
        one = {"broadcaster_user_id": mia.id}
        for change, status, words in (
            ({"type": "channel.fallow"}, 400, "there is no 'channel.fallow'"),
            ({"version": "1"}, 400, "version"),
            ({"condition": one}, 400, "moderator_user_id"),
            ({"condition": {**one, "moderator_user_id": ana.id}}, 403, "moderator_user_id"),
            ({"condition": {"broadcaster_user_id": "1", "moderator_user_id": mia.id}}, 400, "no broadcaster"),
            ({"condition": {"broadcaster_user_id": ana.id, "moderator_user_id": mia.id}}, 403, "moderators"),
            ({"type": "channel.ban", "version": "1", "condition": {"broadcaster_user_id": ana.id}}, 403, "owner"),
            ({"type": "channel.raid", "version": "1", "condition": {}}, 400, "from_broadcaster_user_id"),
            ({"transport": {"method": "websocket", "session_id": "gone"}}, 400, "no such session"),
            ({"transport": {"method": "webhook", "callback": "file:///etc/passwd", "secret": SECRET}}, 400, "https"),
            ({"transport": {"method": "webhook", "callback": "https://a.example", "secret": "short"}}, 400, "secret"),
            ({"transport": {"method": "websocket", "session_id": session, "position": "yesterday"}}, 400, "position"),
            ({"transport": {"method": "pigeon"}}, 400, "method"),
        ):
            got, body, _ = await api.call("POST", "/helix/eventsub/subscriptions", mia, json={**right, **change})
            assert (got, body["status"]) == (status, status), body
            assert words in body["message"]
        assert (await api.call("POST", "/helix/eventsub/subscriptions", mia, json=right))[0] == 202
        got, body, _ = await api.call("POST", "/helix/eventsub/subscriptions", mia, json=right)
        assert (got, body["error"]) == (409, "Conflict")
        await socket.send_str("hello")
        assert (await socket.receive(timeout=30)).data == 4001
        async with api.client.ws_connect(f"{api.url}/ws?reconnect=nobody.1") as lost:
            closed = await lost.receive(timeout=30)
            assert (closed.type, closed.data) == (WSMsgType.CLOSE, 4007)
