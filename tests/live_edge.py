"""A real edge: nginx, configured as `./chronicast up` configures it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra import nginx
from infra.process import Process
from infra.settings import Settings

UP_S = 30
"""It takes a tenth of a second on an idle machine."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[None]:
    """Takes connections on the settings' port for the block; what is behind it is the caller's."""
    process = await Process.start(nginx.command(settings), settings.folder / "logs" / "edge.log", {})
    try:
        await _listening(settings.ports.edge, time.monotonic() + UP_S)
        yield
    finally:
        await process.stop()


async def _listening(port: int, deadline: float) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"no edge on port {port}"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
