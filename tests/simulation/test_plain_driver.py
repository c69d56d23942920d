"""The same fold without a group: live and as a replay."""

import asyncio

import pytest

from schemas.events import Followed
from streams.errors import FatalError
from streams.plain_driver import follow, replay
from streams.runner import Runner
from streams.store_memory import MemoryStores
from tests.simulation.counting import INPUT, OUTPUT, CountingFold
from tests.simulation.memory_driver import MemoryDriver


def driver_with(count: int, fold=None) -> MemoryDriver:
    driver = MemoryDriver(fold or CountingFold())
    driver.append(Followed(channel_id=str(i % 7), user_id=str(i % 11)) for i in range(count))
    return driver


def rows(stores: MemoryStores) -> list:
    return [(dict(s.scan(b"")), s.progress()) for s in (stores.open("counting.v1", p) for p in range(4))]


async def test_it_folds_what_is_there_and_what_comes_and_goes_on_after_a_stop() -> None:
    driver, stores = driver_with(700), MemoryStores()
    for expected in (700, 900):
        stopping = asyncio.Event()
        work = asyncio.create_task(follow(Runner(driver.fold, driver.log, driver.codec, stores), driver.log, stopping))
        if expected == 900:
            await asyncio.to_thread(driver.append, [Followed(channel_id="1", user_id=str(i)) for i in range(200)])
        async with asyncio.timeout(10):
            while sum(driver.log.ends(OUTPUT).values()) < expected:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        stopping.set()
        await work
    calm = MemoryDriver(CountingFold())
    calm.codec = driver.codec
    calm.log._topics[INPUT] = driver.log._topics[INPUT]
    outcome = await asyncio.to_thread(calm.run)
    assert rows(stores) == list(zip(outcome.rows, outcome.progress, strict=True))
    assert driver.outcome().outputs == outcome.outputs
    assert sum(driver.log.ends(OUTPUT).values()) == 900


async def test_a_replay_gives_the_same_rows_and_sends_nothing() -> None:
    driver, stores = driver_with(1_500), MemoryStores()
    await replay(Runner(driver.fold, driver.log, driver.codec, stores), driver.log, driver.log.ends(INPUT))
    assert sum(driver.log.ends(OUTPUT).values()) == 0
    outcome = await asyncio.to_thread(driver.run)
    assert rows(stores) == list(zip(outcome.rows, outcome.progress, strict=True))


class Faulty(CountingFold):
    def apply(self, rows, event, at):
        raise ZeroDivisionError


async def test_a_failing_fold_ends_it() -> None:
    driver = driver_with(10, Faulty())
    with pytest.raises(FatalError, match=r"counting\.v1 failed"):
        await follow(Runner(driver.fold, driver.log, driver.codec, MemoryStores()), driver.log, asyncio.Event())
