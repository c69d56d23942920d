"""Several processes verify and rebuild a view: they find and make what one does."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from schemas.event import Event
from streams.fold import At, Rows
from streams.replay.bounded import replay
from streams.replay.partition import Plan
from streams.replay.ranges import ranges
from streams.views.generations import Generations
from streams.views.rebuild import Rebuild, Site
from streams.views.verification import Verdict, Verifying, verify
from tests.simulation.counting import INPUT, TOTAL, Count, CountingFold
from tests.simulation.replaying import EVENTS, connect

pytestmark = pytest.mark.row("E2")
VIEW = "counting.v1"


class Miscounting(CountingFold):
    """Counts the follows of channel 7 twice."""

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        if getattr(event, "channel_id", "") == "7":
            rows[TOTAL]["all"] = Count(rows[TOTAL].get("all", Count(0)).total + 1)
        yield from super().apply(rows, event, at)


def lived(views: Path, fold: CountingFold) -> Path:
    """Stores of a view that was folded to the log's end."""
    replay(Plan(INPUT, ranges(connect().source, INPUT, None, None), fold), connect, stores=views)
    return views / VIEW


def verified(stores: Path, scratch: Path, processes: int) -> tuple[Verdict, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    asked = Verifying(CountingFold(), connect, stores, scratch)
    verdict = verify(asked, connect().source, lambda *progress: told.append(progress), processes)
    return verdict, told


def test_three_processes_verify_what_one_does(tmp_path: Path) -> None:
    stores = lived(tmp_path / "views", CountingFold())
    one, _ = verified(stores, tmp_path / "scratch", 1)
    three, told = verified(stores, tmp_path / "scratch", 3)
    assert one.equal
    assert three.partitions == one.partitions
    assert three.events == one.events == EVENTS + 2
    assert told[-1] == (EVENTS + 2, EVENTS + 2)


def test_three_processes_name_the_same_key_and_event(tmp_path: Path) -> None:
    stores = lived(tmp_path / "views", Miscounting())
    one, _ = verified(stores, tmp_path / "scratch", 1)
    three, _ = verified(stores, tmp_path / "scratch", 3)
    assert not one.equal
    assert three.partitions == one.partitions
    [wrong] = [partition for partition in three.partitions if not partition.equal]
    assert {row.key for row in wrong.shown} == {"7"}
    assert wrong.parting is not None


def test_a_view_is_rebuilt_by_three_processes(tmp_path: Path) -> None:
    stores = lived(tmp_path / "views", CountingFold())
    told: list[tuple[int, int]] = []
    rebuild = Rebuild(Site(CountingFold(), connect, tmp_path / "views", Generations()), connect())
    built = asyncio.run(rebuild.build(lambda *progress: told.append(progress), 3))
    assert built.proven
    assert built.events == EVENTS + 2
    assert told[-1] == (EVENTS + 2, EVENTS + 2)
    again, _ = verified(tmp_path / "views" / built.view, tmp_path / "scratch", 1)
    assert [part.fresh for part in again.partitions] == [part.digest for part in built.partitions]
    assert stores.exists()
