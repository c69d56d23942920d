"""The reference work as Faust documents it: agent, table, sink topic. `python -m tests.bench._peer_faust BOOTSTRAP DIRECTORY`."""

import asyncio
import signal
import sys
from typing import Any

import faust

from tests.bench._peer_event import INPUT, OUTPUT, followed, output


async def work(bootstrap: str, directory: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    app: Any = faust.App(
        "peer-faust",
        broker=f"kafka://{bootstrap}",
        datadir=directory,
        store="memory://",
        topic_partitions=4,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        topic_replication_factor=1,
        worker_redirect_stdouts=False,
    )
    inputs = app.topic(INPUT, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    outputs = app.topic(OUTPUT, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    counts = app.Table("counts", default=int, partitions=4)

    async def count(stream: Any) -> None:
        async for key, value in stream.items():
            event = followed(value)
            counts[event.channel_id] += 1
            body, headers = output(event, counts[event.channel_id])
            await outputs.send(key=key, value=body, headers=dict(headers))

    app.agent(inputs)(count)
    await app.start()
    await stopping.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
