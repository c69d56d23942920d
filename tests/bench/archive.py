"""What archiving costs: `python -m tests.bench.archive [--minutes N] [--json]`.

A session with the whole ladder is in an object store on disk, its events on a log. Measured: reading it from the log, making its VOD,
reading the VOD through as a scrub does; processor seconds, and bytes beyond the media. Beside it a plain copy of the same files.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from processors.vod.about import about
from schemas.events import PartProduced
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.archive.making import Maker, event
from sinks.archive.scrub import Scrub
from sinks.archive.session import recorded
from sinks.archive.vods import Vod
from streams.log_memory import MemoryLog
from streams.media import address
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from tests.bench._machine import machine
from tests.live_channel import Channel, dummy, encoded

LADDER = ("720p60", "480p30", "360p30", "160p30", "audio")
FRAMES = 60
"""Two seconds: a segment."""


class Clock:
    """Wall and processor seconds of what runs meanwhile."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    async def time(self, name: str, work: Any) -> Any:
        """Awaits a piece of work."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = await work
        self.found[name] = {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}
        return result


async def measure(folder: Path, minutes: int) -> dict[str, Any]:
    """One session of so many minutes."""
    log, codec, objects = MemoryLog(), Codec(LocalRegistry()), StoredObjects.at(f"file://{folder}/objects")
    publisher = Publisher(log, codec, "bench")
    channel = Channel([encoded("source"), *(dummy(name) for name in LADDER)], first=1)
    publisher.publish(channel.started()).result()
    session = about(None, channel.started())
    for _ in range(minutes * 30):
        for made in channel.segment(FRAMES):
            publisher.publish(made.event)
            if made.address and not isinstance(made.event, PartProduced):
                await objects.put(made.address, made.data)
    session = about(session, channel.ended())
    assert session is not None
    vod_id, clock, live = address.vod_id(channel.session_id), Clock(), folder / "objects" / channel.channel_id / channel.session_id
    reading = asyncio.to_thread(recorded, log, codec, channel.channel_id, channel.session_id, session.started_at)
    recording = (await clock.time("read the log", reading)).recording()
    made = await clock.time("make the VOD", Maker(objects).make(recording, session, vod_id, 1))
    vod = Vod(event(made, session, vod_id, 1, 60))
    report = await clock.time("scrub", Scrub(log, codec, TieredObjects({"hot": objects})).look(vod))
    assert report.findings == ()
    await clock.time("plain copy, for comparison", asyncio.to_thread(shutil.copytree, live, folder / "copy"))
    media = sum(path.stat().st_size for path in live.rglob("*") if path.is_file())
    own = made.size - sum(piece.size for track in recording.tracks for piece in track.pieces)
    return {
        "minutes": minutes,
        "renditions": len(recording.tracks),
        "segments": vod.archived.segments,
        "media_mb": round(media / 1e6, 1),
        "added_mb": round(own / 1e6, 2),
        "steps": clock.found,
        "machine": machine(),
    }


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        found = asyncio.run(measure(Path(folder), asked.minutes))
    if asked.json:
        json.dump(found, sys.stdout, indent=2)
        return
    print(f"{found['minutes']} min, {found['renditions']} renditions, {found['segments']} segments, {found['media_mb']} MB of media")
    for name, step in found["steps"].items():
        print(f"  {name:28} {step['wall_s']:7.2f} s   {step['cpu_s']:7.2f} s of a core")
    print(f"  bytes added                  {found['added_mb']:7.2f} MB (playlists, tables, pictures)")
    print(found["machine"])


if __name__ == "__main__":
    main()
