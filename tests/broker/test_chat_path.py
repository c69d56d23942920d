"""Chat on the running system: a message's way, refusals, moderation, and a gateway that dies."""

import asyncio
import os
import re
import signal
import time
from contextlib import AsyncExitStack

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from schemas.events import GatewayReported, MessagePosted, PostMessage
from streams.edges.chat.fleet import EVERY_S
from tests.bench.chat_fleet import LOGIN, carried, known
from tests.bench.chat_phases import PHASES
from tests.chat_client import ChatClient
from tests.chat_system import Chat, make

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]
BACK_S = 40.0
"""For a killed gateway to be there again; a few seconds."""


async def said(client: ChatClient, channel: str, text: str) -> str:
    """Says something that must be accepted, waiting as long as a refusal says; its id."""
    while True:
        answer = await client.say(channel, text)
        if answer["type"] == "accepted":
            return answer["id"]
        assert answer["wait_ms"], answer
        await asyncio.sleep(answer["wait_ms"] / 1_000)


@pytest.mark.row("C1")
async def test_a_message_passes_every_stage_in_order_and_one_that_fails_at_a_stage_leaves_nothing_behind_it(chat: Chat) -> None:
    before = {post.message_id for post in chat.events(PostMessage)}
    async with chat.at() as viewer, chat.at(chat.people[0]) as ann:
        await viewer.join("owl")
        await ann.join("owl")
        message_id = await said(ann, "owl", "hello <3")
        shown = await viewer.event(lambda event: event.get("id") == message_id)
        assert (shown["type"], shown["text"], shown["user"]["login"]) == ("message", "hello <3", "ann")
        too_long = await ann.say("owl", "x" * 501)
        assert (too_long["type"], "501 characters" in too_long["text"]) == ("refused", True)
    [asked] = [post for post in chat.events(PostMessage) if post.message_id == message_id]
    [posted] = [post for post in chat.events(MessagePosted) if post.message_id == message_id]
    assert posted.causation_id == asked.event_id
    assert posted.correlation_id == asked.correlation_id
    assert asked.producer.startswith("chat-")
    assert posted.producer.startswith("chat.v")
    assert {post.message_id for post in chat.events(PostMessage)} - before == {message_id}, "what the edge refused is not on the log"


@pytest.mark.row("C2")
async def test_of_three_messages_in_a_second_one_is_taken_and_two_are_refused_with_the_wait(chat: Chat) -> None:
    async with chat.at(chat.people[1]) as bob:
        await bob.join("owl")
        answers = await asyncio.gather(*(bob.say("owl", f"quick {n}") for n in range(3)))
        assert sorted(answer["type"] for answer in answers) == ["accepted", "refused", "refused"]
        for answer in answers:
            if answer["type"] == "refused":
                assert answer["reason"] == "rate"
                assert 0 < answer["wait_ms"] <= 1_000


@pytest.mark.row("C4", "M8")
async def test_a_ban_by_a_moderator_holds_at_once_and_takes_what_was_said_out_of_sight(chat: Chat) -> None:
    async with chat.at(chat.owl) as owl, chat.at(chat.people[0]) as ann, chat.at(chat.people[2]) as cat, chat.at() as viewer:
        for client in (owl, ann, cat, viewer):
            await client.join("owl")
        message_id = await said(cat, "owl", "something rude")
        await viewer.event(lambda event: event.get("id") == message_id)
        denied = await ann.ask("moderate", channel="owl", do="ban", user="cat", reason="rude")
        assert (denied["type"], denied["reason"]) == ("denied", "no_permission")
        granted = await owl.ask("moderate", channel="owl", do="grant", user="ann", role="moderator")
        assert granted["type"] == "done"
        began = time.monotonic()
        done = await ann.ask("moderate", channel="owl", do="ban", user="cat", reason="rude")
        assert done["type"] == "done"
        await viewer.event(lambda event: event["type"] == "silenced" and event["user"]["login"] == "cat")
        assert time.monotonic() - began < 5, "milliseconds, on a machine that does nothing else"
        refused = await cat.say("owl", "but")
        assert (refused["type"], refused["reason"]) == ("refused", "banned")
    async with chat.at() as late:
        await late.join("owl")
        await late.event(lambda event: event["type"] == "message")
        assert "something rude" not in late.texts()


