"""A gateway over real sockets: joins, history, what is sent and what is not."""

import asyncio

import pytest
from live_gateway import CHANNEL, ChatWorld, LiveGateway


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
        await asyncio.sleep(0.1)
        assert "unheard" not in viewer.texts()
