"""The features job: Flink SQL in this process's JVM or on a session cluster. Its vectors go to their topic, and from there to Redis."""

import asyncio
import os
import shutil

import structlog

from infra.apps.service import App, run
from infra.features import job_name, live
from infra.java import JARS, pyflink_environment
from sinks.features.sink import FeatureSink
from sinks.features.store import FeatureStore
from streams.clock import now_us
from streams.flink_cluster import FlinkCluster
from streams.flink_driver import started

logger = structlog.get_logger()
LOOK_S = 5.0
"""Between two looks at whether the job runs."""
JVM = "-Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""A job of one task: little heap, and the quick compiler, which a start takes half its time with."""


class JobEndedError(RuntimeError):
    """Flink gave the job up. It starts again from its last checkpoint; Operator action: read flink-*.log beside this log."""


async def features(app: App) -> None:
    """Runs the job until stopped; the process ends where the job does."""
    settings = app.settings
    scratch = settings.folder / "flink-scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    scratch.mkdir(parents=True)
    os.environ.update(
        pyflink_environment(scratch),
        JVM_ARGS=JVM,
        FLINK_LOG_DIR=str(settings.folder / "logs"),
        ROOT_LOG_LEVEL="WARN",
        MAX_LOG_FILE_NUMBER="1",
    )
    store = FeatureStore(settings.redis_url)
    sink = FeatureSink(app.parts.log, app.parts.codec, store)
    status = "not started"
    app.checks["job"] = lambda: "" if status == "RUNNING" else status
    async with app.serving(settings.ports.features):
        await asyncio.to_thread(app.parts.publisher, "features")  # registers the schemas, before Flink does in its way
        await sink.start()
        cluster = FlinkCluster(settings.flink) if settings.flink else None
        if cluster and (left := await cluster.cancel(job_name(settings))):
            logger.info("an earlier process's job makes room", jobs=left)
        job = await asyncio.to_thread(started, live(settings, now_us()), JARS / "flink")
        logger.info("job starts", job=str(job.get_job_id()))
        while not app.stopping.is_set():
            found = await asyncio.to_thread(lambda: job.get_job_status().result())
            status = found.name
            if found.is_globally_terminal_state():
                raise JobEndedError(status)
            stopping = asyncio.create_task(app.stopping.wait())
            await asyncio.wait([stopping], timeout=LOOK_S)
            stopping.cancel()
        if cluster:
            await cluster.cancel(job_name(settings))
        await sink.close()  # in a JVM of ours the job ends with this process; its checkpoint is kept in either case
        await store.close()


if __name__ == "__main__":
    run("features", features)
