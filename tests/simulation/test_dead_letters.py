"""Records that no view could process: none stops a partition, and what is put back counts once, in the order of its key."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Followed, Tick
from streams.errors import PoisonError
from streams.letters.cases import gather
from streams.letters.fixing import UnfixableError, changed, corrected, decoded, readings
from streams.letters.letter import OWED, REPLAYED, letter, place
from streams.letters.putting_back import plan, put_back
from streams.log import Outgoing
from streams.runner import Runner
from streams.store import KEY_MAX
from streams.store_memory import MemoryStores
from tests.simulation.counting import FOLLOWERS, INPUT, LETTERS, POISONED, TOTAL, Count, CountingFold
from tests.simulation.memory_driver import Abort, FragileLog, MemoryDriver

CHANNEL = "7"


def follow(user: str, channel: str = CHANNEL) -> Followed:
    return Followed(channel_id=channel, user_id=user)


def driver_with(*script, fold=None) -> MemoryDriver:
    driver = MemoryDriver(fold or CountingFold())
    driver.append(script)
    driver.run()
    return driver


def cases(driver: MemoryDriver):
    return gather(driver.log, [INPUT])


def replay(driver: MemoryDriver, *wanted: str, after_all: bool = False):
    found = cases(driver)
    planned = plan(found, wanted or list(found.cases), driver.codec, after_all=after_all)
    return planned, put_back(driver.log, planned.cases, found.ends)


def write(driver: MemoryDriver, out: Outgoing) -> None:
    driver.log.append(out.topic, out.key, out.value, headers=out.headers, timestamp=out.timestamp, partition=out.partition)


def fix(driver: MemoryDriver, user: str) -> None:
    """Corrects every letter of a poisoned follow."""
    for case in cases(driver).cases.values():
        event = decoded(case.current, driver.codec)
        write(driver, corrected(case.current, changed(event, [f"user_id={user}"]), driver.codec))


def totals(driver: MemoryDriver) -> dict[str, int]:
    """Follows per channel, as the view has them."""
    outcome = driver.run()
    rows = {address: row for rows in outcome.rows for address, row in rows.items() if b"total\0all" in address}
    return {address[2 : 2 + address[1]].decode(): msgspec.msgpack.decode(row, type=Count).total for address, row in rows.items()}


def owed(driver: MemoryDriver) -> list[str]:
    return sorted(a.split(b"\0")[-1].decode() for rows in driver.outcome().rows for a in rows if OWED.name.encode() in a)


def source(driver: MemoryDriver, channel: str = CHANNEL) -> list:
    return [r for records in driver.log._topics[INPUT] for r in records if r.key == channel.encode()]


@pytest.mark.row("U10")
def test_a_thousand_poison_records_of_every_kind_among_good_ones_stop_nothing() -> None:
    class Choosy(CountingFold):
        def apply(self, rows, event, at):
            if event.user_id == "late":
                rows[TOTAL]["half"] = Count(1)
                raise PoisonError("refused when half was written")
            yield from super().apply(rows, event, at)

    driver = MemoryDriver(Choosy())
    driver.batch = 100
    good = driver.codec.encode(INPUT, follow("x"))
    kinds = [
        follow(POISONED),  # apply, after an output was yielded
        follow("late"),  # apply, after a row was written
        b"",  # decode: too short
        b"\1junk",  # decode: no magic byte
        b"\0\xff\xff\xff\xffjunk",  # decode: a schema that nobody knows
        good[:-1],  # decode: torn
        good + b"\0",  # decode: bytes are left
    ]
    script, bad = [], 0
    for i in range(2_000):
        script.append(follow(str(i), str(i % 50)))
        if i % 2:
            script.append(kinds[bad % len(kinds)])
            bad += 1
    driver.append(script)
    driver.log.append(INPUT, b"k" * (KEY_MAX + 1), good, partition=0)  # a key that no store can have
    outcome = driver.run()
    letters = [letter(r) for records in driver.log._topics[LETTERS] for r in records]
    assert len(letters) == bad + 1 == 1_001
    assert {found.error["stage"] for found in letters} == {"decode", "apply", "key"}
    by_place = {place(r): r for records in driver.log._topics[INPUT] for r in records}
    for found in letters:
        original = by_place[place(found.source)]
        assert (found.record.key, found.record.value, found.headers, found.record.timestamp) == (
            original.key,
            original.value,
            original.headers,
            original.timestamp,
        )
    assert [p.watermark + 1 for p in outcome.progress] == [len(records) for records in driver.log._topics[INPUT]]
    assert sum(totals(driver).values()) == 2_000


def test_a_fixed_letter_is_folded_once_with_its_key_time_and_id() -> None:
    driver = driver_with(follow("a"), follow(POISONED))
    assert totals(driver) == {CHANNEL: 1}
    assert [case.state for case in cases(driver).cases.values()] == ["waiting"]
    fix(driver, "b")
    assert [case.state for case in cases(driver).cases.values()] == ["fixed"]
    planned, done = replay(driver)
    assert not planned.refused
    original, put = source(driver)[1:]
    assert done.positions == {place(original): (INPUT, put.partition, put.offset)}
    assert (put.key, put.timestamp) == (original.key, original.timestamp)
    assert driver.codec.decode(put.value).event_id == driver.codec.decode(original.value).event_id
    assert put.headers == (*original.headers, (REPLAYED, place(original).encode()))
    assert totals(driver) == {CHANNEL: 2}
    assert owed(driver) == []
    assert [case.state for case in cases(driver).cases.values()] == ["replayed"]
    assert replay(driver)[1].positions == {}  # not a second time


def test_a_replay_that_is_repeated_by_hand_counts_once() -> None:
    driver = driver_with(follow(POISONED))
    fix(driver, "b")
    replay(driver)
    put = source(driver)[-1]
    for _ in range(3):
        driver.log.append(INPUT, put.key, put.value, headers=put.headers, timestamp=put.timestamp, partition=put.partition)
    assert totals(driver) == {CHANNEL: 1}


def test_a_view_that_folded_the_original_passes_its_replay_over_also_when_folded_anew() -> None:
    class Mended(CountingFold):
        """The next build takes what this one refused."""

        def apply(self, rows, event, at):
            if event.user_id == POISONED:
                event = msgspec.structs.replace(event, user_id="somebody")
            return super().apply(rows, event, at)

    class Other(Mended):
        name = "other"

    driver = driver_with(follow("a"), follow(POISONED), follow("b", "8"))
    other = MemoryDriver(Other())
    mended = MemoryDriver(Mended())
    for each in (other, mended):
        each.log, each.codec = driver.log, driver.codec
    assert totals(other) == {CHANNEL: 2, "8": 1}
    driver.fold = Mended()
    replay(driver)
    assert totals(driver) == {CHANNEL: 2, "8": 1}  # it owed the record
    assert totals(other) == {CHANNEL: 2, "8": 1}  # it did not
    assert totals(mended) == {CHANNEL: 2, "8": 1}  # nor does a fresh fold, which takes the original in its place


def test_a_letter_behind_which_its_key_went_on_is_refused_with_what_came() -> None:
    driver = driver_with(follow(POISONED), follow("later"), follow("other", "8"), follow("latest"))
    fix(driver, "b")
    planned, done = replay(driver)
    assert done.positions == {}
    [refused] = planned.refused
    assert "2 events of this key came behind it" in refused.reason
    assert "--after-all" in refused.reason
    offsets = [record.offset for record in source(driver)[1:]]
    assert [(event.offset, event.kind) for event in refused.later.first] == [(at, "chronicast.social.Followed") for at in offsets]
    planned, done = replay(driver, after_all=True)
    assert len(done.positions) == 1
    assert totals(driver) == {CHANNEL: 3, "8": 1}


def test_letters_of_a_key_go_together_and_in_their_order() -> None:
    driver = driver_with(follow("a"), *[follow(POISONED)] * 3, follow("x", "8"))
    fix(driver, "b")
    places = [place(record) for record in source(driver)[1:]]
    planned, _ = replay(driver, places[1])
    assert planned.refused[0].reason.startswith("other letters of this key wait too")
    assert places[0] in planned.refused[0].reason
    assert places[2] in planned.refused[0].reason
    _, done = replay(driver, *reversed(places))
    assert list(done.positions) == places
    assert [dict(r.headers)[REPLAYED].decode() for r in source(driver)[4:]] == places


def test_a_replay_that_was_cut_off_goes_on_behind_what_was_put_back() -> None:
    driver = driver_with(*[follow(POISONED)] * 3)
    fix(driver, "b")
    found = cases(driver)
    put_back(driver.log, plan(found, found.cases, driver.codec).cases[:1], found.ends)
    planned, done = replay(driver)
    assert (planned.refused, list(done.positions)) == ([], list(found.cases)[1:])
    assert totals(driver) == {CHANNEL: 3}


def test_what_gets_in_between_is_told() -> None:
    driver = driver_with(follow(POISONED))
    fix(driver, "b")
    found = cases(driver)
    planned = plan(found, found.cases, driver.codec)
    driver.append([follow("quick"), follow("other", "8")])
    done = put_back(driver.log, planned.cases, found.ends)
    [(where, events)] = done.overtaken.items()
    assert where in found.cases
    assert [event.offset for event in events] == [1]


def test_bytes_that_no_view_reads_are_not_put_back() -> None:
    driver = driver_with(follow("a"), b"junk")
    planned, done = replay(driver)
    assert done.positions == {}
    assert "would come back as a dead letter" in planned.refused[0].reason
    assert "dlq fix" in planned.refused[0].reason


def test_a_replay_that_fails_again_is_a_case_of_its_own_with_its_attempt() -> None:
    driver = driver_with(follow(POISONED))
    replay(driver)
    driver.run()
    first, second = cases(driver).cases.values()
    assert first.state == "replayed"
    assert second.source == first.replayed
    assert second.letters[0].error["attempt"] == "2"
    assert owed(driver) == [place(second.source)]
    fix(driver, "b")  # the newest correction of each
    replay(driver)
    assert totals(driver) == {CHANNEL: 1}
    assert owed(driver) == []


def test_letters_of_several_views_and_repeats_after_crashes_are_one_case() -> None:
    class Other(CountingFold):
        name = "other"

    driver = MemoryDriver(CountingFold())
    driver.append([follow("a"), follow(POISONED), Abort.AFTER_OUTPUTS, Abort.AFTER_OUTPUTS])
    driver.run()
    other = MemoryDriver(Other())
    other.log, other.codec = driver.log, driver.codec
    other.run()
    [case] = cases(driver).cases.values()
    assert len(case.letters) == 4
    assert case.processors == ["counting.v1", "other.v1"]


class Trimmed(FragileLog):
    """A log whose retention has taken two records of each partition."""

    def starts_at(self, topic, timestamp):
        return {partition: min(2, end) for partition, end in self.ends(topic).items()}


def test_a_topic_that_has_forgotten_what_came_behind_needs_a_word() -> None:
    driver = driver_with(follow(POISONED))
    found = cases(driver)
    [case] = found.cases.values()
    for _ in range(3):
        driver.log.append(INPUT, b"other", case.current.record.value, partition=case.source.partition)
    trimmed = Trimmed()
    trimmed._topics = {**driver.log._topics, LETTERS: [[], [], [], []]}
    trimmed._topics[LETTERS][case.source.partition] = [case.current.record] * 3
    [refused] = plan(gather(trimmed, [INPUT]), list(found.cases), driver.codec).refused
    assert "no longer on the source" in refused.reason


def test_ticks_pass_a_key_that_only_owes() -> None:
    driver = driver_with(follow(POISONED), *[Tick()] * 8)
    assert totals(driver) == {}
    assert len(owed(driver)) == 1


@pytest.mark.parametrize(
    ("spoil", "way"),
    [
        (lambda value: b"\0\0\0\0\x63" + value[5:], "behind a wrong schema id"),
        (lambda value: value[5:], "without schema id"),
    ],
)
def test_bytes_that_lost_their_id_are_recognised(spoil, way) -> None:
    driver = MemoryDriver(CountingFold())
    event = Followed(event_id="e1", occurred_at=5, producer="p", correlation_id="e1", channel_id="bad", user_id="u")
    driver.append([spoil(driver.codec.encode(INPUT, event))])
    driver.run()
    [case] = cases(driver).cases.values()
    found = [reading for reading in readings(case.current) if type(reading.event) is Followed]
    assert [reading.event for reading in found] == [event]
    assert way in found[0].way
    write(driver, corrected(case.current, found[0].event, driver.codec))
    replay(driver)
    assert totals(driver) == {"bad": 1}
    put = source(driver, "bad")[-1]
    assert dict(put.headers)["ce_id"] == b"e1"
    assert dict(put.headers)["a"] == b"b"  # headers that do not follow from the event stay


def test_json_is_recognised() -> None:
    event = Followed(event_id="e1", occurred_at=5, producer="p", correlation_id="e1", channel_id="bad", user_id="u")
    driver = driver_with(msgspec.json.encode(event))
    [case] = cases(driver).cases.values()
    # Unfollowed has the same fields; Subscribed and Raided have not, so they are not what it may be.
    assert [kind for kind, _ in readings(case.current)] == ["JSON of chronicast.social.Followed", "JSON of chronicast.social.Unfollowed"]
    assert readings(case.current)[0].event == event


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (["channel_id=8"], "has another order"),
        (["event_id=other"], "must stay"),
        (["nothing=1"], "is not field=value"),
        (["occurred_at=soon"], "does not fit"),
    ],
)
def test_a_correction_cannot_move_an_event(settings, why) -> None:
    driver = driver_with(follow(POISONED))
    [case] = cases(driver).cases.values()
    with pytest.raises(UnfixableError, match=why):
        corrected(case.current, changed(decoded(case.current, driver.codec), settings), driver.codec)


def test_a_record_that_is_no_letter_is_named() -> None:
    driver = driver_with(follow(POISONED))
    driver.log.append(LETTERS, b"k", b"what is this?", headers=(("x-error.topic", b"no topic"),), partition=1)
    found = cases(driver)
    assert (len(found.cases), found.foreign) == (1, [(LETTERS, 1, 0)])


USERS = st.sampled_from(["a", "b", POISONED])
STEPS = st.lists(st.one_of(st.builds(follow, USERS, st.sampled_from("789")), st.sampled_from(["run", "fix", "replay"])), max_size=40)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_any_history_of_letters_fixes_and_replays_counts_each_event_at_most_once_and_keeps_the_order(steps) -> None:
    driver = MemoryDriver(CountingFold())
    for step in steps:
        if step == "run":
            driver.run()
        elif step == "fix":
            for case in cases(driver).cases.values():
                if case.state == "waiting":
                    write(driver, corrected(case.current, changed(decoded(case.current, driver.codec), ["user_id=mended"]), driver.codec))
        elif step == "replay":
            replay(driver)
        else:
            driver.append([step])
    driver.run()
    done = [case for case in cases(driver).cases.values() if case.replayed]
    failing = [case for case in cases(driver).cases.values() if not case.replayed]
    originals = [r for records in driver.log._topics[INPUT] for r in records if not any(name == REPLAYED for name, _ in r.headers)]
    assert sum(totals(driver).values()) == len(originals) - len(failing)
    assert owed(driver) == sorted(place(case.source) for case in failing)
    for case in done:  # nothing of the key lies between a record and its replay but replays of what was before
        for record in source(driver, case.group[2].decode()):
            if case.source.offset < record.offset < case.replayed.offset and case.source.partition == record.partition:
                assert place(record) in cases(driver).cases or dict(record.headers).get(REPLAYED)


async def test_crashes_do_not_fold_a_replay_twice() -> None:
    driver = MemoryDriver(CountingFold())
    driver.append([follow("a"), follow(POISONED)])
    await asyncio.to_thread(driver.run)
    fix(driver, "b")
    replay(driver)
    put = source(driver)[-1]
    driver._aborts[put.partition, put.offset] += list(Abort)
    assert await asyncio.to_thread(totals, driver) == {CHANNEL: 2}
    stores = MemoryStores()
    runner = Runner(driver.fold, driver.log, driver.codec, stores)
    await runner.open(put.partition)
    await runner.run_batch(put.partition, driver.log._topics[INPUT][put.partition])
    assert dict(stores._stores["counting.v1", put.partition].scan(b"")) == driver.outcome().rows[put.partition]
    assert FOLLOWERS.name.encode() in b"".join(driver.outcome().rows[put.partition])
