"""Appends a batch of outputs as whole Kafka record batches, one request for all of them.

librdkafka takes records one by one: with the seven headers of an event that is 9 us of processor time each here, 4 us of them on
the caller's thread, and an acknowledgement each. A record batch built at once takes 1.2 us a record and is acknowledged as one.
A few records go by the log all the same: a request of aiokafka's costs 0.3 ms, librdkafka's half of that.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.errors import NotAppendedError, TransientError
from streams.keys import partition_for
from streams.log import Log, Outgoing, appended

FEW = 32
"""Below this many records librdkafka is the cheaper way: 0.12 ms a request and 9 us a record against 0.28 ms and 1.2 us."""
ZSTD = 4
"""Kafka protocol, record batch, attributes: compression. 0.5 us a record, to a twelfth of its size; aiokafka's lz4, which is set to
its slowest level, took 2.7 us, to an eighth."""
BATCH_BYTES = 900_000
"""A batch before compression. The broker takes 1,048,588 bytes (`message.max.bytes`), which even incompressible records keep to."""
ANSWER_MS = 30_000
"""A broker that restarts is back within this; then the runner begins the batch anew."""
RETRY_MS = 20
"""Until a request is tried again within that time; default 100."""
CLOSE_S = 2.0
"""For what is on its way when a producer is dropped; then its connections are cut."""
REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Answers that trying again does not change."""


class RecordBatch(BatchBuilder):  # type: ignore[misc]
    """A batch that is filled at once."""

    def take(self, records: Sequence[Outgoing]) -> int:
        """Takes records as far as there is room, at least one; how many."""
        append = self._builder.append  # past `BatchBuilder.append`, which takes as long again
        for count, (_, key, value, headers, timestamp, _) in enumerate(records):
            when = time.time_ns() // 1_000_000 if timestamp is None else timestamp
            if append(count, when, key, value, list(headers)) is None:
                break
            self._relative_offset = count + 1
        self.close()
        return int(self._relative_offset)


class KafkaBatches:
    """Appends batches of outputs. For one event loop."""

    def __init__(self, bootstrap: str, log: Log) -> None:
        """Opens nothing yet. `log` takes what is too little for a batch."""
        self._bootstrap = bootstrap
        self._log = log
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()

    async def append(self, records: Sequence[Outgoing]) -> None:
        """Appends records, in their order per partition; returns once every one is acknowledged by all replicas.

        Raises:
            NotAppendedError: the broker refuses a record.
            TransientError: not acknowledged; any of them may be on the log nevertheless.
        """
        if len(records) < FEW:
            return await appended(self._log, records)
        producer = await self._open()
        try:
            counts = {topic: len(await producer.partitions_for(topic)) for topic in {record.topic for record in records}}
            places: defaultdict[tuple[str, int], list[Outgoing]] = defaultdict(list)
            for record in records:
                topic, key, _, _, _, partition = record
                if partition is None:
                    if not key:
                        raise ValueError(f"a record without key for {topic} needs a partition")
                    partition = partition_for(key, counts[topic])
                places[topic, partition].append(record)
            await asyncio.gather(*(self._send(producer, *place, batch) for place, batch in places.items()))
        except REFUSED as cause:
            raise NotAppendedError(f"{records[0].topic} took no record: {cause!r}") from cause
        except KafkaError as cause:
            await self._drop(producer)
            raise TransientError(f"the broker at {self._bootstrap} did not acknowledge {len(records)} records: {cause!r}") from cause
        return None

    async def close(self) -> None:
        """Closes the connections; what is not acknowledged yet may be on the log or not."""
        if self._producer is not None:
            await self._drop(self._producer)

    async def _open(self) -> AIOKafkaProducer:
        """The producer; a new one at first and after each that failed, for an idempotent one does not get over every error."""
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=ANSWER_MS,
                    max_request_size=BATCH_BYTES,
                    retry_backoff_ms=RETRY_MS,
                )
                try:
                    await producer.start()
                except KafkaError as cause:
                    await _close(producer)
                    raise TransientError(f"no broker at {self._bootstrap} takes batches: {cause!r}") from cause
                self._producer = producer
            return self._producer

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        """Ends a producer before another takes its place: it must not send any more."""
        async with self._opening:
            if self._producer is producer:
                self._producer = None
                await _close(producer)

    async def _send(self, producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        """Sends the records of one partition, batch after batch."""
        while records:
            batch = RecordBatch(BATCH_BYTES, ZSTD)
            records = records[batch.take(records) :]
            await (await producer.send_batch(batch, topic, partition=partition))


async def _close(producer: AIOKafkaProducer) -> None:
    """Stops a producer, or cuts its connections where the broker does not answer."""
    with suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(producer.stop(), CLOSE_S)
    await producer.client.close()
