"""However sessions come and go, and in whatever order and batches their words arrive, the count is that of who is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.viewers import VIEWERS
from processors.viewers.fold import EXPIRY_US, present
from schemas.event import Event
from schemas.events import ViewerHeartbeat, ViewerJoined, ViewerLeft, WatchQuality
from tests.folding import folded

SECOND = 1_000_000
KINDS = {"join": ViewerJoined, "beat": ViewerHeartbeat}
WORDS = st.lists(st.tuples(st.sampled_from(["join", "beat", "left"]), st.integers(0, 5), st.integers(0, 400)), max_size=40)


def event(kind: str, session: int, second: int) -> Event:
    common = {"channel_id": "42", "viewer_session_id": f"s{session}", "occurred_at": 1 + second * SECOND}
    return ViewerLeft(**common, watched_ms=1) if kind == "left" else KINDS[kind](**common)


def truth(words: list[tuple[str, int, int]], now: int) -> int:
    """By the definition, from all words at once."""
    newest: dict[int, tuple[int, bool]] = {}
    for kind, session, second in words:
        newest[session] = max(newest.get(session, (0, False)), (1 + second * SECOND, kind == "left"))
    return sum(not left and now - EXPIRY_US <= at < now for at, left in newest.values())


@pytest.mark.row("F2", "E5")
@given(WORDS, st.integers(0, 40), st.integers(0, 80), st.randoms(use_true_random=False))
def test_the_count_is_that_of_the_newest_words_however_they_are_split_and_ordered(words, cut, later, random) -> None:
    """Within what a moment after the last word can still know: older words have expired."""
    now = (max((second for _, _, second in words), default=0) + later) * SECOND + 2
    events = [event(*word) for word in words]
    at_once = folded(VIEWERS, events)
    in_two = folded(VIEWERS, events[cut:], folded(VIEWERS, events[:cut]))
    assert at_once == in_two
    random.shuffle(events)
    assert present(at_once, now) == present(folded(VIEWERS, events), now) == truth(words, now)


@pytest.mark.row("E5")
def test_who_falls_silent_expires_and_leaves_no_row_behind() -> None:
    events = [event("join", n, 0) for n in range(5)]
    rows = folded(VIEWERS, events)
    assert [present(rows, 1 + at) for at in (0, 1, EXPIRY_US, EXPIRY_US + 1)] == [0, 5, 5, 0]
    rows = folded(VIEWERS, [event("join", 9, 200)], rows)
    assert {len(rows[table]) for table in VIEWERS.tables} == {1}


def test_reports_of_quality_are_no_viewers() -> None:
    report = WatchQuality(
        channel_id="42", viewer_session_id="s", rendition="source", low_latency=True, latency_ms=1, buffer_ms=1, stalls=0, stalled_ms=0
    )
    assert folded(VIEWERS, [report]) == {}
