"""A partition that stands still while records wait is told; anything else is not."""

from streams.watchdog import Watchdog

AT = ("view.v1", 0)


def test_only_a_partition_with_records_waiting_and_no_progress_is_stalled() -> None:
    now = [0.0]
    dog = Watchdog(patience_s=10, clock=lambda: now[0])

    def look(seconds: float, offset: int, lag: int) -> list[str]:
        now[0] += seconds
        return dog.stalled({AT: (offset, lag)})

    assert look(0, 5, 3) == []
    assert look(9, 5, 3) == []
    assert look(9, 6, 3) == []  # it moved
    assert look(9, 6, 0) == []  # nothing waits
    assert look(9, 6, 1) == []
    assert look(2, 6, 1) == ["view.v1/0 stands at offset 6 for 11 s with 1 records waiting"]
    assert dog.stalled({}) == []  # it was given away
    assert look(9, 6, 1) == []
