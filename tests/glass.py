"""Glass to glass: a publisher that burns its clock into the picture, and a reader of what a browser painted.

`python -m tests.glass RTMP_URL` publishes 1280x720 at 30 fps, 2 s closed GOP, about 2.5 Mb/s, AAC 128 kb/s, until it is stopped.
The clock is black and white blocks large enough to survive the smallest rendition; glass.js reads it back.
"""

import argparse
import asyncio
import contextlib
import itertools
import math
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Self

import av
import av.video
import numpy as np
from playwright.async_api import Page

CHECKOUT = Path(__file__).resolve().parent.parent
READER = Path(__file__).with_name("glass.js")

BLOCKS = 32
ROW = 32
"""Height of a row of blocks at 720 lines: seven lines of the 160p rendition."""
SAMPLE_RATE = 48_000
BLOCK = 1_024
"""Samples of an AAC frame (ISO/IEC 14496-3)."""
CONNECTING = "connecting"
"""Printed when all is prepared, just before the connection: from here the wait for the first playable playlist counts."""


def words(epoch_ms: int, frame: int) -> tuple[int, int]:
    """What the two rows say: time; frame number and check sum."""
    stamp, number = epoch_ms & 0xFFFF_FFFF, frame & 0xFF_FFFF
    check = 0x5A
    for value in (stamp, number):
        for byte in value.to_bytes(4, "little"):
            check ^= byte
    return stamp, number << 8 | check


def burn(luma: np.ndarray, epoch_ms: int, frame: int) -> None:
    """Paints the clock on a picture's brightness plane."""
    width = luma.shape[1]
    for row, word in enumerate(words(epoch_ms, frame)):
        bits = np.array([(word >> (BLOCKS - 1 - i)) & 1 for i in range(BLOCKS)], dtype=np.uint8)
        line = np.repeat(16 + bits * 219, math.ceil(width / BLOCKS))[:width]
        luma[row * ROW : (row + 1) * ROW] = line


