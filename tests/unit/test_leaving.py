"""Renditions that were taken from a job, each with a time of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from sinks.transcoder.leaving import Leaving

LADDER = ("720p30", "480p30", "160p30")


class Timer:
    """A handle of `Clock`."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call = at, call

    def cancel(self) -> None:
        self.at = float("inf")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def later(self, seconds: float, call: Callable[[str], None], name: str) -> Any:
        self.timers.append(Timer(self.now + seconds, lambda: call(name)))
        return self.timers[-1]

    def go(self, to: float) -> None:
        due = sorted((timer for timer in self.timers if timer.at <= to), key=lambda timer: timer.at)
        self.timers = [timer for timer in self.timers if timer.at > to]
        self.now = to
        for timer in due:
            timer.call()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Told = list[tuple[set[str], set[str]]]


@pytest.fixture
def told() -> Told:
    """What the job was told to make, and which of it stays, each time."""
    return []


@pytest.fixture
def leaving(clock: Clock, told: Told) -> Leaving:
    return Leaving(LADDER, lambda renditions, staying: told.append((set(renditions), set(staying))), clock.later)


@pytest.mark.row("T14")
def test_a_second_decision_does_not_lengthen_the_first_ones_time(clock: Clock, told: Told, leaving: Leaving) -> None:
    leaving.decide(("480p30", "160p30"), 30)
    assert told[-1] == (set(LADDER), {"480p30", "160p30"})
    clock.go(20)
    leaving.decide(("160p30",), 30)
    assert told[-1] == (set(LADDER), {"160p30"})
    clock.go(30)
    assert told[-1] == ({"480p30", "160p30"}, {"160p30"})
    clock.go(50)
    assert told[-1] == ({"160p30"}, {"160p30"})


def test_an_upgrade_does_not_shorten_it(clock: Clock, told: Told, leaving: Leaving) -> None:
    leaving.decide(("160p30",), 30)
    clock.go(10)
    leaving.decide(("480p30", "160p30"))
    assert told[-1] == (set(LADDER), {"480p30", "160p30"})
    clock.go(100)
    assert told[-1] == ({"480p30", "160p30"}, {"480p30", "160p30"}), "480p30 was given back and stays"


def test_without_grace_it_ends_at_once(told: Told, leaving: Leaving) -> None:
    leaving.decide(("160p30",))
    assert told == [({"160p30"}, {"160p30"})]


def test_nothing_is_told_after_the_close(clock: Clock, told: Told, leaving: Leaving) -> None:
    leaving.decide((), 30)
    leaving.close()
    clock.go(100)
    assert told == [(set(LADDER), set())]
