"""One child process: started in its own session, its output kept in a file, stopped with all that it started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

FILE_LIMIT = 10_000_000
"""Bytes after which a log file begins anew; one older file is kept, so a process never holds more than twice this."""
PATIENCE = 15.0
"""Seconds between SIGTERM and SIGKILL: the log's close takes up to 10 s where the broker has gone (streams/log.py)."""


class Process:
    """A running child. The kernel ends it by SIGTERM where its starter dies without doing so."""

    def __init__(self, child: asyncio.subprocess.Process, output: int, log: Path) -> None:
        self._child = child
        self._kept = asyncio.create_task(_keep(output, log))
        self.pid = child.pid

    @classmethod
    async def start(cls, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "Process":
        """Starts a command; what it says goes to the end of a log file.

        To be called from the main thread: the kernel's parent-death signal is bound to the thread that forks.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        # A pipe of ours: with asyncio's, a child's end would be seen only once its own children (nginx's workers) have closed theirs.
        output, its_end = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "TERM", "--", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=its_end,
                stderr=its_end,
                env={**os.environ, **environment},
                start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor only, which stops all in order
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(its_end)
        return cls(child, output, log)

    async def ended(self) -> int:
        """Waits for its end: the exit code, negative for a signal."""
        code = await self._child.wait()
        self._sweep()
        return code

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not end it in time."""
        with contextlib.suppress(ProcessLookupError):
            self._child.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._child.wait(), PATIENCE)
        self._sweep()
        await self._child.wait()
        await self._kept

    def _sweep(self) -> None:
        """Kills what is left of its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


async def _keep(output: int, path: Path) -> None:
    """Writes a child's output to a file until it closes it."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0))
    while chunk := await reader.read(65_536):
        _append(path, chunk)
    transport.close()


def _append(path: Path, chunk: bytes) -> None:
    """Adds to a log file; a full one is moved aside at the end of a line."""
    with path.open("ab") as file:
        file.write(chunk)
        full = file.tell() > FILE_LIMIT
    if full and chunk.endswith(b"\n"):
        path.replace(path.with_suffix(".1.log"))
