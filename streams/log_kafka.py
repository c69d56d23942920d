"""The log on Kafka, by confluent-kafka."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Event, Thread, current_thread
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.errors import BacklogFullError, NotAppendedError
from streams.kafka_reading import POLL_S, PartitionReader, next_wait
from streams.kafka_source import KafkaSource
from streams.log import Headers, Outgoing, Position, Record

BACKLOG = 200_000
"""Records that may wait for the broker: at 1,000/s an edge outlasts an outage of three minutes."""
BACKLOG_KIB = 256 * 1024
"""Their bytes, whichever bound is met first."""
CLOSE_S = 10.0
"""The port's promise for `close`."""


class KafkaLog(KafkaSource):
    """The log behind bootstrap servers. One producer, a thread for its acknowledgements, a consumer and thread per tail."""

    def __init__(self, bootstrap: str, *, linger_ms: float = 0, backlog: int = BACKLOG) -> None:
        super().__init__(bootstrap)
        self._backlog = backlog
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": linger_ms,
            # 0 is for ever: a time-out would drop one record and let later ones pass it. The backlog is the bound instead.
            "message.timeout.ms": 0,
            "queue.buffering.max.messages": backlog,
            "queue.buffering.max.kbytes": BACKLOG_KIB,
            "compression.type": "lz4",
            "allow.auto.create.topics": False,
            "reconnect.backoff.max.ms": 1_000,
            "logger": logging.getLogger("librdkafka"),
        }
        self._producer = Producer(settings)
        self._closing = Event()
        self._poller = Thread(target=self._poll, name="kafka-acknowledgements", daemon=True)
        self._poller.start()
        self._tails: list[KafkaTail] = []

    def append(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        *,
        headers: Headers = (),
        timestamp: int | None = None,
        partition: int | None = None,
    ) -> Future[Position]:
        """Appends; librdkafka keeps the order and repeats what got lost on the way."""
        future: Future[Position] = Future()

        def acknowledged(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                future.set_exception(not_appended(topic, error))
            else:
                future.set_result(Position(topic, message.partition() or 0, message.offset() or 0))

        self._produce(Outgoing(topic, key, value, headers, timestamp, partition), acknowledged)
        return future

    def append_all(self, records: Sequence[Outgoing]) -> Future[None]:
        """Appends them in their order, with one future."""
        future: Future[None] = Future()
        waiting = len(records)

        def acknowledged(error: KafkaError | None, message: Message) -> None:
            nonlocal waiting
            waiting -= 1
            if error is not None and not future.done():
                future.set_exception(not_appended(message.topic() or "", error))
            elif waiting == 0 and not future.done():
                future.set_result(None)

        for record in records:
            self._produce(record, acknowledged)
        if not records:
            future.set_result(None)
        return future

    def _produce(self, record: Outgoing, acknowledged: Callable[[KafkaError | None, Message], None]) -> None:
        topic, key, value, headers, timestamp, partition = record
        if not key and partition is None:
            raise ValueError(f"a record without key for {topic} needs a partition")
        try:
            self._producer.produce(
                topic,
                value,
                key,
                -1 if partition is None else partition,
                on_delivery=acknowledged,
                timestamp=timestamp or 0,
                headers=list(headers),
            )
        except BufferError as cause:
            raise BacklogFullError(
                f"{len(self._producer)} records wait for the broker at {self._bootstrap} and no more than {self._backlog} may: "
                "is it up? What was not taken must be tried again"
            ) from cause
        except (KafkaException, RuntimeError) as cause:  # the latter: the producer is closed
            raise NotAppendedError(f"{topic} took no record: {cause}") from cause

    def tail(
        self,
        starts: Mapping[tuple[str, int], int],
        deliver: Callable[[Sequence[Record]], None],
        caught_up: Callable[[], None] | None = None,
    ) -> "KafkaTail":
        """Reads on its own thread until closed."""
        tail = KafkaTail(PartitionReader(self._bootstrap, starts), deliver, caught_up)
        self._tails.append(tail)
        return tail

    def flush(self, timeout: float) -> bool:
        """Waits until nothing waits to be acknowledged."""
        return not self._producer.flush(timeout)

    def close(self) -> None:
        """Ends all tails and the producer."""
        if self._closing.is_set():
            return
        for tail in self._tails:
            tail.end()
        for tail in self._tails:
            tail.close()
        self._closing.set()
        self._producer.flush(CLOSE_S)
        self._poller.join()
        self._producer.purge()  # what no broker took in that time: its futures fail, and `close` would wait for it without end
        self._producer.close()

    def _poll(self) -> None:
        wait = POLL_S
        while not self._closing.is_set():
            wait = next_wait(wait, came=self._producer.poll(wait) > 0)


def not_appended(topic: str, error: KafkaError) -> NotAppendedError:
    """What a refused record's future fails with."""
    return NotAppendedError(f"{topic} took no record: {error.str()} ({error.name()})")


class KafkaTail:
    """A thread that delivers what a reader reads."""

    def __init__(
        self,
        reader: PartitionReader,
        deliver: Callable[[Sequence[Record]], None],
        caught_up: Callable[[], None] | None,
    ) -> None:
        self._reader = reader
        self._deliver = deliver
        self._caught_up = caught_up
        self._closing = Event()
        self._lag = 0
        self._thread = Thread(target=self._run, name="kafka-tail", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Lets it stop soon, without waiting."""
        self._closing.set()

    def close(self) -> None:
        """Stops it; nothing is delivered after the return."""
        self.end()
        if self._thread is not current_thread():
            self._thread.join()

    def lag(self) -> int:
        """Records known to lie beyond what was delivered."""
        return self._lag

    def _run(self) -> None:
        reader = self._reader
        wait = POLL_S
        try:
            while not self._closing.is_set():
                batch = reader.poll(wait)
                wait = next_wait(wait, came=bool(batch))
                if batch:
                    self._deliver(batch)
                self._lag = reader.lag()
                if self._caught_up is not None and reader.caught_up():
                    self._caught_up()
                    self._caught_up = None
        finally:
            reader.close()
