"""A follower applies what is on the log, on its loop, and goes on whatever a record is."""

import asyncio
import threading

from prometheus_client import REGISTRY

from schemas.errors import RegistryUnavailableError
from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.follower import Follower
from streams.letters.letter import REPLAYED, place
from streams.log_memory import MemoryLog
from streams.publisher import Publisher

TOPIC = "channel.social.events.v1"
REST_S = 2.0
"""Long beside what a busy machine takes for the rest of the test."""


class Edge:
    def __init__(self) -> None:
        self.log, self.codec = MemoryLog(), Codec(LocalRegistry())
        self._publisher = Publisher(self.log, self.codec, "api-1")

    def follow(self, user: str, at: int = 5_000_000) -> None:
        self._publisher.publish(Followed(channel_id="7", user_id=user, occurred_at=at))


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def test_start_returns_when_everything_is_applied_and_later_events_follow() -> None:
    edge, seen, threads = Edge(), [], set()
    for i in range(1_500):
        edge.follow(str(i))

    def apply(event, at) -> None:
        seen.append((event.user_id, at.offset, at.time))
        threads.add(threading.current_thread())

    follower = Follower(edge.log, edge.codec, [TOPIC], apply)
    await follower.start()
    assert seen == [(str(i), i, 5_000_000) for i in range(1_500)]
    edge.follow("late")
    await until(lambda: len(seen) == 1_501)
    await until(lambda: follower.lag() == 0)
    await follower.close()
    edge.follow("too late")
    await asyncio.sleep(0.05)
    assert len(seen) == 1_501
    assert threads == {threading.main_thread()}


async def test_it_begins_at_a_time() -> None:
    edge, seen = Edge(), []
    for second in range(10):
        edge.follow(str(second), second * 1_000_000 + 1_000_000)
    follower = Follower(edge.log, edge.codec, [TOPIC], lambda event, _: seen.append(event.user_id), since_ms=7_000)
    await follower.start()
    await follower.close()
    assert seen == ["6", "7", "8", "9"]


async def test_bad_records_and_a_failing_view_are_counted_and_passed_over() -> None:
    edge, seen = Edge(), []

    def count(reason: str) -> float:
        return REGISTRY.get_sample_value("follower_skipped_records_total", {"topic": TOPIC, "reason": reason}) or 0

    def apply(event, at) -> None:
        if event.user_id == "1":
            raise ZeroDivisionError
        seen.append(event.user_id)

    before = count("undecodable"), count("not applied")
    edge.follow("0")
    edge.log.append(TOPIC, b"7", b"junk")
    edge.log.append(TOPIC, b"7", None)
    edge.follow("1")
    edge.follow("2")
    follower = Follower(edge.log, edge.codec, [TOPIC], apply)
    await follower.start()
    await follower.close()
    assert seen == ["0", "2"]
    assert (count("undecodable"), count("not applied")) == (before[0] + 1, before[1] + 1)


class AwayRegistry(LocalRegistry):
    """Not there at the first question."""

    asked = 0

    def schema(self, id: int):  # noqa: A002
        self.asked += 1
        if self.asked == 1:
            raise RegistryUnavailableError("away")
        return super().schema(id)


async def test_a_registry_that_is_away_is_waited_for() -> None:
    edge, seen = Edge(), []
    registry = AwayRegistry()
    edge.codec = Codec(registry)
    edge._publisher = Publisher(edge.log, edge.codec, "api-1")
    edge.follow("0")
    follower = Follower(edge.log, Codec(registry), [TOPIC], lambda event, _: seen.append(event.user_id))
    await follower.start()
    await follower.close()
    assert seen == ["0"]
    assert registry.asked == 2


async def test_a_replay_is_applied_once_where_the_original_was_not() -> None:
    edge, seen, broken = Edge(), [], {"1"}

    def apply(event, at) -> None:
        if event.user_id in broken:
            raise ZeroDivisionError
        seen.append(event.user_id)

    for user in "012":
        edge.follow(user)
    originals = [r for records in edge.log._topics[TOPIC] for r in records]
    follower = Follower(edge.log, edge.codec, [TOPIC], apply)
    await follower.start()
    broken.clear()
    for original in [*originals, *originals]:
        edge.log.append(TOPIC, original.key, original.value, headers=((REPLAYED, place(original).encode()),))
    edge.log.append(TOPIC, b"7", originals[0].value, headers=((REPLAYED, b"\xff no place"),))
    await until(lambda: follower.lag() == 0)
    await follower.close()
    assert seen == ["0", "2", "1", "0"]  # a header that names no place makes no replay


async def test_a_replay_of_what_lies_before_the_beginning_is_applied() -> None:
    edge, seen = Edge(), []
    edge.follow("old", 1_000_000)
    edge.follow("new", 9_000_000)
    [old, _] = [r for records in edge.log._topics[TOPIC] for r in records]
    edge.log.append(TOPIC, old.key, old.value, headers=((REPLAYED, place(old).encode()),))
    follower = Follower(edge.log, edge.codec, [TOPIC], lambda event, _: seen.append(event.user_id), since_ms=5_000)
    await follower.start()
    await follower.close()
    assert seen == ["new", "old"]


async def test_tombstones_tell_their_keys_and_each_topic_has_its_beginning() -> None:
    edge, seen, gone = Edge(), [], []
    edge.follow("old", 1_000_000)
    edge.follow("new", 9_000_000)
    edge.log.append(TOPIC, b"7", None, timestamp=9_500)
    follower = Follower(
        edge.log,
        edge.codec,
        [TOPIC],
        lambda event, _: seen.append(event.user_id),
        {TOPIC: 5_000},
        deleted=lambda key, at: gone.append((key, at)),
    )
    await follower.start()
    await follower.close()
    assert seen == ["new"]
    [(key, at)] = gone
    assert (key, at.topic, at.time) == ("7", TOPIC, 9_500_000)


async def test_an_unhurried_follower_catches_up_at_once_and_rests_then() -> None:
    edge, seen = Edge(), []
    for i in range(1_500):
        edge.follow(str(i))
    follower = Follower(edge.log, edge.codec, [TOPIC], lambda event, _: seen.append(event.user_id), rest_s=REST_S)
    began = asyncio.get_running_loop().time()
    await follower.start()
    assert asyncio.get_running_loop().time() - began < REST_S
    assert len(seen) == 1_500
    edge.follow("first")
    await until(lambda: seen[-1] == "first")
    began = asyncio.get_running_loop().time()
    edge.follow("later")
    await until(lambda: seen[-1] == "later")
    assert asyncio.get_running_loop().time() - began > REST_S / 2
    await follower.close()
    assert asyncio.get_running_loop().time() - began < 2 * REST_S, "a rest does not hold up the end"
