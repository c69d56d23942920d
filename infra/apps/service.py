"""What all processes have in common: settings, logs, probes, metrics, and an orderly end."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra import logs
from infra.parts import Parts
from infra.settings import Settings, SettingsError

logger = structlog.get_logger()
Check = Callable[[], str]
"""Says why the process is not ready; empty where it is."""
END_S = 12.0
"""Seconds from the signal to the end. The log's close takes up to 10; the supervisor kills after 15 (infra/process.py)."""


class App:
    """A process while it runs."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.settings = settings
        self.parts = parts
        self.stopping = asyncio.Event()
        """Set by SIGTERM and SIGINT."""
        self.checks: dict[str, Check] = {}
        """By what they look at."""

    def lacks(self) -> dict[str, str]:
        """Why it is not ready, by what was looked at."""
        return {name: why for name, check in self.checks.items() if (why := check())}

    def probes(self) -> list[web.RouteDef]:
        """`/healthz`, `/readyz` and `/metrics`."""
        return [web.get("/healthz", self._health), web.get("/readyz", self._ready), web.get("/metrics", self.metrics)]

    @asynccontextmanager
    async def serving(self, port: int, application: web.Application | None = None) -> AsyncIterator[None]:
        """Serves an application, or the probes alone, on a port inside."""
        if application is None:
            application = web.Application()
            application.add_routes(self.probes())
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.settings.listen_inside, port, backlog=1024).start()
            gc.collect()
            gc.freeze()  # what is loaded by now lives as long as the process: collections need not look at it again
            yield
        finally:
            await runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        """The event loop turns."""
        return web.json_response({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        """200, or 503 with the reasons."""
        lacks = self.lacks()
        return web.json_response({"ready": not lacks, "reasons": lacks}, status=503 if lacks else 200)

    async def metrics(self, _: web.Request) -> web.Response:
        """Prometheus' text form."""
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def run(name: str, body: Callable[[App], Awaitable[None]], *, linger_ms: float = 0) -> None:
    """Runs a process: `body` returns soon after `app.stopping` is set. Exits 1 where it fails, and the supervisor starts it anew.

    `linger_ms` is for what it appends by the log's producer.
    """
    try:
        settings = Settings.read(os.environ)
    except SettingsError as cause:
        sys.exit(f"{cause}")
    logs.configure(name, settings.log_level)
    try:
        uvloop.run(_run(name, settings, body, linger_ms))
    except Exception:
        logger.exception("process failed")
        sys.exit(1)


async def _run(name: str, settings: Settings, body: Callable[[App], Awaitable[None]], linger_ms: float) -> None:
    """Runs the body until it ends, or until the time after a signal is over."""
    with Parts(settings, linger_ms=linger_ms) as parts:
        app = App(settings, parts)
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, app.stopping.set)
        logger.info("process starts", node=settings.node)
        work = asyncio.ensure_future(body(app))
        stopping = asyncio.create_task(app.stopping.wait())
        await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await asyncio.wait_for(work, END_S)
        logger.info("process ends")
