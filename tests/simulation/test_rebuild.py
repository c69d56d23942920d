"""A view is rebuilt beside the live one, takes over while its worker runs, and comes back where it is rolled back."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest

from schemas.events import Followed
from schemas.registry import LocalRegistry
from streams.errors import FatalError
from streams.fold import At
from streams.replay.partition import Connection
from streams.rows import ENCODER
from streams.runner import Runner
from streams.snapshots import Snapshots
from streams.store_memory import MemoryStores
from streams.store_rocksdict import RocksStores
from streams.views.generations import TOPIC, ActiveStores, Generation, Generations, read_generations, register
from streams.views.rebuild import NoWayBackError, Rebuild, Site, prune, roll_back
from streams.views.verification import Ground, Verification
from tests.live_view import LiveView
from tests.simulation.counting import INPUT, OUTPUT, Count, CountingFold

pytestmark = pytest.mark.row("E2")


class CountingFold2(CountingFold):
    """Its next version."""

    version = 2


class Stage:
    """A live view whose worker runs on while it is rebuilt."""

    def __init__(self, folder: Path, objects=None) -> None:
        self.live = LiveView(folder, CountingFold())
        self.snapshots = Snapshots(objects, [self.live.fold]) if objects else None
        self.views = folder / "views"
        self.generations = Generations()
        self.runner = self.worker()
        register(self.generations, self.live.publisher, self.live.fold)

    def worker(self, fold=None) -> Runner:
        stores = ActiveStores(RocksStores(self.views), self.generations)
        return Runner(fold or self.live.fold, self.live.log, self.live.codec, stores)

    def site(self, fold=None, sent=dict) -> Site:
        fold = fold or self.live.fold
        return Site(fold, self.connection, self.views, read_generations(self.live.log, self.live.codec), sent)

    def connection(self) -> Connection:
        return Connection(self.live.log, self.live.codec, LocalRegistry(), self.snapshots)

    def rebuild(self, fold=None, sent=dict) -> Rebuild:
        return Rebuild(self.site(fold, sent), self.connection())

    async def follow(self, count: int) -> None:
        """New events, folded by the worker."""
        self.live.append(Followed(channel_id=str(i % 7), user_id=str(i % 5)) for i in range(count))
        await self.run(self.runner)

    async def run(self, runner: Runner) -> None:
        for partition in self.live.partitions:
            start = await runner.open(partition, self.generations.sent(runner.view, partition))
            for at in range(start, self.live.log.ends(INPUT)[partition], 40):
                await runner.run_batch(partition, self.live.records(partition, at, min(at + 40, self.live.log.ends(INPUT)[partition])))

    async def hear(self) -> None:
        """The worker hears of a cut-over."""
        record = self.live.log._topics[TOPIC][0][-1]
        self.generations.apply(self.live.codec.decode(record.value), At(TOPIC, 0, record.offset, 0))
        for partition in self.runner.partitions:
            await self.runner.reopen(partition)

    async def end(self) -> None:
        for partition in self.live.partitions:
            await self.runner.close(partition)

    async def equal(self, outputs: bool = True) -> bool:
        fold = self.live.fold
        ground = Ground(fold, self.live.log, self.live.codec, self.views / self.generations.active(fold).stores(fold.name))
        verdict = await Verification(ground, self.live.folder / "scratch").run(outputs=outputs)
        return verdict.equal and (verdict.outputs is None or verdict.outputs.repeats == 0)


async def test_a_rebuilt_view_takes_over_while_its_worker_runs_and_not_one_output_is_repeated(tmp_path: Path, objects) -> None:
    stage = Stage(tmp_path, objects)
    await stage.follow(700)
    told = []
    rebuild = stage.rebuild()
    built = await rebuild.build(lambda done, total: told.append((done, total)))
    assert (built.view, built.replaces, built.proven, built.lost) == ("counting.v1+1", "counting.v1", True, False)
    await stage.follow(500)  # the live view moves on meanwhile
    event = await rebuild.cut_over(built, stage.live.publisher)
    assert (event.version, event.generation, event.previous_version, event.previous_generation) == (1, 1, 1, 0)
    await stage.hear()
    await stage.follow(300)
    await stage.end()
    assert await stage.equal()
    assert {path.name for path in stage.views.iterdir()} == {"counting.v1", "counting.v1+1"}
    assert await stage.snapshots.watermarks("counting.v1+1", 0)
    assert sum(stage.live.log.ends(OUTPUT).values()) == 1_500


@pytest.mark.parametrize("partition", [1, 3])
async def test_a_damaged_row_is_repaired_for_the_digest_that_was_kept_proves_the_new_rows(tmp_path: Path, partition: int) -> None:
    stage = Stage(tmp_path)
    await stage.follow(700)
    await stage.end()
    database = stage.live.raw(partition)
    address = next(address for address, _ in database.items() if not address.startswith(b"\xff"))
    database[address] = ENCODER.encode(Count(99))
    database.close()
    rebuild = stage.rebuild()
    built = await rebuild.build()
    assert built.proven
    assert [each.differing for each in built.partitions] == [int(each == partition) for each in range(4)]
    assert not await stage.equal()
    await rebuild.cut_over(built, stage.live.publisher)
    await stage.hear()
    await stage.follow(100)
    await stage.end()
    assert await stage.equal()


async def test_a_killed_view_is_rebuilt_up_to_what_it_had_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(700)
    committed = {partition: stage.runner.next_offset(partition) for partition in range(4)}
    await stage.end()
    stage.live.append(Followed(channel_id="1", user_id="x") for _ in range(20))
    shutil.rmtree(stage.live.directory)
    rebuild = stage.rebuild(sent=lambda: committed)
    built = await rebuild.build()
    assert (built.lost, built.events) == (True, 700)
    await rebuild.cut_over(built, stage.live.publisher)
    await stage.hear()
    stage.runner = stage.worker()
    await stage.follow(100)
    await stage.end()
    assert await stage.equal()
    assert sum(stage.live.log.ends(OUTPUT).values()) == 820


async def test_a_live_view_that_went_wrong_is_not_proven(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    places = stage.live.append(Followed(channel_id=str(i % 7), user_id="1") for i in range(200))
    await stage.live.fold_on(lose=[places[50]])
    rebuild = stage.rebuild()
    built = await rebuild.build()
    assert not built.proven
    assert [each.proven for each in built.partitions].count(False) == 1
    rebuild.discard(built)
    assert {path.name for path in stage.views.iterdir()} == {"counting.v1"}


async def test_what_an_interrupted_rebuild_left_is_no_harm(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(200)
    for left in ("counting.v1+1", ".rebuilding-counting.v1/counting.v1"):
        (stage.views / left / "0").mkdir(parents=True)
        (stage.views / left / "0" / "CURRENT").write_text("torn")
    assert (await stage.rebuild().build()).proven
    assert {path.name for path in stage.views.iterdir()} == {"counting.v1", "counting.v1+1"}


async def test_a_roll_back_brings_the_former_stores_back_and_sends_nothing_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(400)
    with pytest.raises(NoWayBackError, match="the first that the log knows of"):
        roll_back(stage.site(), stage.live.log, stage.live.publisher)
    rebuild = stage.rebuild()
    await rebuild.cut_over(await rebuild.build(), stage.live.publisher)
    await stage.hear()
    await stage.follow(300)
    event = roll_back(stage.site(), stage.live.log, stage.live.publisher)
    assert (event.generation, event.previous_generation, event.reason) == (0, 1, "rolled_back")
    await stage.hear()
    await stage.follow(50)
    await stage.end()
    assert stage.generations.active(stage.live.fold) == Generation(1, 0)
    assert await stage.equal()
    assert stage.rebuild().next() == Generation(1, 2)
    assert prune(stage.site()) == []


async def test_only_the_stores_in_use_and_those_before_are_kept(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(50)
    for _ in range(2):
        rebuild = stage.rebuild()
        await rebuild.cut_over(await rebuild.build(), stage.live.publisher)
        await stage.hear()
    assert prune(stage.site()) == ["counting.v1"]
    shutil.rmtree(stage.views / "counting.v1+1")
    with pytest.raises(NoWayBackError, match="is not on this host any more"):
        roll_back(stage.site(), stage.live.log, stage.live.publisher)


async def test_the_next_version_sends_what_the_former_had_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(300)
    await stage.end()
    stage.live.append(Followed(channel_id="1", user_id="late") for _ in range(30))
    fold = CountingFold2()
    rebuild = stage.rebuild(fold)
    assert not stage.site(fold).generations.runs(fold)
    assert rebuild.next() == Generation(2, 0)
    stage.generations.apply(await rebuild.cut_over(await rebuild.build(), stage.live.publisher), At(TOPIC, 0, 0, 0))
    assert stage.generations.runs(fold)
    assert not stage.generations.runs(stage.live.fold)
    await stage.run(worker := stage.worker(fold))
    for partition in range(4):
        await worker.close(partition)
    producers = Counter(stage.live.codec.decode(r.value).producer for p in range(4) for r in stage.live.log._topics[OUTPUT][p])
    assert producers == {"counting.v1": 300, "counting.v2": 30}


async def test_a_store_that_is_ahead_is_not_taken(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(40)
    behind = Runner(stage.live.fold, stage.live.log, stage.live.codec, stores := MemoryStores())
    await behind.open(0)
    ahead = Runner(stage.live.fold, stage.live.log, stage.live.codec, others := MemoryStores())
    await ahead.open(0, emitted=100)
    await ahead.run_batch(0, stage.live.records(0))
    await ahead.close(0)
    stores._stores = others._stores
    with pytest.raises(FatalError, match="is ahead of the live one"):
        await behind.reopen(0)
    assert behind.next_offset(0) == 0


async def test_a_cut_over_waits_for_the_batch_in_flight(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.follow(300)
    rebuild = stage.rebuild()
    await rebuild.cut_over(await rebuild.build(), stage.live.publisher)
    stage.live.append(Followed(channel_id=str(i % 7), user_id="3") for i in range(300))
    await asyncio.gather(stage.run(stage.runner), stage.hear(), stage.run(stage.runner))
    await stage.end()
    assert await stage.equal()
