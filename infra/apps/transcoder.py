"""The media worker's process: makes the renditions that the scheduler assigns to this machine."""

import asyncio
from uuid import uuid4

from infra.apps.service import App, run
from sinks.transcoder.capacity import capacity, outputs
from sinks.transcoder.worker import MediaWorker, WorkerConfig


async def transcoder(app: App) -> None:
    """Works until stopped, then hands its jobs over."""
    settings = app.settings
    worker_id = f"transcoder-{settings.node}-{uuid4().hex[:8]}"
    publisher = await asyncio.to_thread(app.parts.publisher, worker_id)
    carries = settings.capacity or capacity(), settings.outputs or outputs(settings.encoder)
    config = WorkerConfig(worker_id, settings.region, *carries, settings.encoder, settings.overflow)
    worker = MediaWorker(app.parts.log, app.parts.codec, app.parts.objects, publisher, config)
    app.checks["worker"] = lambda: "; ".join(worker.unready())
    async with app.serving(settings.ports.transcoder):
        await worker.start()
        await app.stopping.wait()
        await worker.close()


if __name__ == "__main__":
    run("transcoder", transcoder)
