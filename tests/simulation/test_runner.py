"""The runner, with crashes at every point between its steps."""

import asyncio

import msgspec
import pytest

from schemas.events import Followed, MessagePosted, Tick
from schemas.wire import Codec
from streams.errors import BacklogFullError, FatalError
from streams.log_memory import MemoryLog
from streams.rows import ENCODER
from streams.runner import Runner, SeveralInputsError
from streams.store import Progress
from streams.store_memory import MemoryStores
from tests.cut_log import CutLog
from tests.simulation.counting import INPUT, LETTERS, OUTPUT, POISONED, TOTAL, Count, CountingFold
from tests.simulation.memory_driver import Abort, MemoryDriver, Outcome


def follows(count: int) -> list[Followed]:
    return [Followed(channel_id=str(i % 5), user_id=str(i % 13)) for i in range(count)]


def run(script, redelivered: int = 0, batch: int = 7) -> Outcome:
    driver = MemoryDriver(CountingFold())
    driver.redelivered, driver.batch = redelivered, batch
    driver.append(script)
    return driver.run()


def test_each_event_gives_one_output_and_its_rows() -> None:
    outcome = run(follows(100))
    assert len(outcome.outputs) == 100
    assert sum(p.watermark + 1 for p in outcome.progress) == 100
    totals = [row for rows in outcome.rows for address, row in rows.items() if b"total\0" in address]
    assert totals == [ENCODER.encode(Count(20))] * 5


@pytest.mark.parametrize("point", list(Abort))
@pytest.mark.parametrize("redelivered", [0, 3])
def test_a_crash_at_any_point_changes_nothing(point: Abort, redelivered: int) -> None:
    events = follows(120)
    calm = run(events)
    crashed = run([item for event in events for item in (event, point)], redelivered)
    assert crashed == calm
    assert all(len(contents) == 1 for contents in crashed.outputs.values())


def test_batches_of_any_size_give_the_same() -> None:
    assert run(follows(60), batch=1) == run(follows(60), batch=13) == run(follows(60), batch=1_000)


def test_an_output_carries_where_it_came_from() -> None:
    driver = MemoryDriver(CountingFold())
    driver.append([Followed(channel_id="1", user_id="2")])
    driver.run()
    [record] = [r for p in driver.partitions for r in driver.log._topics[OUTPUT][p]]
    event = driver.codec.decode(record.value)
    assert isinstance(event, MessagePosted)
    assert (event.producer, event.causation_id, event.correlation_id, event.occurred_at) == (
        "counting.v1",
        "id-1",
        "id-1",
        1_700_000_000_000_001,
    )
    headers = dict(record.headers)
    assert headers["x-source"] == f"{INPUT}/{record.partition}/0/0".encode()
    assert headers["ce_id"] == event.event_id.encode()
    assert record.timestamp == 1_700_000_000_000


def test_a_poison_record_becomes_a_dead_letter_and_harms_no_other() -> None:
    script = follows(40)
    script[20] = Followed(channel_id="0", user_id=POISONED)
    driver = MemoryDriver(CountingFold())
    driver.append([*script[:10], b"\0\0\0\0\x99junk", b"", Abort.AFTER_OUTPUTS, *script[10:]])
    outcome = driver.run()
    letters = [r for p in driver.partitions for r in driver.log._topics[LETTERS][p]]
    assert len({(r.partition, dict(r.headers)["x-error.offset"]) for r in letters}) == 3
    for letter in letters:
        headers = dict(letter.headers)
        [source] = [r for r in driver.log._topics[INPUT][letter.partition] if str(r.offset).encode() == headers["x-error.offset"]]
        assert (letter.key, letter.value, letter.timestamp, letter.partition) == (
            source.key,
            source.value,
            source.timestamp,
            source.partition,
        )
        assert letter.headers[: len(source.headers)] == source.headers
        assert headers["x-error.topic"] == INPUT.encode()
        assert headers["x-error.processor"] == b"counting.v1"
        assert headers["x-error.attempt"] == b"1"
        assert headers["x-error.stage"] in (b"decode", b"apply")
        assert headers["x-error.exception.message"]
    without = run([*script[:20], *script[21:]])
    kept = [{address: row for address, row in rows.items() if b"x-owed\0" not in address} for rows in outcome.rows]
    assert kept == without.rows  # the rows that the poisoned event had written are taken back
    assert sum(len(rows) for rows in outcome.rows) == sum(len(rows) for rows in kept) + 3  # and the view knows what it owes
    assert sum(k.startswith(OUTPUT) for k in outcome.outputs) == 39


