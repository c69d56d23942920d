"""A VOD's life by event time: hot, warm, cold, and away, each step once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.vod.fold import DAY_US, FOR_EVER, ShelfFold
from processors.vod.state import DUE, VODS
from schemas.event import Event
from schemas.events import DeleteVod, MoveVod, ShelveVod, Tick
from streams.fold import At
from tests.folding import memory_rows

FOLD = ShelfFold()
BEGAN = 20_000 * DAY_US


class Shelf:
    """A shelf, and what it has asked for by day."""

    def __init__(self) -> None:
        self.rows = memory_rows()

    def put(self, vod_id: str, days: int, at: int = BEGAN) -> None:
        event = ShelveVod(shelf="shelf-0", channel_id="7", vod_id=vod_id, archived_at=at, retention_days=days)
        assert list(FOLD.apply(self.rows, event, At(FOLD.inputs[0], 0, 0, at))) == []

    def tick(self, day: float) -> list[Event]:
        return list(FOLD.apply(self.rows, Tick(), At(FOLD.inputs[0], 0, 0, BEGAN + round(day * DAY_US))))

    def life(self, days: int = 70, step: float = 1 / 24) -> dict[float, str]:
        """Day -> what was asked."""
        found = {}
        for number in range(round(days / step) + 1):
            for event in self.tick(number * step):
                found[round(number * step, 2)] = event.storage if isinstance(event, MoveVod) else "deleted"
        return found


@pytest.mark.row("V4", "V6")
@pytest.mark.parametrize(
    ("days", "life"),
    [
        (14, {7: "warm", 14: "deleted"}),
        (60, {7: "warm", 60: "deleted"}),
        (65, {7: "warm", 60: "cold", 65: "deleted"}),
        (FOR_EVER, {7: "warm", 60: "cold"}),
        (3, {3: "deleted"}),
        (0, {0: "deleted"}),
    ],
)
def test_each_step_comes_once_at_its_day(days: int, life: dict[float, str]) -> None:
    shelf = Shelf()
    shelf.put("v", days)
    assert shelf.life() == life


@pytest.mark.row("V6")
def test_another_retention_takes_the_place_of_the_former_and_what_was_moved_stays_moved() -> None:
    shelf = Shelf()
    shelf.put("v", 14)
    assert [event.storage for event in shelf.tick(8) if isinstance(event, MoveVod)] == ["warm"]
    shelf.put("v", FOR_EVER)
    assert shelf.life() == {60: "cold"}


def test_time_that_was_missed_is_made_up_by_one_step() -> None:
    shelf = Shelf()
    shelf.put("kept", FOR_EVER)
    shelf.put("gone", 14)
    events = shelf.tick(100)
    assert [type(event) for event in events] == [MoveVod, DeleteVod]
    assert isinstance(events[0], MoveVod)
    assert events[0].storage == "cold"
    assert shelf.tick(101) == []


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 80), st.integers(0, 5)), max_size=12), st.lists(st.integers(0, 200), max_size=30)
)
@pytest.mark.row("V4", "V6")
def test_whenever_ticks_come_each_vod_only_gets_colder_and_rows_are_of_those_that_live(
    vods: list[tuple[int, int, int]], days: list[int]
) -> None:
    shelf, reached, gone, kept = Shelf(), dict[str, list[str]](), set[str](), dict[str, int]()
    for archived, retention, number in vods:
        shelf.put(f"v{number}", retention, BEGAN + archived * DAY_US)
        kept[f"v{number}"] = retention
    for day in sorted(days):
        for event in shelf.tick(day):
            if isinstance(event, DeleteVod):
                assert event.vod_id not in gone
                gone.add(event.vod_id)
            elif isinstance(event, MoveVod):
                assert event.vod_id not in gone
                reached.setdefault(event.vod_id, []).append(event.storage)
    assert all(steps in (["warm"], ["cold"], ["warm", "cold"]) for steps in reached.values())
    assert set(shelf.rows[VODS]) == set(kept) - gone
    assert {row.vod_id for row in shelf.rows[DUE].values()} == {vod_id for vod_id, vod in shelf.rows[VODS].items() if vod.due_at}