def scenery(width: int, height: int, rate: int) -> list[np.ndarray]:
    """Two seconds of a picture that drifts and has texture, as planar 4:2:0, so that the encoder has work to do."""
    rng = np.random.default_rng(7)
    yy, xx = np.mgrid[0:height, 0:width]
    base = 110 + 60 * np.sin(xx / 90) * np.cos(yy / 70) + rng.normal(0, 9, (height, width))
    luma = np.clip(base, 16, 235).astype(np.uint8)
    chroma = np.full((height // 2, width), 128, dtype=np.uint8)
    chroma[: height // 4] = np.linspace(96, 150, width // 2, dtype=np.uint8).repeat(2)
    chroma[height // 4 :] = 140
    return [np.vstack((np.roll(luma, 8 * i, axis=1), chroma)) for i in range(2 * rate)]


def publish(url: str, seconds: float, *, width: int = 1280, height: int = 720, rate: int = 30, bitrate: int = 2_400_000) -> None:
    """Publishes to an RTMP address in real time; returns when the time is over or a SIGTERM came."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    pictures = scenery(width, height, rate)
    tone = (0.05 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
    print(CONNECTING, flush=True)
    with av.open(url, "w", format="flv", options={"flvflags": "no_duration_filesize"}) as output:
        options = {"preset": "superfast", "tune": "zerolatency", "g": str(2 * rate), "keyint_min": str(2 * rate), "sc_threshold": "0"}
        options |= {"bf": "0", "maxrate": str(bitrate), "bufsize": str(bitrate), "threads": "1", "profile": "main"}
        video = output.add_stream("libx264", rate=rate, options=options)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", bitrate
        audio = output.add_stream("aac", rate=SAMPLE_RATE, bit_rate=128_000, layout="stereo")
        started, frame, heard = time.monotonic(), 0, 0
        while not stopped and frame < seconds * rate:
            ahead = started + frame / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            planes = pictures[frame % len(pictures)].copy()
            burn(planes[:height], time.time_ns() // 1_000_000, frame)
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts, picture.time_base = frame, Fraction(1, rate)
            output.mux(video.encode(picture))
            frame += 1
            while heard < frame * SAMPLE_RATE // rate:
                block = np.tile(tone.take(range(heard, heard + BLOCK), mode="wrap"), (2, 1))
                sound = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, heard, Fraction(1, SAMPLE_RATE)
                output.mux(audio.encode(sound))
                heard += BLOCK
    print(frame, flush=True)


def read(luma: np.ndarray) -> tuple[int, int]:
    """(low 32 bits of the time in ms, frame number) on a picture's brightness plane, of whatever height.

    Raises:
        ValueError: the check sum says that it is no clock.
    """
    height, width = luma.shape
    columns = [(2 * block + 1) * width // (2 * BLOCKS) for block in range(BLOCKS)]
    stamp, row = (
        int("".join("1" if luma[(2 * line + 1) * ROW * height // 1440, column] > 127 else "0" for column in columns), 2) for line in (0, 1)
    )
    if words(stamp, row >> 8) != (stamp, row):
        raise ValueError("the picture shows no clock")
    return stamp, row >> 8


class Publisher:
    """The publisher as a process of its own, so that measuring does not slow it."""

    def __init__(self, process: asyncio.subprocess.Process, connecting: float) -> None:
        self._process = process
        self.connecting = connecting
        """time.monotonic() when it began to connect."""
        self.sent = 0
        """Pictures, once it was stopped."""

    @classmethod
    async def start(cls, url: str, *, seconds: float = 3600) -> Self:
        """Starts publishing; returns as it connects."""
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "tests.glass", url, "--seconds", str(seconds)),
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        line = await process.stdout.readline()
        if line.decode().strip() != CONNECTING:
            raise RuntimeError(f"the publisher ended: run `python -m tests.glass` by hand to see why (code {await process.wait()})")
        return cls(process, time.monotonic())

    async def ended(self) -> None:
        """Waits until it ends by itself: its connection is gone."""
        await self._process.wait()

    async def vanish(self) -> None:
        """Dies without a word, as on a lost connection."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ends the stream properly."""
        if self._process.returncode is None:
            self._process.terminate()
            assert self._process.stdout is not None
            self.sent = int(await self._process.stdout.read())
        await self._process.wait()


@contextlib.asynccontextmanager
async def publishing(url: str) -> AsyncIterator[Publisher]:
    """Publishes inside the block."""
    publisher = await Publisher.start(url)
    try:
        yield publisher
    finally:
        await publisher.stop()


class Sample(NamedTuple):
    """One painted frame."""

    at_ms: float
    latency_ms: float | None
    """None where its clock was not read."""
    buffered: float


class Seen(NamedTuple):
    """What a browser painted in some time."""

    samples: list[Sample]
    unreadable: int
    dropped: int
    """Since the page was opened."""
    since_ms: float
    until_ms: float
    """On the page's clock."""

    @property
    def latencies(self) -> list[float]:
        """Glass to glass, seconds, one for each clock that was read."""
        return [sample.latency_ms / 1000 for sample in self.samples if sample.latency_ms is not None]

    def latency(self, percent: int) -> float:
        """A percentile of glass to glass, seconds."""
        return percentile(self.latencies, percent)

    def buffered(self, percent: int) -> float:
        """A percentile of the media ahead of the picture, seconds."""
        return percentile([sample.buffered for sample in self.samples], percent)

    def gaps(self, longer_than: float = 0.5) -> list[float]:
        """Times, in seconds, for which the picture stood still: stalls as an eye sees them."""
        times = [self.since_ms / 1000, *(sample.at_ms / 1000 for sample in self.samples), self.until_ms / 1000]
        return [after - before for before, after in itertools.pairwise(times) if after - before > longer_than]


def percentile(values: list[float], percent: int) -> float:
    """The percentile of some values; NaN of none."""
    if len(values) < 2:
        return values[0] if values else math.nan
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


async def watch(page: Page) -> None:
    """Begins to read the clock in the page's video."""
    await page.evaluate(READER.read_text())
    await page.evaluate("glass.watch(document.querySelector('video'))")


async def seen(page: Page) -> Seen:
    """What was painted since the last call."""
    taken = await page.evaluate("glass.take()")
    return Seen([Sample(*row) for row in taken["samples"]], taken["unreadable"], taken["dropped"], taken["since"], taken["until"])


def main() -> None:
    """Publishes from the command line."""
    parser = argparse.ArgumentParser(description="Publish a picture with a machine-readable clock.")
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=3600)
    options = parser.parse_args()
    publish(options.url, options.seconds)


if __name__ == "__main__":
    main()
