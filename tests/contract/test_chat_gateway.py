"""A gateway over real sockets: joins, history, moderation, what is sent to whom."""

import asyncio
import json
import socket
import urllib.error
import urllib.request
from contextlib import AsyncExitStack
from ipaddress import ip_network

import pytest
from live_gateway import CHANNEL, ChatWorld, LiveGateway, Viewer
from prometheus_client import REGISTRY
from websockets.asyncio.client import connect

from schemas.events import (
    ChatCleared,
    CommandRefused,
    MessageDeleted,
    MessageDenied,
    MessageHeld,
    MessageRefused,
    ModeChanged,
    RoomState,
    UserBanned,
    UserTimedOut,
)

HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def masked(payload: bytes) -> bytes:
    """A client's text frame, its mask 0."""
    return bytes((0x81, 0x80 | len(payload))) + bytes(4) + payload


def held(world: ChatWorld, text: str) -> MessageHeld:
    """AutoMod holds a message of carl's."""
    return world.output(
        MessageHeld(
            channel_id=CHANNEL, message_id=f"held-{text}", user_id="9", user_login="carl", display_name="Carl", text=text, automod_score=0.9
        )
    )


async def silence() -> None:
    """Long enough for what must not come."""
    await asyncio.sleep(0.15)


@pytest.mark.row("C10", "C11")
async def test_a_join_gets_the_newest_50_and_then_everything_once() -> None:
    world = ChatWorld()
    for number in range(200):
        world.say(f"past {number}")
    async with LiveGateway(world) as live:
        viewer = await live.viewer()
        joined = await viewer.join()
        assert joined["channel"] == {"id": CHANNEL, "login": "ana", "name": "Ana"}
        assert joined["resumed"] is False
        assert viewer.texts() == [f"past {number}" for number in range(150, 200)]
        for number in range(100):
            world.say(f"live {number}")
        await viewer.until(lambda: len(viewer.texts()) >= 150)
        assert viewer.texts()[50:] == [f"live {number}" for number in range(100)]
        await viewer.send(type="part", channel="ana")
        await viewer.frame("parted")
        world.say("unheard")
        await silence()
        assert "unheard" not in viewer.texts()


@pytest.mark.row("C11", "E7")
async def test_what_moderators_took_away_is_in_no_history() -> None:
    world = ChatWorld()
    world.say("before the clearing", user_id="8")
    held(world, "waits and was asked about before the clearing")
    world.output(ChatCleared(channel_id=CHANNEL, moderator_id=CHANNEL))
    world.say("stays", user_id="8")
    gone = world.say("deleted", user_id="8")
    world.output(MessageDeleted(channel_id=CHANNEL, message_id=gone.message_id, user_id="8", moderator_id=CHANNEL))
    world.say("of one who is timed out")
    world.output(UserTimedOut(channel_id=CHANNEL, user_id="7", moderator_id=CHANNEL, seconds=60))
    world.say("of one who is banned", user_id="9")
    world.output(UserBanned(channel_id=CHANNEL, user_id="9", moderator_id=CHANNEL))
    async with LiveGateway(world) as live:
        viewer = await live.viewer()
        await viewer.join()
        assert viewer.texts() == ["stays"]
        late = world.say("deleted at once", user_id="8")
        await viewer.until(lambda: "deleted at once" in viewer.texts())
        world.output(MessageDeleted(channel_id=CHANNEL, message_id=late.message_id, user_id="8", moderator_id=CHANNEL))
        await viewer.until(lambda: viewer.events("deleted") == [{"type": "deleted", "id": late.message_id}])
        second = await live.viewer()
        await second.join()
        assert second.texts() == ["stays"]


@pytest.mark.row("C18")
async def test_a_busy_room_is_sampled_and_what_concerns_one_is_kept() -> None:
    world = ChatWorld()
    world.publish(RoomState(channel_id=CHANNEL, moderators=("8",), occurred_at=1))
    async with LiveGateway(world, sample_above=20) as live:
        anybody, bob = await live.viewer(), await live.viewer("bob")
        await anybody.join()
        await bob.join()
        for number in range(1_000):
            world.say(f"crowd {number}", user_id="1234")
            if number % 100 == 50:
                world.say(f"mine {number}", user_id="7")
                world.say(f"hello @Bob {number}", user_id="9")
                world.say(f"calm down {number}", user_id="8")
                world.say(f"I am live {number}", user_id=CHANNEL)
        await asyncio.sleep(1.2)  # the bucket fills again
        world.say("the end", user_id=CHANNEL)
        for viewer in (anybody, bob):
            await viewer.until(lambda viewer=viewer: "the end" in viewer.texts())
            told = viewer.texts()
            assert sum(text.startswith("calm down") for text in told) == 10
            assert sum(text.startswith("I am live") for text in told) == 10
            assert 1 <= sum(text.startswith("crowd") for text in told) <= 100
            assert len(told) + sum(frame.get("skipped", 0) for frame in viewer.frames) == 1_041
        assert sum(text.startswith("mine") for text in bob.texts()) == 10
        assert sum(text.startswith("hello @Bob") for text in bob.texts()) == 10
        assert sum(text.startswith("mine") for text in anybody.texts()) < 10


