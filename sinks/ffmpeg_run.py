"""ffmpeg as a command that is over within seconds: it ends, or is ended, before its caller goes on."""

import asyncio
import contextlib

TAIL = 500
"""Characters of its last words in an error: its cause stands at the end, banners and warnings before it."""


class FfmpegError(RuntimeError):
    """ffmpeg failed or hung. Operator action: read its words in the message; the source may be damaged."""


async def run_ffmpeg(command: list[str], limit_s: float) -> None:
    """Runs a command line to its end. Whoever stops waiting, also by being cancelled, leaves no ffmpeg behind.

    In a session of its own: a terminal's Ctrl-C is for the process that waits, which then ends it.

    Raises:
        FfmpegError: it failed, or took longer than `limit_s` seconds.
    """
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, start_new_session=True)
    try:
        _, said = await asyncio.wait_for(process.communicate(), limit_s)
    except BaseException as cause:
        with contextlib.suppress(ProcessLookupError):  # it ended just now
            process.kill()
        await process.wait()
        if isinstance(cause, TimeoutError):
            raise FfmpegError(f"ffmpeg took longer than {limit_s:.0f} s") from cause
        raise
    if process.returncode:
        raise FfmpegError(f"ffmpeg ended with {process.returncode}: {said.decode(errors='replace')[-TAIL:].strip()}")
