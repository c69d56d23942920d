"""Stage times: they add up to what a viewer sees."""

import msgspec
import pytest
from live_channel import FPS, Channel, dummy

from processors.latency.stages import STAGES, origin_stages, player_stage
from schemas.events import PartProduced, SegmentProduced, WatchQuality
from sinks.origin.stages import Stages

FRAME_US = 1_000_000 // FPS


@pytest.mark.row("P10", "I9")
@pytest.mark.parametrize("kind", [PartProduced, SegmentProduced])
def test_the_stages_sum_to_the_latency_on_screen(kind: type) -> None:
    live = Channel([dummy("source"), dummy("480p30"), dummy("audio")])
    made = [one.event for one in live.segment() if isinstance(one.event, kind)]
    by_id = {event.event_id: event for event in made}
    for event in made:
        source = by_id.get(event.causation_id or "")
        assert (source is not None) == (event.rendition == "480p30")
        applied = event.occurred_at + 4_000
        stages = origin_stages(event, source, applied)
        assert all(us >= 0 for us in stages.values())
        shown = applied + 830_000
        latency = shown - event.programme_date_time
        total = sum(stages.values()) + player_stage(latency, stages)
        assert abs(total - latency) <= FRAME_US
        assert player_stage(latency, stages) == 830_000


@pytest.mark.row("P10")
def test_the_budget_table_names_what_breaches() -> None:
    live, now = Channel([dummy("source"), dummy("480p30")]), [0]
    stages = Stages(lambda: now[0])
    for one in live.segment():
        if isinstance(one.event, PartProduced | SegmentProduced):
            slow = 3_000_000 if one.event.rendition == "480p30" else 0
            event = msgspec.structs.replace(one.event, stored_at=one.event.stored_at + slow, occurred_at=one.event.occurred_at + slow)
            now[0] = event.occurred_at + 2_000
            stages.applied(event)
    whole = event  # the last one made: 480p30's segment
    report = WatchQuality(
        channel_id="42",
        viewer_session_id="a",
        rendition="480p30",
        low_latency=False,
        latency_ms=9_000,
        buffer_ms=1,
        stalls=0,
        stalled_ms=0,
        segment_event_id=whole.event_id,
    )
    stages.watched(report)
    stages.watched(msgspec.structs.replace(report, low_latency=True))
    stages.watched(msgspec.structs.replace(report, segment_event_id=None))
    table = {(row["mode"], row["stage"]): row for row in stages.table("42")}
    assert {mode for mode, _ in table} == {"low", "normal"}
    assert {stage for _, stage in table} == {stage.name for stage in STAGES}
    assert {place for place, row in table.items() if row["breached"]} == {
        ("low", "transcode"),
        ("normal", "transcode"),
        ("low", "player"),
    }
    spent = sum(us for us in origin_stages(whole, None, now[0]).values())
    assert table["normal", "player"]["p50_ms"] == round(9_000 - spent / 1_000, 1)
    assert table["low", "package"]["p50_ms"] == 200
    assert stages.table("another") == []