async def test_held_messages_come_to_moderators_alone() -> None:
    world = ChatWorld()
    world.publish(RoomState(channel_id=CHANNEL, moderators=("8",), occurred_at=1))
    async with LiveGateway(world) as live:
        held(world, "before")
        watching = [await live.viewer("mod"), await live.viewer("ana")]
        others = [await live.viewer("bob"), await live.viewer()]
        for viewer in (*watching, *others):
            await viewer.join()
        held(world, "after")
        world.output(MessageDenied(channel_id=CHANNEL, message_id="held-after", user_id="9"))
        world.say("approved", message_id="held-before", user_id="9", approved_by="8")
        for viewer in (*watching, *others):
            await viewer.until(lambda viewer=viewer: viewer.texts() == ["approved"])
        for viewer in watching:
            assert [event["text"] for event in viewer.events("held")] == ["before", "after"]
            assert viewer.events("held_closed") == [{"type": "held_closed", "id": "held-after", "approved": False}]
        for viewer in others:
            assert not viewer.events("held")
            assert not viewer.events("held_closed")


async def test_one_who_writes_is_told_what_came_of_it() -> None:
    world = ChatWorld()
    async with LiveGateway(world) as live:
        bob = await live.viewer("bob")
        await bob.join()
        for text in ("good", "bad", ""):
            await bob.send(type="say", channel="ana", text=text, nonce=f"n-{text}")
        await bob.until(lambda: len(live.sending.said) == 2)
        (good, who, _), (bad, _, _) = live.sending.said
        assert who.user_id == "7"
        world.say("good", message_id=good, causation_id=good)
        world.output(MessageRefused(channel_id=CHANNEL, message_id=bad, user_id="7", reason="slow_mode", wait_ms=4_500, causation_id=bad))
        await bob.until(lambda: sum(frame["type"] in ("accepted", "refused") for frame in bob.frames) == 3)
        answers = {frame["nonce"]: frame for frame in bob.frames if "nonce" in frame}
        assert answers["n-good"] == {"type": "accepted", "nonce": "n-good", "id": good}
        assert answers["n-bad"]["reason"] == "slow_mode"
        assert answers["n-bad"]["wait_ms"] == 4_500
        assert "wait 5 s" in answers["n-bad"]["text"]
        assert answers["n-"]["reason"] == "invalid"
        assert bob.texts() == ["good"]
        assert live.sending.seen == {good, bad}


async def test_a_moderator_commands_and_is_told() -> None:
    world = ChatWorld()
    async with LiveGateway(world) as live:
        ana = await live.viewer("ana")
        await ana.join()
        message = world.say("rude")
        await ana.until(lambda: ana.texts() == ["rude"])
        await ana.send(type="moderate", channel="ana", nonce="1", do="delete", message_id=message.message_id)
        await ana.send(type="moderate", channel="ana", nonce="2", do="timeout", user="Bob", seconds=5, reason="rude")
        await ana.send(type="moderate", channel="ana", nonce="3", do="ban", user="nobody")
        await ana.send(type="moderate", channel="ana", nonce="4", do="mode", slow_seconds=10, emote_only=True)
        await ana.until(lambda: len(live.sending.commands) == 3)
        delete, out, mode = live.sending.commands
        assert delete[1:] == ("DeleteMessage", {"message_id": message.message_id, "user_id": "7"})
        assert out[1:] == ("SanctionUser", {"user_id": "7", "seconds": 5, "reason": "rude"})
        assert mode[1:] == ("ChangeMode", {"slow_seconds": 10, "emote_only": True})
        world.output(
            MessageDeleted(channel_id=CHANNEL, message_id=message.message_id, user_id="7", moderator_id=CHANNEL, causation_id=delete[0])
        )
        world.output(CommandRefused(channel_id=CHANNEL, moderator_id=CHANNEL, reason="bad_target", causation_id=out[0]))
        world.output(ModeChanged(channel_id=CHANNEL, slow_seconds=10, emote_only=True, moderator_id=CHANNEL, causation_id=mode[0]))
        await ana.until(lambda: sum(frame["type"] in ("done", "denied") for frame in ana.frames) == 4)
        answers = {frame["nonce"]: (frame["type"], frame.get("reason")) for frame in ana.frames if "nonce" in frame}
        assert answers == {"1": ("done", None), "2": ("denied", "bad_target"), "3": ("denied", "bad_target"), "4": ("done", None)}
        assert ana.events("mode") == [{"type": "mode", "slow_seconds": 10, "emote_only": True}]