@pytest.mark.row("C20")
async def test_what_was_said_while_the_gateway_was_dead_is_there_once_for_who_comes_back(chat: Chat) -> None:
    api = f"http://127.0.0.1:{chat.system.settings.ports.edge}/helix/chat/messages"
    headers = {"Authorization": f"Bearer {chat.owl.access_token}", "Client-Id": chat.owl.client_id}
    body = {"broadcaster_id": chat.owl.id, "sender_id": chat.owl.id}
    async with AsyncExitStack() as stack, aiohttp.ClientSession(headers=headers) as http:
        viewer = await stack.enter_async_context(chat.at())
        await viewer.join("owl")
        owl = await stack.enter_async_context(chat.at(chat.owl))
        await owl.join("owl")
        before = await said(owl, "owl", "before")
        await viewer.event(lambda event: event.get("id") == before)
        [pid] = chat.system.pids("chat")
        os.kill(pid, signal.SIGKILL)
        await viewer.closed()
        sent = []
        for n in range(3):
            async with http.post(api, json={**body, "message": f"meanwhile {n}"}) as answer:
                sent.append((await answer.json())["data"][0])
            await asyncio.sleep(1.1)
        assert all(message["is_sent"] for message in sent), sent
        again = await come_back(stack, chat)
        joined = await again.join("owl", viewer.token)
        assert joined["resumed"]
        after = await said(await stack.enter_async_context(chat.at(chat.owl)), "owl", "after")
        await again.event(lambda event: event.get("id") == after)
        assert [event["id"] for event in again.events if event["type"] == "message"] == [
            *(message["message_id"] for message in sent),
            after,
        ]


@pytest.mark.row("C25")
async def test_each_of_a_hundred_viewers_gets_all_of_the_first_phases_load(chat: Chat) -> None:
    [ana] = await asyncio.to_thread(make, chat.parts, LOGIN)
    await known(chat)
    phase = PHASES[0]
    found = await carried(chat, ana.access_token, phase.viewers, phase.rate, seconds=3, times=1, warm_s=1)
    assert found["sent"] == 3 * phase.rate
    assert found["deliveries"] == found["sent"] * phase.viewers
    assert [row["closed"] for row in found["times"]] == [0]


@pytest.mark.row("C22", "U6")
@pytest.mark.parametrize("path", ["/irc", "/", "/irc/:80"])
async def test_clients_that_know_no_path_come_to_the_chat_through_the_one_origin(chat: Chat, path: str) -> None:
    url = f"ws://127.0.0.1:{chat.system.settings.ports.edge}{path}"
    async with connect(url, subprotocols=[Subprotocol("irc")], compression=None, proxy=None) as socket, asyncio.timeout(10):
        assert socket.subprotocol == "irc"
        await socket.send(f"PASS oauth:{chat.people[0].access_token}\r\nNICK ann")
        assert str(await socket.recv()).startswith(":tmi.twitch.tv 001 ann ")


@pytest.mark.row("C21")
async def test_anybody_may_ask_which_gateway_serves_a_channel(chat: Chat) -> None:
    url = f"http://127.0.0.1:{chat.system.settings.ports.edge}/chat/gateway?channel=owl"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        told = await answer.json()
    assert (answer.status, told["channel"]) == (200, "owl")
    assert told["gateway"].startswith("chat-")


@pytest.mark.row("C21")
async def test_the_running_gateway_tells_what_it_carries_and_the_fleet_view_takes_it(chat: Chat) -> None:
    async with chat.at(), chat.at(), asyncio.timeout(3 * EVERY_S), aiohttp.ClientSession() as http:
        while not any(told.connections >= 2 for told in chat.events(GatewayReported)):
            await asyncio.sleep(0.5)
        told = chat.events(GatewayReported)[-1]
        assert (told.region, told.capacity, told.draining) == (chat.system.settings.region, chat.system.settings.chat_connections, False)
        metrics = f"http://127.0.0.1:{chat.system.settings.ports.moderation}/metrics"
        while True:
            async with http.get(metrics) as answer:
                if re.search(r"^view_fleet_events_total \S*[1-9]", await answer.text(), re.MULTILINE):
                    break
            await asyncio.sleep(0.2)


async def come_back(stack: AsyncExitStack, chat: Chat) -> ChatClient:
    """A connection, as soon as the gateway takes one."""
    deadline = time.monotonic() + BACK_S
    while True:
        try:
            return await stack.enter_async_context(chat.at())
        except Exception:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
