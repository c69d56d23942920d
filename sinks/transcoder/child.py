"""The worker's end of an encoder process."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from sinks.transcoder.protocol import LENGTH, FromEncoder, ToEncoder, framed, from_encoder

CHECKOUT = Path(__file__).resolve().parents[2]
FINISH_S = 3.0
"""Seconds to bring out what a closing encoder still holds: some parts, each far less than its 200 ms."""


class EncoderEndedError(Exception):
    """The encoder process ended before it was told to; the message says how."""


class EncoderProcess:
    """A running encoder of one job. Killing it harms no other job."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        self._process, self._in, self._out = process, process.stdin, process.stdout
        self.pid = process.pid

    @classmethod
    async def start(cls) -> "EncoderProcess":
        """Starts it; it ends with its stdin, so also where the worker is killed."""
        command = (sys.executable, "-m", "sinks.transcoder.encode")
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=CHECKOUT, start_new_session=True))

    async def say(self, message: ToEncoder) -> None:
        """Sends a message; waits while the encoder is busy and its pipe full.

        Raises:
            EncoderEndedError: it is gone.
        """
        try:
            self._in.write(framed(message))
            await self._in.drain()
        except ConnectionError as cause:
            raise EncoderEndedError(await self.ended()) from cause

    async def hear(self) -> FromEncoder | None:
        """The next message; None at its end."""
        try:
            (length,) = LENGTH.unpack(await self._out.readexactly(LENGTH.size))
            return from_encoder(await self._out.readexactly(length))
        except asyncio.IncompleteReadError:
            return None

    def finish(self) -> None:
        """Tells it that no more comes: it brings out what it holds and ends."""
        with contextlib.suppress(ConnectionError):
            self._in.close()

    async def ended(self) -> str:
        """Waits for its end: how it ended."""
        code = await self._process.wait()
        if code < 0:
            return f"killed by signal {-code} ({signal.Signals(-code).name})"
        return f"ended with exit code {code}"

    async def kill(self) -> None:
        """Ends it at once, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self.finish()
        await self._process.wait()