def test_a_tick_is_applied_under_every_key_that_has_rows() -> None:
    driver = MemoryDriver(CountingFold(), partitions=4)
    driver.append([*follows(20), *[Tick()] * 8, *follows(20)])
    outcome = driver.run()
    found = {k: msgspec.msgpack.decode(v, type=Count) for rows in outcome.rows for k, v in rows.items() if b"total\0" in k}
    assert sorted(k[2:3] for k in found) == [b"0", b"1", b"2", b"3", b"4"]
    assert set(found.values()) == {Count(8, 2)}


class Faulty(CountingFold):
    """Fails on one channel as a bug does."""

    def apply(self, rows, event, at):
        if event.channel_id == "3":
            raise ZeroDivisionError
        return super().apply(rows, event, at)


def test_a_bug_in_the_fold_stops_before_anything_is_acknowledged() -> None:
    driver = MemoryDriver(Faulty())
    driver.append([Followed(channel_id="3", user_id="1")])
    with pytest.raises(FatalError, match=r"counting.v1 failed on channel.social.events.v1/\d offset 0: ZeroDivisionError"):
        driver.run()
    outcome = driver.outcome()
    assert outcome.outputs == {}
    assert {p.watermark for p in outcome.progress} == {-1}


class Undeclared(CountingFold):
    outputs = ()


def test_an_undeclared_output_is_fatal() -> None:
    driver = MemoryDriver(Undeclared())
    driver.append(follows(1))
    with pytest.raises(FatalError, match="do not declare"):
        driver.run()


class Reluctant(MemoryLog):
    """A log that is full now and then."""

    refusals = 3

    def append_all(self, records):
        if self.refusals:
            self.refusals -= 1
            super().append_all(records[:2])
            raise BacklogFullError("full")
        return super().append_all(records)


def test_a_transient_error_is_tried_again_in_place_and_keeps_the_order() -> None:
    driver = MemoryDriver(CountingFold())
    driver.append([Followed(channel_id="1", user_id=str(i)) for i in range(20)])
    log = Reluctant()
    log._topics[INPUT] = driver.log._topics[INPUT]
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def fold() -> None:
        runner = Runner(driver.fold, log, driver.codec, MemoryStores(), pause)
        [partition] = [p for p, end in log.ends(INPUT).items() if end]
        await runner.open(partition)
        await runner.run_batch(partition, log._topics[INPUT][partition])
        assert runner.next_offset(partition) == 20

    asyncio.run(fold())
    assert pauses == [0.05, 0.1, 0.2]
    [records] = [records for records in log._topics[OUTPUT] if records]
    numbers = [int(driver.codec.decode(r.value).text.split()[0]) for r in records]
    assert numbers == [1, 2, 1, 2, 1, 2, *range(1, 21)]  # repeats of what was on its way, then all in order


def test_a_gap_is_read_before_what_follows_it() -> None:
    driver = MemoryDriver(CountingFold())
    driver.append([Followed(channel_id="1", user_id=str(i)) for i in range(30)])

    async def fold() -> MemoryStores:
        stores = MemoryStores()
        runner = Runner(driver.fold, driver.log, driver.codec, stores)
        [partition] = [p for p, end in driver.log.ends(INPUT).items() if end]
        records = driver.log._topics[INPUT][partition]
        await runner.open(partition)
        await runner.run_batch(partition, records[:5])
        await runner.run_batch(partition, records[12:20])
        await runner.run_batch(partition, records[3:25])
        assert runner.next_offset(partition) == 25
        await runner.run_batch(partition, records[28:])
        return stores, partition

    stores, partition = asyncio.run(fold())
    calm = driver.run()
    assert dict(stores._stores["counting.v1", partition].scan(b"")) == calm.rows[partition]


