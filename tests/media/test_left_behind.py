"""A real stream whose live window is short: what it has left behind can be clipped, told of, and is in its VOD once."""

from pathlib import Path

import pytest
from studio import Studio

from processors.vod.documents import SEGMENTS, read_table
from schemas.event import ENVELOPE
from schemas.events import ClipReady, FinishClip, SegmentsExpired, VodArchived
from sinks.archive.archivist import Archivist
from sinks.archive.lineage import Lineage
from sinks.archive.vods import TOPIC, Vod
from sinks.archive.window import TOPIC as WINDOW
from sinks.archive.window import LiveWindow
from sinks.clips.lineage import ClipLineage
from streams.clock import now_us
from streams.objects_tiered import TieredObjects

pytestmark = pytest.mark.media
LATER_US = 3 * 3_600_000_000


@pytest.mark.row("V11", "V2", "K2", "E9")
async def test_what_the_live_window_left_behind_is_clipped_from_the_archive_and_is_the_vods(
    filmed: tuple[Studio, VodArchived], tmp_path: Path
) -> None:
    right, vod = filmed
    live = right.twin(tmp_path)
    window = LiveWindow(live.log, live.codec, live.objects, live.publisher, live_us=3_000_000)
    window.live(Vod(vod).about)
    window.produced(live.sources()[-1])
    await window.look()
    [told] = live.events(SegmentsExpired, WINDOW)
    gone = [event for event in live.sources() if not (live.folder / event.address).exists()]
    assert told.segments == 2 * len(gone) == 2 * 4, "of twelve seconds the last three, and what they have begun"

    ask = {"source": "live", "ends_at": live.sources()[0].programme_date_time + 6_500_000, "duration_ms": 5_000}
    clips = []
    for studio, clock in ((right, now_us), (live, lambda: now_us() + LATER_US)):
        worker = studio.worker(clock=clock)
        await worker.start()
        clips.append(await studio.ask(**ask))
        await worker.close()
    expected, clip = clips
    assert isinstance(expected, FinishClip)
    assert isinstance(clip, FinishClip), clip
    assert (clip.sha256, clip.thumbnail_sha256) == (expected.sha256, expected.thumbnail_sha256)

    told_of = {name: getattr(clip, name) for name in clip.__struct_fields__ if name not in ENVELOPE}
    live.publisher.publish(ClipReady(**told_of, causation_id=clip.event_id))
    hops = await ClipLineage(live.log, live.codec, live.objects, Lineage(live.log, live.codec, live.objects, [])).of(clip.clip_id)
    assert hops is not None
    assert all(hop.holds for hop in hops), hops
    assert any(hop.name.startswith(f"{vod.channel_id}/{vod.vod_id}/180p30/") for hop in hops)

    archivist = Archivist(live.log, live.codec, TieredObjects({"hot": live.objects}), live.publisher, rest_s=0.05)
    await archivist.start()
    [made] = await live.wait(lambda: live.events(VodArchived, TOPIC), 60)
    await archivist.close()
    assert made.documents == vod.documents
    folder = f"{vod.channel_id}/{vod.vod_id}"
    recording = read_table(await live.objects.get(f"{folder}/{SEGMENTS}")).recording
    assert [len(track.pieces) for track in recording.tracks] == [6, 6]
    assert await live.objects.list(folder) == await right.objects.list(folder)
