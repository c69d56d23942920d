"""ffmpeg as a command: errors in its own words, and none left behind by whoever no longer waits."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from pathlib import Path

import pytest

from sinks.ffmpeg_run import FfmpegError, run_ffmpeg

pytestmark = pytest.mark.media

FOREVER = ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "color=size=16x16", "-f", "null", "-"]


def running() -> list[str]:
    """Process ids of the ffmpeg commands that this thread started, also of those that ended and were not waited for."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [child for child in children if Path(f"/proc/{child}/comm").read_text().strip() == "ffmpeg"]


async def began(work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
    task = asyncio.create_task(work)
    deadline = time.monotonic() + 30
    while not running():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return task


async def test_it_raises_what_ffmpeg_said(tmp_path: Path) -> None:
    with pytest.raises(FfmpegError, match=r"ffmpeg ended with \d+: .*missing\.mp4: No such file"):
        await run_ffmpeg(["ffmpeg", "-nostdin", "-v", "error", "-i", str(tmp_path / "missing.mp4"), "-f", "null", "-"], 30)


async def test_one_that_hangs_is_ended_and_named() -> None:
    with pytest.raises(FfmpegError, match="took longer than 1 s"):
        await run_ffmpeg(FOREVER, 1.0)
    assert running() == []


async def test_whoever_is_cancelled_leaves_none_behind() -> None:
    task = await began(run_ffmpeg(FOREVER, 60))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running() == []