@pytest.mark.row("C9")
async def test_the_connection_above_the_capacity_is_closed_with_1013_and_the_others_stay() -> None:
    world = ChatWorld()
    async with LiveGateway(world, capacity=3) as live:
        inside = [await live.viewer() for _ in range(3)]
        for viewer in inside:
            await viewer.join()
        above = await live.viewer()
        assert await above.closed() == (1013, "Server at capacity")
        world.say("still here")
        for viewer in inside:
            await viewer.until(lambda viewer=viewer: viewer.texts() == ["still here"])
        await inside[0].close()
        await inside[1].until(lambda: live.gateway.connections == 2)
        await (await live.viewer()).join()


@pytest.mark.row("C2")
@pytest.mark.parametrize(("proxies", "address"), [("127.0.0.0/8", "203.0.113.7"), ("10.9.0.0/16", "127.0.0.1")])
async def test_limits_go_by_the_address_that_an_edge_of_ours_tells(proxies: str, address: str) -> None:
    async with LiveGateway(ChatWorld(), trusted=(ip_network(proxies),)) as live:
        viewer = await Viewer.connected(live.url, "bob", **{"X-Real-IP": "203.0.113.7"})
        await viewer.join()
        await viewer.send(type="say", channel="ana", text="hello", nonce="1")
        async with asyncio.timeout(30):
            while not live.sending.addresses:
                await asyncio.sleep(0.01)
        assert live.sending.addresses == [address]


@pytest.mark.row("C21")
async def test_a_stop_says_so_before_it_closes() -> None:
    world = ChatWorld()
    async with LiveGateway(world, drain_s=0.4) as live:
        viewers = [await live.viewer() for _ in range(4)]
        for viewer in viewers:
            await viewer.join()
        began = asyncio.get_running_loop().time()
        closing = asyncio.create_task(live.gateway.close())
        ends = []
        for viewer in viewers:
            assert (await viewer.closed())[0] == 1012
            ends.append(asyncio.get_running_loop().time() - began)
            assert viewer.frames[-1]["code"] == "restart"
        assert max(ends) >= 0.25  # one after the other
        await closing


@pytest.mark.row("C21")
async def test_it_tells_which_gateway_serves_a_channel() -> None:
    world = ChatWorld()
    for number in range(100, 120):
        world.account(str(number), f"user{number}")
    fleet = {name: f"ws://{name}/chat" for name in ("one", "two", "three")}
    answers = {}
    async with LiveGateway(world, name="one", fleet=fleet) as live:

        def ask(login: str) -> dict:
            with urllib.request.urlopen(f"http://127.0.0.1:{live.port}/chat/gateway?channel={login}") as response:
                assert response.headers["Content-Type"] == "application/json"
                return json.load(response)

        def refused() -> int:
            with pytest.raises(urllib.error.HTTPError) as found:
                ask("nobody")
            found.value.close()
            return found.value.code

        assert await asyncio.to_thread(refused) == 404
        for number in range(100, 120):
            answers[f"user{number}"] = await asyncio.to_thread(ask, f"user{number}")
        assert len({answer["gateway"] for answer in answers.values()}) > 1
        viewer = await live.viewer()
        for login, answer in answers.items():
            assert answer["url"] == fleet[answer["gateway"]]
            seen = len(viewer.frames)
            await viewer.send(type="join", channel=login)
            if answer["gateway"] == "one":
                await viewer.frame("joined", seen)
            else:
                error = await viewer.frame("error", seen)
                assert (error["code"], error["url"]) == ("elsewhere", answer["url"])


async def test_a_path_that_is_none_of_ours_speaks_irc_and_takes_up_its_subprotocol() -> None:
    async with LiveGateway(ChatWorld()) as live, connect(f"ws://127.0.0.1:{live.port}/?token=x", subprotocols=["irc"]) as socket:
        assert socket.subprotocol == "irc"


