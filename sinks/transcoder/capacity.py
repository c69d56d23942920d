"""What a machine can carry: encoded megapixels a second, and outputs that its memory holds."""

import os
from pathlib import Path

from sinks.transcoder.encoder import Encoder

PER_CORE = 50.0
"""Megapixels a second that one core makes live, decoding included: 480p30 + 360p30 + 160p30 of a 720p30 source are 20.5 of them and took
0.37-0.40 core on noisy content with x264 veryfast (tests/bench/transcode.py measures it)."""
SHARE = 0.5
"""Of cores and memory: the rest is for ingest, broker, origin and, on a small machine, the browser; and load must leave room for peaks,
since real time is kept by the slowest part and not by the mean."""
PER_OUTPUT = 100 * 2**20
"""Bytes that an output takes at most: a process that makes 720p60 alone of a 1080p60 source, decoder and interpreter included, took 91 MiB,
one that makes four outputs of it 113 (tests/bench/transcode.py measures the former)."""
OF_A_GPU = 12
"""Outputs of NVENC: a T4 makes 8 to 12 at about 500 MB each, and its memory is not to be seen from here."""
LIMIT = Path("/sys/fs/cgroup/memory.max")
"""What a container may take at most, in bytes or `max`."""


def capacity(cores: int | None = None) -> float:
    """Capacity of this machine, or of one with so many cores; a 2-core one carries two channels of 480p30 + 360p30 + 160p30."""
    return (cores or len(os.sched_getaffinity(0))) * PER_CORE * SHARE


def outputs(encoder: Encoder = "x264", memory: int | None = None) -> int:
    """How many outputs this machine's memory holds at once, or so many bytes; one at least."""
    if encoder == "nvenc":
        return OF_A_GPU
    return max(1, int((memory or available()) * SHARE) // PER_OUTPUT)


def available(limit: Path = LIMIT) -> int:
    """Bytes of memory that this process may use: the machine's, or the container's where that is less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    given = limit.read_text().strip() if limit.exists() else "max"
    return whole if given == "max" else min(whole, int(given))
