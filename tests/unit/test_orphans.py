"""Objects that nothing leads to, told from those of what is live, archived, awaited, or soon to be taken away."""

import pytest

from processors.vod.fold import DAY_US
from schemas.event import Event
from schemas.events import StreamEnded, StreamStarted, VodArchived, VodDeleted
from sinks.archive.orphans import orphans, told_of
from sinks.archive.vods import fold
from streams.media import address

NOW = 1_767_225_600_000_000
ENDED = {"live": None, "new": 1, "old": 30, "deleted": 1, "awaited": 30}
"""When sessions ended, days ago."""


def sessions() -> list[Event]:
    source = {"login": "ana", "tier": "partner", "region": "r", "ingest_node": "i", "width": 2, "height": 2, "frame_rate": 30.0}
    counts = dict.fromkeys(("media_sequence", "frames_in", "frames_out", "frames_dropped", "bytes_in", "media_ms"), 0)
    found: list[Event] = []
    for name, days in ENDED.items():
        found.append(StreamStarted(channel_id="7", session_id=name, **source, has_audio=False, occurred_at=NOW - 40 * DAY_US))
        if days is not None:
            ended_at = NOW - days * DAY_US
            found.append(StreamEnded(channel_id="7", session_id=name, **counts, reason="unpublished", occurred_at=ended_at))
    return found


def vods() -> list[Event]:
    found: list[Event] = [archived(name, ENDED[name] or 0) for name in ("new", "old", "deleted")]
    return [*found, VodDeleted(channel_id="7", vod_id=address.vod_id("deleted"), reason="retention", objects=1)]


def archived(name: str, days: int) -> VodArchived:
    return VodArchived(
        channel_id="7", vod_id=address.vod_id(name), session_id=name, revision=1, login="ana", tier="partner", retention_days=60,
        started_at=1, ended_at=NOW - days * DAY_US, duration_ms=1, width=2, height=2, frame_rate=30.0, renditions=("source",), segments=1,
        size=1, documents=(),
    )  # fmt: skip


@pytest.mark.row("E14", "V6")
@pytest.mark.parametrize("streams_are_known", [True, False])
def test_folders_that_no_event_leads_to_or_that_nobody_will_take_away_are_orphans(streams_are_known: bool) -> None:
    told = told_of(sessions() if streams_are_known else [], fold(vods()), NOW) | {address.clip("c1")}
    live = {name: address.segment("7", name, "source", 1) for name in (*ENDED, "unheard")}
    kept = {name: address.vod("7", address.vod_id(name), "manifest.m3u8") for name in (*ENDED, "unheard")}
    others = ["lake/chat/1.parquet", "snapshots/chat.v1/0/1.json", "7", address.clip("c1", "video.mp4"), address.clip("c2", "video.mp4")]
    found = {finding.address for finding in orphans([*live.values(), *kept.values(), *others], told)}
    expected = {live[name] for name in ("old", "deleted", "unheard")} | {kept[name] for name in ("deleted", "unheard")}
    if not streams_are_known:  # nor a VOD: what is live then is told of by nothing
        expected |= {live[name] for name in ("live", "awaited")} | {kept[name] for name in ("live", "awaited")}
    assert found == expected | {address.clip("c2", "video.mp4")}
