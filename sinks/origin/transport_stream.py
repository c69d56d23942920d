"""CMAF to MPEG-TS without re-encoding, for players of HLS version 3."""

import io
from collections.abc import Iterator
from heapq import merge
from typing import Any

import av

OPTIONS = {
    "mpegts_copyts": "1",  # media times stay those of the session, so that segments join without a seam
    "mpegts_flags": "initial_discontinuity",  # each segment counts its packets from 0: this says so to the demuxer
}


def to_transport_stream(*fragments: bytes) -> bytes:
    """One MPEG-TS segment of the given tracks, each an initialisation segment followed by a media segment. The same in, the same out.

    Raises:
        av.FFmpegError: a fragment is no media.
    """
    inputs = [av.open(io.BytesIO(data), "r", format="mp4") for data in fragments]
    target = io.BytesIO()
    try:
        with av.open(target, "w", format="mpegts", options=OPTIONS) as output:
            tracks = [list(_packets(source, output)) for source in inputs]
            for _, _, packet in merge(*tracks, key=lambda row: row[:2]):
                output.mux(packet)
    finally:
        for source in inputs:
            source.close()
    return target.getvalue()


def _packets(source: av.container.InputContainer, output: av.container.OutputContainer) -> Iterator["tuple[float, int, av.Packet[Any]]"]:
    """(decode time in seconds, stream index, packet) of a source's only track, meant for the output."""
    stream = output.add_stream_from_template(source.streams[0])
    for packet in source.demux(source.streams[0]):
        if packet.dts is not None and packet.time_base is not None:
            at = float(packet.dts * packet.time_base)
            packet.stream = stream
            yield at, stream.index, packet
