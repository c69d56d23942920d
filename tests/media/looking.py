"""What ffprobe and ffmpeg find in files and playlists, to be held against each other."""

import json
import subprocess
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from processors.vod.recording import Recording

CHECKS = (
    *("master-loads", "content-type", "master-attributes", "audio-group", "version", "target-duration", "pdt-present", "pdt-continuous"),
    *("map-present", "media-loads", "independent-segments", "codecs-match", "bandwidth-covers", "av-start", "aligned-renditions"),
    *("segment-cache-control", "gzip", "ranges", "cors", "iframe-playlist", "iframe-one-picture"),
)
"""Of the checker's, all that are about a playlist that does not grow."""


def probed(path: Path, kind: str) -> list[dict[str, Any]]:
    """Packets of a track as ffprobe reads them, with a digest of each."""
    command = ["ffprobe", "-v", "error", "-select_streams", f"{kind}:0", "-show_data_hash", "md5", "-show_packets", "-of", "json"]
    options = ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []
    shown = subprocess.run([*command, *options, str(path)], check=True, capture_output=True)
    assert shown.stderr == b""
    packets: list[dict[str, Any]] = json.loads(shown.stdout)["packets"]
    return packets


def pictures(path: Path) -> list[str]:
    """Digests of a file's pictures, in the order in which they are shown."""
    options = ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []
    command = ["ffmpeg", "-v", "error", *options, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)
    assert shown.stderr == ""
    return [line.rpartition(",")[2].strip() for line in shown.stdout.splitlines() if not line.startswith("#")]


def digests(packets: list[dict[str, Any]]) -> list[str]:
    return [packet["data_hash"] for packet in packets]


def runs_of(recording: Recording, rendition: str) -> list[tuple[float, float]]:
    """Where each stretch between two discontinuities begins and ends, seconds; within one a segment begins where the one before it ends."""
    track = recording.track(rendition)
    assert track is not None
    found = []
    for _, pieces in groupby(track.pieces, lambda piece: piece.discontinuity):
        run = list(pieces)
        assert all(a.decode_time + a.duration == b.decode_time for a, b in pairwise(run))
        last = run[-1]
        found.append((run[0].decode_time / last.timescale, (last.decode_time + last.duration) / last.timescale))
    return found
