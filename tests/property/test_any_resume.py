"""Whatever a viewer and a fleet go through, a viewer that resumes sees every message once, in order, and none that was taken away."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_gateway import CHANNEL, ChatWorld, LiveGateway, Viewer

from schemas.events import MessageDeleted

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 40)),
        st.tuples(st.just("elsewhere"), st.integers(1, 10)),  # in another room of the same partition
        st.tuples(st.just("repeat"), st.integers(1, 12)),  # a worker of the chat view died
        st.tuples(st.just("delete"), st.integers(1, 5)),
        st.tuples(st.just("cut"), st.just(0)),  # the viewer's connection breaks
        st.tuples(st.just("cut and say"), st.integers(1, 60)),  # and what it misses meanwhile
        st.tuples(st.just("restart"), st.integers(1, 30)),  # the gateway ends; another one is started
        st.tuples(st.just("wait"), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


class Story:
    """One viewer, who resumes after each break, on whichever gateway there is."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.world = ChatWorld()
        self.config = config
        self.said: dict[str, str] = {}
        """Text by message id, in order."""
        self.deleted: set[str] = set()
        self.shown: list[str] = []
        self.deletions: set[str] = set()
        self.token: str | None = None
        self.viewer: Viewer | None = None

    async def run(self, steps: list[tuple[str, int]]) -> None:
        self.live = await LiveGateway(self.world, **self.config).__aenter__()
        await self.connect()
        for step, count in steps:
            await self.step(step, count)
        self.say(1)
        last = list(self.said)[-1]
        await self.viewer.until(lambda: last in self.shown + [event["id"] for event in self.viewer.events("message")])
        await self.cut()
        await self.live.__aexit__()

    async def step(self, step: str, count: int) -> None:
        if step == "say":
            self.say(count)
        elif step == "elsewhere":
            for _ in range(count):
                self.world.say("not here", channel_id=self.other)
        elif step == "repeat":
            self.world.repeat(count)
        elif step == "delete":
            for message_id in [each for each in list(self.said)[-count:] if each not in self.deleted]:
                self.deleted.add(message_id)
                self.world.output(MessageDeleted(channel_id=CHANNEL, message_id=message_id, user_id="7", moderator_id=CHANNEL))
        elif step == "wait":
            await asyncio.sleep(0.03)
        elif step == "restart":
            await self.cut()
            await self.live.__aexit__()
            self.say(count)
            self.world.repeat(count // 2)
            self.live = await LiveGateway(self.world, **self.config).__aenter__()
            await self.connect()
        else:
            await self.cut()
            self.say(count)
            await self.connect()

    @property
    def other(self) -> str:
        """A channel of the same partition."""
        from streams.keys import partition_for

        mine = partition_for(CHANNEL.encode(), 4)
        return next(str(number) for number in range(1_000, 2_000) if partition_for(str(number).encode(), 4) == mine)

    def say(self, count: int) -> None:
        for _ in range(count):
            text = f"message {len(self.said)}"
            self.said[self.world.say(text).message_id] = text

    async def connect(self) -> None:
        self.viewer = await self.live.viewer()
        joined = await self.viewer.join(resume=self.token)
        assert joined["resumed"] is (self.token is not None)

    async def cut(self) -> None:
        """What has come counts, and the newest token with it."""
        await self.viewer.kill()
        self.shown += [event["id"] for event in self.viewer.events("message")]
        self.deletions |= {event["id"] for event in self.viewer.events("deleted")}
        if any(frame["type"] == "room" for frame in self.viewer.frames):
            self.token = self.viewer.at


@pytest.mark.row("C10", "C15", "E4", "E7")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.sampled_from([{}, {"kept": 10}, {"kept": 10, "newest": 15}]))
def test_a_viewer_that_resumes_sees_everything_once(steps: list[tuple[str, int]], config: dict[str, Any]) -> None:
    story = Story(config)
    asyncio.run(story.run(steps))
    assert len(story.shown) == len(set(story.shown))
    order = list(story.said)
    assert story.shown == sorted(story.shown, key=order.index)
    for message_id in set(order) - set(story.shown):
        assert message_id in story.deleted  # taken away before this viewer came to it
    assert story.deletions >= story.deleted & set(story.shown)