def test_what_was_emitted_elsewhere_is_folded_silently() -> None:
    driver = MemoryDriver(CountingFold())
    driver.append([Followed(channel_id="1", user_id=str(i)) for i in range(30)])
    calm = driver.run()
    [partition] = [p for p, end in driver.log.ends(INPUT).items() if end]
    before = len(driver.log._topics[OUTPUT][partition])

    async def fold() -> MemoryStores:
        stores = MemoryStores()
        runner = Runner(driver.fold, driver.log, driver.codec, stores)
        assert await runner.open(partition, emitted=28) == 0
        await runner.run_batch(partition, driver.log._topics[INPUT][partition])
        return stores

    stores = asyncio.run(fold())
    assert dict(stores._stores["counting.v1", partition].scan(b"")) == calm.rows[partition]
    assert len(driver.log._topics[OUTPUT][partition]) == before + 2
    assert driver.outcome().outputs == calm.outputs


def test_closing_waits_for_the_batch_in_flight_and_later_batches_are_passed_over() -> None:
    driver = MemoryDriver(CountingFold())
    driver.append([Followed(channel_id="1", user_id=str(i)) for i in range(10)])

    async def fold() -> None:
        stores = MemoryStores()
        runner = Runner(driver.fold, driver.log, driver.codec, stores)
        [partition] = [p for p, end in driver.log.ends(INPUT).items() if end]
        records = driver.log._topics[INPUT][partition]
        await runner.open(partition)
        flight = asyncio.create_task(runner.run_batch(partition, records[:5]))
        await asyncio.sleep(0)
        await runner.close(partition)
        assert flight.done()
        await runner.run_batch(partition, records[5:])
        assert runner.next_offset(partition) is None
        assert stores._stores["counting.v1", partition].progress().watermark == 4

    asyncio.run(fold())


class TwoInputs(CountingFold):
    inputs = (INPUT, OUTPUT)


def test_a_fold_over_several_topics_is_refused_with_the_reason() -> None:
    with pytest.raises(SeveralInputsError, match="order journal does not exist yet"):
        Runner(TwoInputs(), MemoryLog(), MemoryDriver(CountingFold()).codec, MemoryStores())


def test_an_input_that_the_catalogue_does_not_hold_is_refused() -> None:
    fold = CountingFold()
    fold.inputs = ("nowhere",)
    with pytest.raises(FatalError, match="does not declare"):
        Runner(fold, MemoryLog(), MemoryDriver(CountingFold()).codec, MemoryStores())


def test_the_table_that_is_read_must_be_declared() -> None:
    fold = CountingFold()
    fold.tables = (TOTAL,)
    driver = MemoryDriver(fold)
    driver.append(follows(1))
    with pytest.raises(FatalError, match="declares no table followers"):
        driver.run()


@pytest.mark.parametrize("watermark", [5, 19])
async def test_records_that_left_the_log_unfolded_are_counted(codec: Codec, watermark: int) -> None:
    log = CutLog(kept=20)
    for offset in range(30):
        log.append(INPUT, b"1", codec.encode(INPUT, Followed(channel_id="1", user_id=str(offset))), partition=0)
    stores = MemoryStores()
    store = stores.open("counting.v1", 0)
    store.commit({}, Progress(watermark, 0))
    store.close()
    runner = Runner(CountingFold(), log, codec, stores)
    before = runner.metrics.expired._value.get()
    await runner.open(0)
    for batch in log.read(INPUT, 0, 25, 30):
        await runner.run_batch(0, batch)
    assert runner.next_offset(0) == 30
    assert runner.metrics.expired._value.get() - before == max(0, 19 - watermark)
