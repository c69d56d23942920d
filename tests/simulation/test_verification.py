"""The checker is checked: what goes wrong in a live view is found, and named with its key and event."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from schemas.event import Event
from schemas.events import Followed
from schemas.registry import LocalRegistry
from streams.fold import At, Rows, Table
from streams.replay.partition import Connection
from streams.rows import ENCODER
from streams.snapshots import Snapshots
from streams.store import table_prefix
from streams.views.store_reading import NoStoreError
from streams.views.verification import Ground, NotVerifiableError, Verdict, Verification, Verifying, verify
from tests.live_view import LiveView
from tests.simulation.counting import INPUT, TOTAL, Count, CountingFold

pytestmark = pytest.mark.row("E2")
EVENTS = 1_200


class Last(msgspec.Struct, frozen=True):
    chain: int
    """Depends on all events and their order."""


CHAIN = Table("chain", Last)


class SilentFold:
    """A view without outputs: what its events did can be told from its rows alone."""

    name, version, inputs, outputs, tables = "silent", 1, (INPUT,), (), (CHAIN, TOTAL)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        assert isinstance(event, Followed)
        chain = rows[CHAIN].get("all", Last(0)).chain
        rows[CHAIN]["all"] = Last((31 * chain + int(event.user_id) + 1) % 1_000_003)
        rows[TOTAL]["all"] = Count(rows[TOTAL].get("all", Count(0)).total + 1)
        return ()


class WrongCounting(CountingFold):
    """Counts a follow by user 7 of channel 3 twice, from its tenth follow on."""

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        assert isinstance(event, Followed)
        wrong = event.channel_id == "3" and event.user_id == "7" and rows[TOTAL].get("all", Count(0)).total >= 10
        if wrong:
            rows[TOTAL]["all"] = Count(rows[TOTAL]["all"].total + 1)
        yield from super().apply(rows, event, at)


class WrongSilent(SilentFold):
    """Takes user 5 of channel 2 for user 6, once and for ever."""

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        assert isinstance(event, Followed)
        if event.channel_id == "2" and event.user_id == "5":
            event = msgspec.structs.replace(event, user_id="6")
        return super().apply(rows, event, at)


def follows(count: int = EVENTS, channels: int = 8) -> list[Followed]:
    return [Followed(channel_id=str(i % channels), user_id=str(i % 13)) for i in range(count)]


async def verified(live: LiveView, snapshots: Snapshots | None = None, **options) -> Verdict:
    ground = Ground(live.fold, live.log, live.codec, live.directory, snapshots)
    return await Verification(ground, live.folder / "scratch").run(**options)


def only_wrong(verdict: Verdict) -> tuple:
    """The one partition that differs."""
    assert not verdict.equal
    [wrong] = [each for each in verdict.partitions if not each.equal]
    assert wrong.parting is not None
    return wrong, wrong.parting


async def test_a_view_that_is_right_is_equal_and_so_are_its_outputs(tmp_path: Path) -> None:
    live = LiveView(tmp_path, CountingFold())
    live.append(follows())
    await live.fold_on()
    told = []
    connection = Connection(live.log, live.codec, LocalRegistry())
    asked = Verifying(live.fold, lambda: connection, live.directory, tmp_path / "scratch", outputs=True)
    verdict = await asyncio.to_thread(verify, asked, live.log, lambda done, total: told.append((done, total)))
    assert verdict.equal
    assert verdict.events == EVENTS
    assert all(each.live == each.rows == each.fresh and each.parting is None for each in verdict.partitions)
    assert verdict.outputs is not None
    assert (verdict.outputs.expected, verdict.outputs.repeats, verdict.outputs.faults) == (EVENTS, 0, ())
    assert told[-1] == (EVENTS, EVENTS)
    assert all(a[0] < b[0] for a, b in pairwise(told))


@pytest.mark.parametrize("fold", [CountingFold(), SilentFold()], ids=["outputs", "silent"])
async def test_a_lost_event_is_named(tmp_path: Path, fold) -> None:
    live = LiveView(tmp_path, fold)
    places = live.append(follows())
    lost = places[700]
    await live.fold_on(lose=[lost])
    wrong, parting = only_wrong(await verified(live))
    channel = str(700 % 8)
    assert (parting.partition, parting.offset, parting.key, parting.type) == (*lost, channel, "chronicast.social.Followed")
    assert parting.sure
    assert "left out" in parting.how
    assert ("missing from chat.message.events.v1" in parting.how) == bool(fold.outputs)
    assert {row.key for row in wrong.shown} == {channel}
    assert all(row.kind == "changed" for row in wrong.shown)
    total = next(row for row in wrong.shown if row.table == "total")
    assert (total.row, total.live, total.fresh) == ("all", {"total": 149, "ticks": 0}, {"total": 150, "ticks": 0})


@pytest.mark.parametrize("fold", [CountingFold(), SilentFold()], ids=["outputs", "silent"])
async def test_a_doubled_event_is_named(tmp_path: Path, fold) -> None:
    live = LiveView(tmp_path, fold)
    places = live.append(follows())
    doubled = places[333]
    await live.fold_on(double=[doubled])
    _, parting = only_wrong(await verified(live))
    assert (parting.partition, parting.offset, parting.key) == (*doubled, str(333 % 8))
    assert parting.sure
    assert "folded twice" in parting.how


async def test_a_wrong_fold_is_named_by_the_first_event_that_it_took_otherwise(tmp_path: Path) -> None:
    live = LiveView(tmp_path, CountingFold())
    events = follows()
    places = live.append(events)
    await live.fold_on(fold=WrongCounting())
    wrong, parting = only_wrong(await verified(live))
    seen = [i for i, event in enumerate(events) if event.channel_id == "3"]
    first = next(i for n, i in enumerate(seen) if n >= 10 and events[i].user_id == "7")
    assert (parting.partition, parting.offset, parting.key) == (*places[first], "3")
    assert "with the id that it must have and other content" in parting.how
    assert wrong.shown[0].key == "3"


async def test_a_wrong_silent_fold_is_narrowed_down_by_snapshots(tmp_path: Path, objects) -> None:
    live = LiveView(tmp_path, SilentFold())
    snapshots = Snapshots(objects, [live.fold])
    live.append(follows(600))
    await live.fold_on(snapshots=snapshots, every=50)
    live.append([Followed(channel_id="1", user_id="1")] * 30)
    [culprit] = live.append([Followed(channel_id="2", user_id="5")])
    live.append(follows(600))
    await live.fold_on(snapshots=snapshots, every=50, fold=WrongSilent())
    _, parting = only_wrong(await verified(live, snapshots))
    assert parting.partition == culprit[0]
    assert parting.after < culprit[1] <= parting.up_to
    assert parting.up_to - parting.after <= 100


async def test_an_event_is_found_in_the_range_between_two_snapshots(tmp_path: Path, objects) -> None:
    live = LiveView(tmp_path, SilentFold())
    snapshots = Snapshots(objects, [live.fold])
    places = live.append(follows())
    lost = places[500]
    await live.fold_on(snapshots=snapshots, every=50, lose=[lost])
    _, parting = only_wrong(await verified(live, snapshots))
    assert (parting.partition, parting.offset, parting.sure) == (*lost, True)
    assert 0 < parting.after < lost[1] <= parting.up_to < live.log.ends(INPUT)[lost[0]] - 1


async def test_a_row_that_was_changed_beneath_the_view_is_named_with_the_event_that_wrote_it(tmp_path: Path) -> None:
    live = LiveView(tmp_path, CountingFold())
    places = live.append(follows())
    await live.fold_on()
    events = follows()
    last = max(i for i, event in enumerate(events) if (event.channel_id, event.user_id) == ("4", "9"))
    partition, offset = places[last]
    database = live.raw(partition)
    address = table_prefix(b"4", "followers") + b"9"
    row = bytearray(database[address])
    row[-1] ^= 1
    database[address] = bytes(row)
    database.close()
    wrong, parting = only_wrong(await verified(live))
    assert wrong.live == wrong.fresh != wrong.rows
    [shown] = wrong.shown
    assert (shown.key, shown.table, shown.row, shown.kind) == ("4", "followers", "9", "changed")
    assert shown.live != shown.fresh
    assert (parting.partition, parting.offset, parting.key) == (partition, offset, "4")
    assert "changed afterwards, not by the view" in parting.how


@pytest.mark.parametrize(("users", "damage"), [(13, True), (3_000, False)], ids=["the only block", "one of many"])
async def test_a_byte_flipped_in_a_file_is_found_though_the_database_skips_the_block(tmp_path: Path, users: int, damage: bool) -> None:
    live = LiveView(tmp_path, CountingFold())
    live.append(Followed(channel_id="4", user_id=f"{i % users:04}") for i in range(3_000))
    await live.fold_on()
    [partition] = [p for p, end in live.log.ends(INPUT).items() if end]
    database = live.raw(partition)
    database.flush()
    database.close()
    [file] = (live.directory / str(partition)).glob("*.sst")
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    wrong, parting = only_wrong(await verified(live))
    assert wrong.partition == partition
    assert bool(wrong.damage) == damage
    assert wrong.differing > 0
    shown = wrong.shown[0]
    assert (shown.key, shown.table, shown.row, shown.kind, shown.live) == ("4", "followers", "0000", "unreadable", None)
    assert shown.fresh == {"total": 3_000 // users + (3_000 % users > 0), "ticks": 0}
    last = max(i for i in range(3_000) if i % users == 0)
    assert (parting.partition, parting.offset, parting.key) == (partition, last, "4")


async def test_outputs_that_are_lost_or_contradict_are_named_and_repeats_are_not(tmp_path: Path) -> None:
    live = LiveView(tmp_path, CountingFold())
    live.append(follows(80))
    await live.fold_on()
    made = [r for p in live.partitions for r in live.log._topics["chat.message.events.v1"][p]]
    repeated, contradicted, lost = made[3], made[10], made[20]
    live.log.append(repeated.topic, repeated.key, repeated.value, headers=repeated.headers, timestamp=repeated.timestamp)
    live.log.append(repeated.topic, repeated.key, repeated.value, headers=contradicted.headers, timestamp=contradicted.timestamp)
    live.log._topics[lost.topic][lost.partition][lost.offset] = lost._replace(headers=())
    verdict = await verified(live, outputs=True)
    assert all(each.equal for each in verdict.partitions)
    assert not verdict.equal
    assert verdict.outputs is not None
    sources = {dict(r.headers)["x-source"].decode(): r for r in (contradicted, lost)}
    named = {f"{INPUT}/{f.partition}/{f.offset}/{f.index}": f.fault for f in verdict.outputs.faults}
    assert named == dict(zip(sources, ("conflicting", "lost"), strict=True))


async def test_a_fold_from_the_newest_snapshot_takes_less_and_says_from_where(tmp_path: Path, objects) -> None:
    live = LiveView(tmp_path, CountingFold())
    snapshots = Snapshots(objects, [live.fold])
    live.append(follows())
    await live.fold_on(snapshots=snapshots, every=100)
    verdict = await verified(live, snapshots, from_snapshot=True)
    assert verdict.equal
    assert 0 < verdict.events < EVENTS
    assert all(each.folded_from > 0 for each in verdict.partitions if each.watermark >= 100)


async def test_a_log_whose_beginning_is_gone_is_verified_from_a_snapshot_or_refused(tmp_path: Path, objects, monkeypatch) -> None:
    live = LiveView(tmp_path, CountingFold())
    snapshots = Snapshots(objects, [live.fold])
    live.append(follows())
    await live.fold_on(snapshots=snapshots, every=100)
    real = live.log.starts_at
    monkeypatch.setattr(
        live.log, "starts_at", lambda topic, at: {p: 60 if topic == INPUT and at is None else o for p, o in real(topic, at).items()}
    )
    with pytest.raises(NotVerifiableError, match="begins at offset 60: what lay before is gone"):
        await verified(live)
    verdict = await verified(live, snapshots)
    assert verdict.equal
    assert all(each.folded_from > 60 for each in verdict.partitions)


async def test_a_view_that_is_not_here_is_told_so(tmp_path: Path) -> None:
    live = LiveView(tmp_path, CountingFold())
    with pytest.raises(NoStoreError, match="holds no stores"):
        await verified(live)


async def test_the_first_rows_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    live = LiveView(tmp_path, CountingFold())
    live.append(Followed(channel_id="1", user_id=str(i)) for i in range(100))
    await live.fold_on()
    partition = next(p for p, end in live.log.ends(INPUT).items() if end)
    database = live.raw(partition)
    for i in range(50):
        database[table_prefix(b"1", "followers") + str(i).encode()] = ENCODER.encode(Count(9))
    database.close()
    wrong, _ = only_wrong(await verified(live))
    assert (wrong.differing, len(wrong.shown)) == (50, 20)
