"""Lanes: order within a partition, none between partitions."""

import asyncio

from streams.lanes import Lanes
from streams.log import Record


async def settle() -> None:
    """Lets everything run that can: by rounds of the loop, of which a busy machine fits fewer into a time."""
    for _ in range(50):
        await asyncio.sleep(0)


def records(*offsets: int) -> list[Record]:
    return [Record("t", 0, offset, b"k", b"v", (), 0) for offset in offsets]


async def test_one_that_waits_does_not_hold_up_another_and_what_waits_is_joined() -> None:
    ran: list[tuple[int, list[int]]] = []
    gate = asyncio.Event()

    async def run(partition, batch) -> None:
        ran.append((partition, [record.offset for record in batch]))
        if partition == 0:
            await gate.wait()

    lanes = Lanes(run, lambda _: None, batch=3, waiting=5)
    for delivery in ((1,), (2,), (3,), (4,), (5,)):
        await lanes.put(0, records(*delivery))
        await asyncio.sleep(0)
    await lanes.put(1, records(1))
    await settle()
    assert ran == [(0, [1]), (1, [1])]
    gate.set()
    await settle()
    assert ran[2:] == [(0, [2, 3, 4]), (0, [5])]
    await lanes.close()


async def test_who_delivers_waits_while_too_many_records_wait_and_only_then() -> None:
    gate = asyncio.Event()

    async def run(partition, batch) -> None:
        await gate.wait()

    lanes = Lanes(run, lambda _: None, batch=3, waiting=3)
    await lanes.put(0, records(1))
    await asyncio.sleep(0)
    await lanes.put(0, records(2, 3))
    third = asyncio.create_task(lanes.put(0, records(4)))
    await settle()
    assert not third.done()
    gate.set()
    await asyncio.wait_for(third, 30)
    await lanes.close()


async def test_a_failure_is_told_and_ends_its_lane_only() -> None:
    ran, failures = [], []

    async def run(partition, batch) -> None:
        ran.append(partition)
        if partition == 0:
            raise ZeroDivisionError

    lanes = Lanes(run, failures.append, batch=3, waiting=4)
    for partition in (0, 0, 1):
        await lanes.put(partition, records(1))
        await settle()
    assert ran == [0, 1]
    assert [type(each) for each in failures] == [ZeroDivisionError]
    await lanes.close()
