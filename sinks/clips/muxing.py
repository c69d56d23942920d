"""Puts a clip's tracks into one MP4 whose index comes first, so that it plays while it loads."""

import asyncio
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from sinks.clips.cutting import Cut

OPTIONS = {"movflags": "+faststart", "avoid_negative_ts": "disabled"}
"""The first picture is at 0; what is decoded before it is shown has times below that, which an edit list tells of."""


async def muxed(cut: Cut) -> bytes:
    """The MP4 of a clip: both tracks copied, their first picture at 0.

    Raises:
        av.FFmpegError: a track cannot be read.
    """
    return await asyncio.to_thread(_muxed, cut)


def _muxed(cut: Cut) -> bytes:
    with tempfile.TemporaryDirectory(prefix="clip-") as folder:
        path = Path(folder) / "clip.mp4"  # a file, for it is read again where the index is put before the rest
        with ExitStack() as open_:
            made = open_.enter_context(av.open(str(path), "w", format="mp4", options=OPTIONS))
            tracks = [open_.enter_context(av.open(io.BytesIO(data), "r", format="mp4")) for data in (cut.video, cut.audio) if data]
            packets = [packet for track in tracks for packet in _packets(track, made, cut.delay)]
            for packet in sorted(packets, key=lambda each: (each.dts or 0) * (each.time_base or 0)):
                made.mux(packet)
        return path.read_bytes()


def _packets(track: InputContainer, made: OutputContainer, delay: Fraction) -> "Iterator[Packet[Any]]":
    """A track's packets, for its stream in the file that is made."""
    [stream] = track.streams
    copy = made.add_stream_from_template(stream)
    for packet in track.demux(stream):
        if packet.size and packet.time_base is not None and packet.pts is not None and packet.dts is not None:
            shift = round(delay / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
            yield packet
