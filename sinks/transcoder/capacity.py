"""What a machine can carry, in encoded megapixels a second."""

import os

PER_CORE = 50.0
"""Megapixels a second that one core makes live, decoding included: 480p30 + 360p30 + 160p30 of a 720p30 source are 20.5 of them and took
0.37-0.40 core on noisy content with x264 veryfast (tests/bench/transcode.py measures it)."""
SHARE = 0.5
"""Of the cores: the rest is for ingest, broker, origin and, on a small machine, the browser; and load must leave room for peaks, since
real time is kept by the slowest part and not by the mean."""


def capacity(cores: int | None = None) -> float:
    """Capacity of this machine, or of one with so many cores; a 2-core one carries two channels of 480p30 + 360p30 + 160p30."""
    return (cores or len(os.sched_getaffinity(0))) * PER_CORE * SHARE
