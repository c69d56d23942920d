"""What commands share: moments as people give them, and how far a piece of work is."""

import time

import pytest

from infra.cli import moments, progress
from infra.cli.console import CommandError
from streams.log_memory import MemoryLog

TOPIC = "channel.social.events.v1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", 1_769_860_800_000),
        ("2026-01-31T12:00:00", 1_769_860_800_000),
        ("2026-01-31T13:00:00.5+01:00", 1_769_860_800_500),
    ],
)
def test_a_time_is_utc_unless_it_says_its_zone(text: str, expected: int) -> None:
    assert moments.milliseconds(text, "--from") == expected


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7_200), ("1d", 86_400)])
def test_an_age_is_so_long_ago(text: str, seconds: int) -> None:
    assert moments.milliseconds(text, "--from") == pytest.approx((time.time() - seconds) * 1_000, abs=10_000)


def test_what_is_no_moment_is_named_with_its_option() -> None:
    with pytest.raises(CommandError, match="--to 'yesterday' is none of start, end, an age such as 10m"):
        moments.milliseconds("yesterday", "--to")


def test_moments_are_offsets_of_each_partition() -> None:
    log = MemoryLog()
    for second in range(10):
        log.append(TOPIC, b"k", b"", timestamp=second * 1_000, partition=second % 2)
    assert moments.offsets(log, TOPIC, "start", "--from") == {0: 0, 1: 0, 2: 0, 3: 0}
    assert moments.offsets(log, TOPIC, "end", "--from") == {0: 5, 1: 5, 2: 0, 3: 0}
    assert moments.offsets(log, TOPIC, "1970-01-01T00:00:05Z", "--from") == {0: 3, 1: 2, 2: 0, 3: 0}


@pytest.mark.row("U4")
def test_progress_is_silent_at_first_and_then_tells_the_time_that_is_left(monkeypatch, capsys) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.progress("counting") as shown:
        shown(10, 100)
        now[0] += 1.9
        shown(15, 100)
        assert capsys.readouterr().err == ""
        now[0] += 8.1
        shown(25, 100)
        now[0] += 1
        shown(26, 100)
    assert capsys.readouterr().err == "counting: 25 of 100, 30 s left\n"
