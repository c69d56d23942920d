"""However a log is cut into batches, repeated, or interrupted, the fold comes out the same."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Followed, Tick
from streams.runner import Runner
from streams.store import digest_of
from streams.store_memory import MemoryStores
from tests.simulation.counting import INPUT, POISONED, CountingFold
from tests.simulation.memory_driver import Abort, MemoryDriver

CHANNELS, USERS = st.sampled_from("12345"), st.sampled_from(["a", "b", "c", POISONED])
EVENTS = st.one_of(
    st.builds(Followed, channel_id=CHANNELS, user_id=USERS),
    st.builds(Tick),
    st.sampled_from([b"", b"junk", b"\0\0\0\0\1"]),
)
SCRIPTS = st.lists(EVENTS, max_size=60)


def run(script, batch=7, redelivered=0):
    driver = MemoryDriver(CountingFold())
    driver.batch, driver.redelivered = batch, redelivered
    driver.append(script)
    return driver.run()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(EVENTS, st.sampled_from(Abort)), max_size=60), st.integers(1, 20), st.integers(0, 30))
def test_crashes_anywhere_and_redelivery_of_any_suffix_change_nothing(script, batch, redelivered) -> None:
    while script and isinstance(script[0], Abort):
        script.pop(0)
    calm = run([item for item in script if not isinstance(item, Abort)])
    crashed = run(script, batch, redelivered)
    assert crashed == calm
    assert all(len(contents) == 1 for contents in crashed.outputs.values())


def fold(driver: MemoryDriver, deliveries) -> tuple:
    """Rows and progress after delivering offset ranges of a partition one after the other."""

    async def work() -> MemoryStores:
        stores = MemoryStores()
        runner = Runner(driver.fold, driver.log, driver.codec, stores)
        for partition, start, end in deliveries:
            await runner.open(partition)
            await runner.run_batch(partition, [r for batch in driver.log.read(INPUT, partition, start, end) for r in batch])
        for partition in driver.partitions:
            await runner.close(partition)
        return stores

    stores = asyncio.run(work())
    found = {}
    for partition in driver.partitions:
        store = stores.open("counting.v1", partition)
        assert store.progress().digest == digest_of(store)
        found[partition] = (dict(store.scan(b"")), store.progress())
    return found


@settings(max_examples=100, deadline=None)
@given(SCRIPTS, st.data())
def test_folding_a_and_b_is_folding_b_onto_the_fold_of_a(script, data) -> None:
    driver = MemoryDriver(CountingFold())
    driver.append(script)
    ends = driver.log.ends(INPUT)
    cuts = {partition: data.draw(st.integers(0, end)) for partition, end in ends.items()}
    whole = fold(driver, [(p, 0, end) for p, end in ends.items()])
    parts = fold(driver, [d for p, end in ends.items() for d in ((p, 0, cuts[p]), (p, cuts[p], end))])
    assert parts == whole


@settings(max_examples=100, deadline=None)
@given(SCRIPTS, st.data())
def test_deliveries_in_any_overlap_or_with_gaps_end_in_the_same_rows(script, data) -> None:
    driver = MemoryDriver(CountingFold())
    driver.append(script)
    deliveries = []
    for partition, end in driver.log.ends(INPUT).items():
        ranges = data.draw(st.lists(st.tuples(st.integers(0, end), st.integers(0, end)).map(sorted), max_size=6))
        deliveries += [(partition, *each) for each in ranges] + [(partition, max(0, end - 1), end)]
    assert fold(driver, deliveries) == fold(driver, [(p, 0, end) for p, end in driver.log.ends(INPUT).items()])
