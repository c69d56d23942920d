"""Which sessions ask the scheduler for a ladder."""

from collections import defaultdict

import msgspec
import pytest

from processors.transcode.demand import LIVE, DemandFold
from schemas.events import (
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    StreamTierChanged,
    TranscodeCancelled,
    TranscodeRequested,
)
from streams.fold import At

AT = At("media.stream.events.v1", 0, 0, 0)


def started(session="s1", tier="partner", width=1280, height=720):
    return StreamStarted(
        channel_id="7", session_id=session, login="ada", tier=tier, region="local", ingest_node="i", width=width, height=height,
        frame_rate=30.0, has_audio=True,
    )  # fmt: skip


def resumed(width, height):
    return StreamResumed(
        channel_id="7", session_id="s1", gap_ms=4000, ingest_node="i", width=width, height=height, frame_rate=30.0, has_audio=True
    )


def promoted(tier, session="s1"):
    return StreamTierChanged(channel_id="7", session_id=session, tier=tier, width=1280, height=720, frame_rate=30.0)


def ended(session="s1"):
    return StreamEnded(
        channel_id="7", session_id=session, reason="unpublished", media_sequence=9, frames_in=1, frames_out=1, frames_dropped=0,
        bytes_in=1, media_ms=1,
    )  # fmt: skip


def fold(*events):
    rows, out = defaultdict(dict), []
    for event in events:
        out += DemandFold().apply(rows, event, AT)
    return rows, out


REQUESTED = TranscodeRequested(region="local", channel_id="7", session_id="s1", tier="partner", width=1280, height=720, frame_rate=30.0)


def cancelled(session="s1", reason="unpublished"):
    return TranscodeCancelled(region="local", channel_id="7", session_id=session, reason=reason)


def test_partner_asks_at_start_and_cancels_at_end():
    rows, out = fold(started(), ended())
    assert out == [REQUESTED, cancelled()]
    assert not rows[LIVE]


@pytest.mark.row("T3")
def test_regular_channel_asks_for_nothing():
    assert fold(started(tier="regular"), resumed(1280, 720), ended())[1] == []


def test_source_too_small_for_its_tier_asks_for_nothing():
    assert fold(started(tier="affiliate", width=640, height=360), ended())[1] == []


def test_interruption_keeps_the_request_and_return_renews_it():
    interrupted = StreamInterrupted(channel_id="7", session_id="s1", reason="closed", media_sequence=3)
    assert fold(started(), interrupted, resumed(1280, 720))[1] == [REQUESTED, REQUESTED]


def test_return_with_a_picture_below_the_ladder_cancels():
    assert fold(started(), resumed(160, 90), ended())[1] == [REQUESTED, cancelled(reason="no_renditions")]


@pytest.mark.row("S3")
def test_a_promotion_asks_for_the_new_ladder_and_a_demotion_takes_it_back():
    _, out = fold(started(tier="regular"), promoted("affiliate"), promoted("partner"), promoted("regular"), ended())
    affiliate = msgspec.structs.replace(REQUESTED, tier="affiliate")
    assert out == [affiliate, REQUESTED, cancelled(reason="no_renditions")]


def test_a_return_after_a_promotion_asks_as_the_new_tier():
    assert fold(started(tier="affiliate"), promoted("partner"), resumed(1280, 720))[1][1:] == [REQUESTED, REQUESTED]
    assert fold(started(), promoted("regular", "another"))[1] == [REQUESTED]


def test_new_session_cancels_the_one_that_never_ended():
    _, out = fold(started("s0"), started("s1"), ended("s0"))
    assert [(type(event).__name__, event.session_id) for event in out] == [
        ("TranscodeRequested", "s0"),
        ("TranscodeCancelled", "s0"),
        ("TranscodeRequested", "s1"),
    ]


def test_events_of_an_unknown_session_change_nothing():
    rows, out = fold(resumed(1280, 720), ended())
    assert out == []
    assert not rows[LIVE]