async def test_a_texts_owner_who_is_erased_leaves_the_history() -> None:
    world = ChatWorld()
    world.say("of bob")
    world.say("of carl", user_id="9")
    async with LiveGateway(world) as live:
        before = await live.viewer()
        await before.join()
        assert before.texts() == ["of bob", "of carl"]
        await asyncio.to_thread(live.gateway.erased, "7")
        after = await live.viewer()
        await after.join()
        assert after.texts() == ["of carl"]


async def test_an_unknown_channel_or_token_gets_an_error_and_the_connection_stays() -> None:
    async with LiveGateway(ChatWorld()) as live:
        viewer: Viewer = await live.viewer()
        await viewer.send(type="hello", token="made up")
        assert (await viewer.frame("error"))["code"] == "unknown_token"
        await viewer.send(type="join", channel="nobody")
        await viewer.until(lambda: viewer.frames[-1].get("code") == "unknown_channel")
        await viewer.send(type="ping", nonce="still there")
        assert (await viewer.frame("pong"))["nonce"] == "still there"


@pytest.mark.row("C6", "C7", "C12")
async def test_viewers_of_ten_gateways_see_one_sequence() -> None:
    world = ChatWorld()
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(LiveGateway(world)) for _ in range(10)]
        viewers = [await live.viewer() for live in gateways]
        for viewer in viewers:
            await viewer.join()
        said = [world.say(f"{number}", user_id=str(1_000 + number % 100)).text for number in range(1_000)]
        for viewer in viewers:
            await viewer.until(lambda viewer=viewer: len(viewer.texts()) >= len(said))
            assert viewer.texts() == said


async def test_a_room_that_was_quiet_sends_at_once_whatever_others_have_just_sent() -> None:
    world = ChatWorld()
    async with LiveGateway(world, tick_s=4) as live:
        ana, bob = await live.viewer(), await live.viewer()
        await ana.join("ana")
        await bob.join("bob")
        world.say("first")
        await ana.until(lambda: ana.texts() == ["first"])
        world.say("second")
        world.say("third")
        world.say("elsewhere", channel_id="7")
        await bob.until(lambda: bob.texts() == ["elsewhere"])
        assert ana.texts() == ["first"], "its tick is not over"
        await ana.until(lambda: ana.texts() == ["first", "second", "third"])
        assert len([frame for frame in ana.frames if frame["type"] == "room" and not frame.get("history")]) == 2


def metric(name: str) -> float:
    """As it is now."""
    return REGISTRY.get_sample_value(name) or 0.0


@pytest.mark.row("C14")
async def test_a_client_that_does_not_read_is_closed_alone_and_the_others_miss_nothing() -> None:
    world = ChatWorld()
    async with LiveGateway(world, slow_s=1, queue_bytes=4_096, send_buffer=4_096) as live:
        viewer = await live.viewer()
        await viewer.join()
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(stalled, ("127.0.0.1", live.port))
        await loop.sock_sendall(stalled, HANDSHAKE + masked(b'{"type":"join","channel":"ana"}'))
        await viewer.until(lambda: live.gateway.connections == 2)
        said = []
        async with asyncio.timeout(60):
            while not live.gateway.hall.slow:
                said.append(world.say(f"{len(said)} {'x' * 400}").text)
                await asyncio.sleep(0.002)
            await viewer.until(lambda: len(viewer.texts()) == len(said))
            before, ticks = metric("chat_frames_total"), len(viewer.frames)
            while live.gateway.connections == 2:
                said.append(world.say(f"{len(said)} {'x' * 400}").text)
                await asyncio.sleep(0.002)
        await viewer.until(lambda: len(viewer.texts()) == len(said))
        assert viewer.texts() == said
        assert metric("chat_frames_total") - before == len(viewer.frames) - ticks, "what it costs the others ends with its buffer"
        stalled.close()


@pytest.mark.row("C21", "E4")
async def test_who_is_sent_away_by_a_drain_goes_on_at_another_gateway_where_the_token_was() -> None:
    world = ChatWorld()
    async with LiveGateway(world) as stays:
        async with LiveGateway(world, drain_s=0.2) as goes:
            viewer = await goes.viewer()
            await viewer.join()
            world.say("before")
            await viewer.until(lambda: viewer.texts() == ["before"])
        assert (await viewer.closed())[0] == 1012
        world.say("meanwhile")
        again = await stays.viewer()
        assert (await again.join(resume=viewer.at))["resumed"]
        world.say("after")
        await again.until(lambda: again.texts() == ["meanwhile", "after"])
