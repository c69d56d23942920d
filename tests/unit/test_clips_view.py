"""The clips view: processing, ready or failed, tried again, whatever comes twice or late; and what is told of it equals the fold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.clips import CLIPS as FOLD
from processors.clips.state import CLIPS
from schemas.event import Event
from schemas.events import ClipFailed, ClipReady, ClipRequested, CreateClip, FailClip, FinishClip, RetryClip
from sinks.clips.clips import Clips, describe
from streams.fold import At
from tests.folding import memory_rows

SECOND = 1_000_000


def create(clip_id: str = "c", ms: int = 30_000) -> CreateClip:
    asked = {"channel_id": "7", "creator_id": "8", "title": "", "source": "live", "vod_id": None, "ends_at": SECOND, "offset_ms": 0}
    return CreateClip(clip_id=clip_id, duration_ms=ms, **asked)


def finish(attempt: int = 1, clip_id: str = "c") -> FinishClip:
    made = {"duration_ms": 30_000, "frames": 900, "copied": 840, "address": f"clips/{clip_id}/video.mp4", "size": 1, "sha256": "00"}
    picture = {"thumbnail_address": f"clips/{clip_id}/thumb.jpg", "thumbnail_size": 1, "thumbnail_sha256": "00"}
    return FinishClip(channel_id="7", clip_id=clip_id, attempt=attempt, session_id="s", begins_at=0, **made, **picture)


def fail(attempt: int = 1, clip_id: str = "c") -> FailClip:
    return FailClip(channel_id="7", clip_id=clip_id, attempt=attempt, step="cut", cause="damaged")


def retry(clip_id: str = "c") -> RetryClip:
    return RetryClip(channel_id="7", clip_id=clip_id)


class Desk:
    """The fold, and the view that people are shown, of its events."""

    def __init__(self) -> None:
        self.rows = memory_rows()
        self.shown = Clips()
        self._offset = 0

    def take(self, *commands: Event) -> list[str]:
        """What came of some commands, by its type's name."""
        found = []
        for command in commands:
            self._offset += 1
            for event in FOLD.apply(self.rows, command, At(FOLD.inputs[0], 0, self._offset, self._offset * SECOND)):
                self.shown.apply(event)
                found.append(type(event).__name__)
        return found

    def told(self, clip_id: str = "c") -> dict[str, Any]:
        clip = self.shown.get(clip_id)
        assert clip is not None
        return describe(clip)


@pytest.mark.row("K3", "K6")
def test_a_clip_is_processing_and_then_ready_whatever_is_said_twice() -> None:
    desk = Desk()
    assert desk.take(create(), create()) == [ClipRequested.__name__]
    assert desk.told()["status"] == "processing"
    assert desk.take(finish(), finish(), fail(), retry()) == [ClipReady.__name__]
    told = desk.told()
    assert (told["status"], told["creator_id"], told["duration_ms"], told["created_at"]) == (
        "ready",
        "8",
        30_000,
        "1970-01-01T00:00:01.000Z",
    )


@pytest.mark.row("K3", "K7")
def test_failed_stays_so_until_it_is_tried_again_and_an_older_attempt_has_no_say() -> None:
    desk = Desk()
    assert desk.take(create(), fail(), finish()) == [ClipRequested.__name__, ClipFailed.__name__]
    assert (desk.told()["status"], desk.told()["step"], desk.told()["cause"]) == ("failed", "cut", "damaged")
    assert desk.take(retry(), retry(), fail(1), finish(1)) == [ClipRequested.__name__]
    assert (desk.told()["status"], desk.told()["attempt"]) == ("processing", 2)
    assert desk.take(finish(2)) == [ClipReady.__name__]


@pytest.mark.row("K1")
@pytest.mark.parametrize(("ms", "made"), [(4_900, False), (5_000, True), (60_000, True), (60_100, False)])
def test_a_clip_has_five_seconds_to_sixty(ms: int, made: bool) -> None:
    desk = Desk()
    assert desk.take(create(ms=ms)) == [ClipRequested.__name__, *([] if made else [ClipFailed.__name__])]
    assert desk.told()["step"] == (None if made else "request")
    assert desk.take(retry()) == []  # what cannot be is not tried again


@given(st.lists(st.sampled_from([create(), create("d", 1), retry(), retry("d"), *(make(n) for make in (finish, fail) for n in (1, 2, 3))])))
@pytest.mark.row("K6")
def test_what_is_told_equals_the_rows(commands: list[Event]) -> None:
    desk = Desk()
    desk.take(*commands)
    told = {clip.asked.clip_id: (clip.status, clip.asked.attempt) for clip in desk.shown.all()}
    assert told == {clip_id: (row.status, row.attempt) for clip_id, row in desk.rows[CLIPS].items()}
