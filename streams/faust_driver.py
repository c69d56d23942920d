"""Runs folds in a Faust worker: membership, assignment, delivery and commit are Faust's; the stores' watermarks are the truth."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP

from schemas.wire import Codec
from streams.errors import FatalError
from streams.faust_transport import Transport, unpack_as_records
from streams.fold import Fold
from streams.kafka_batches import KafkaBatches
from streams.lanes import Lanes
from streams.log import Log, Record
from streams.outputs import group_name
from streams.runner import Runner
from streams.store import Stores
from streams.ticker import INTERVAL_S, Ticker
from streams.watchdog import Watchdog

logger = structlog.get_logger()
BATCH = 1_000
"""Records of a fetch at most: tens of milliseconds of folding, the longest that the event loop is held."""
BUFFERED = 4 * BATCH
"""Records of a partition that wait for a fold before fetching pauses."""
SESSION_S = 10.0
"""A killed worker's partitions move after this long; Faust's default is 60."""
HEARTBEATS = 5
"""In a session: four may get lost."""
COMMIT_S = 1.0
"""A hint for the group's lag tools and for a worker whose store is lost; the stores do not need it."""
END_S = 4.0
"""For the batches in flight at the end: milliseconds unless the broker is away. The process is killed after 15 s (infra/process.py)
and the log's close may need 10 of them."""
WATCH_S = 1.0
"""Between two looks at lag and stall."""


class FaustWorker:
    """One Faust worker that runs several folds. `run` returns after an orderly stop and raises otherwise."""

    def __init__(
        self,
        folds: Sequence[Fold],
        log: Log,
        codec: Codec,
        stores: Stores,
        *,
        bootstrap: str,
        directory: Path,
        ticker: Ticker | None = None,
        replicas: int = 1,
        instance: str | None = None,
        session_s: float = SESSION_S,
        code_version: str = "",
        sent: Callable[[str, int], int] = lambda view, partition: 0,
    ) -> None:
        """`directory` is for Faust's own files. `ticker` is run by whoever has the first fold's partition 0. `instance` makes the
        membership static, for rolling restarts: a name that no other worker has. A killed worker's partitions move after `session_s`.
        `code_version` names the build in dead letters. `sent`: by view and partition, the offset before which outputs were sent by
        what the view was before (`Generations.sent`).

        Raises:
            FatalError: a fold cannot be run; the message says why.
        """
        self._batches = KafkaBatches(bootstrap, log)
        self._runners = [Runner(fold, log, codec, stores, append=self._batches.append, code_version=code_version) for fold in folds]
        self._lanes = [(runner.topic, Lanes(runner.run_batch, self._fail, batch=BATCH, waiting=BUFFERED)) for runner in self._runners]
        self._settings: dict[str, Any] = {
            "id": group_name(folds),
            "broker": f"kafka://{bootstrap}",
            "datadir": str(directory),
            "topic_replication_factor": replicas,
            "consumer_group_instance_id": instance,
            "broker_session_timeout": session_s,
            "broker_heartbeat_interval": session_s / HEARTBEATS,
            **SETTINGS,
        }
        self._sent = sent
        self._directory = directory
        self._ticker = ticker
        self._watchdog = Watchdog()
        self._next: dict[TP, int] = {}
        self._seeking = asyncio.Lock()
        self._failure: asyncio.Future[None] | None = None
        self._caught_up = False
        self._lag: int | None = None
        self._app: Any = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set.

        Raises:
            FatalError: a fold, the transport or the watchdog gave up. Nothing wrong was acknowledged: start the process again.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._failure = asyncio.get_running_loop().create_future()
        app = self._app = self._make_app()
        tasks = [asyncio.ensure_future(work) for work in (app.start(), self._watch(app), stopping.wait(), self._failure)]
        started, watch, stop, failure = tasks
        try:
            await asyncio.wait((started, watch, stop, failure), return_when=asyncio.FIRST_COMPLETED)
            if started.done() and not started.exception():
                await asyncio.wait((watch, stop, failure), return_when=asyncio.FIRST_COMPLETED)
            for task in (failure, watch, started):
                if task.done() and (cause := task.exception()):
                    raise FatalError(f"the worker of {self._settings['id']} stops: {cause}") from cause
        finally:
            for task in tasks:
                task.cancel()
            await self._end(app)
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(lanes.close() for _, lanes in self._lanes))
            await self._batches.close()

    def lacks(self) -> str:
        """Why the views are not ready to be relied upon: no assignment yet, or not caught up since the start. Empty where they are."""
        if self._lag is None:
            return "waits for its partitions"
        return "" if self._caught_up else f"{self._lag} records behind"

    def _make_app(self) -> Any:
        unpack_as_records()
        app: Any = faust.App(**self._settings)
        app.transport = Transport(app.conf.broker_consumer, app, asyncio.get_running_loop())
        app.transport.work = self
        app.on_partitions_revoked.connect(self._revoked)
        for topic in {runner.topic for runner in self._runners}:
            app.topics.add(app.topic(topic))
        if self._ticker is not None:
            self._add_ticker(app, self._ticker)
        return app

    def _add_ticker(self, app: Any, ticker: Ticker) -> None:
        # One worker of a group has the partition. Faust's own leader is whoever has a topic that Faust makes when it starts: where the
        # first assignment comes before the broker tells of that topic, nobody leads until the next one.
        first = TP(self._runners[0].topic, 0)

        async def tick() -> None:
            if first in app.consumer.assignment():
                ticker.tick()

        app.timer(INTERVAL_S)(tick)

    def _fail(self, cause: Exception) -> None:
        logger.error("worker stops", cause=str(cause))
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(cause)

    async def take_over(self, assigned: Mapping[TP, int]) -> dict[TP, int]:
        """Opens the stores of what is assigned and closes all others."""
        async with self._seeking:
            await self._close(tp for tp in self._held() if tp not in assigned)
            starts = {}
            for tp, committed in assigned.items():
                offsets = [
                    await runner.open(tp.partition, max(committed, self._sent(runner.view, tp.partition)))
                    for runner in self._runners
                    if runner.topic == tp.topic
                ]
                if offsets:
                    starts[tp] = min(offsets)
            self._next.update(starts)
            logger.info("assigned", partitions={f"{tp.topic}/{tp.partition}": offset for tp, offset in starts.items()})
            return starts

    async def reopen(self, view: str) -> None:
        """Lets a view's partitions go on with the stores that its stores have now; a failure ends the worker."""
        try:
            for runner in self._runners:
                for partition in runner.partitions if runner.view == view else ():
                    await runner.reopen(partition)
        except Exception as cause:
            self._fail(cause)

    async def deliver(self, tp: TP, records: Sequence[Record]) -> None:
        """Gives the records to the folds over their topic."""
        for topic, lanes in self._lanes:
            if topic == tp.topic:
                await lanes.put(tp.partition, records)

    def next_offset(self, tp: TP) -> int | None:
        """The least offset after what all folds over a topic have done."""
        offsets = [runner.next_offset(tp.partition) for runner in self._runners if runner.topic == tp.topic]
        known = [offset for offset in offsets if offset is not None]
        return min(known) if known else self._next.get(tp)

    async def _revoked(self, app: Any, *_: Any, **__: Any) -> None:
        """A rebalance takes everything first and then gives anew: the stores are free before another worker opens them."""
        await self._close(self._held())
        await app.consumer.commit()
        self._next.clear()

    def _held(self) -> list[TP]:
        """What is assigned, and what is open all the same: a take-over that a rebalance cut short leaves stores open."""
        opened = (TP(runner.topic, partition) for runner in self._runners for partition in runner.partitions)
        return list(dict.fromkeys((*self._next, *opened)))

    async def _close(self, tps: Iterable[TP]) -> None:
        """Closes stores, each after its batch in flight, and remembers how far they came."""
        for tp in tps:
            ends = [await runner.close(tp.partition) for runner in self._runners if runner.topic == tp.topic]
            if known := [end for end in ends if end is not None]:
                self._next[tp] = min(known)

    async def _end(self, app: Any) -> None:
        """Lets the batches in flight end, closes the stores, leaves the group."""
        try:
            async with asyncio.timeout(END_S):
                try:
                    await self._close(self._held())
                finally:  # a store that cannot be closed must not keep the others and the membership
                    await app.stop()
        except TimeoutError:
            logger.warning("did not end in time: what was in flight is done again after the start")
        except Exception as cause:  # the reason why the worker ends is told by `run`: it must not be hidden by this one
            logger.warning("a store was not closed", cause=str(cause))

    async def _watch(self, app: Any) -> None:
        """Keeps lag and readiness, and finds a worker that died or stalls."""
        while True:
            await asyncio.sleep(WATCH_S)
            if app.should_stop:
                raise FatalError(f"Faust ended: {app.crash_reason!r}")
            if not app.rebalancing and app.tables.recovery.completed.is_set():
                self._look(app)

    def _look(self, app: Any) -> None:
        positions, known = {}, True
        for runner in self._runners:
            for partition in runner.partitions:
                end, offset = app.consumer.highwater(TP(runner.topic, partition)), runner.next_offset(partition)
                known = known and end is not None
                lag = max(0, (end or 0) - (offset or 0))
                positions[runner.view, partition] = (offset or 0, lag)
                runner.metrics.lag.labels(partition).set(lag)
        self._lag = sum(lag for _, lag in positions.values())
        self._caught_up = self._caught_up or (known and self._lag == 0)
        if stalled := self._watchdog.stalled(positions):
            raise FatalError("; ".join(stalled))


SETTINGS: dict[str, Any] = {
    "autodiscover": False,
    "processing_guarantee": "at_least_once",  # Faust's exactly_once loses and hangs (faust-streaming 323, 517)
    "store": "memory://",  # no table is ever made
    "topic_disable_leader": True,  # who ticks is told by a partition
    "table_standby_replicas": 0,
    "broker_commit_interval": COMMIT_S,
    "broker_max_poll_records": BATCH,
    "broker_max_poll_interval": 3_600.0,  # a batch that is tried again and again through an outage must not lose its partition
    "consumer_auto_offset_reset": "earliest",
    "stream_wait_empty": False,  # the runner itself waits for the batch in flight before it closes the store
    "stream_recovery_delay": 0.0,
    "web_enabled": False,  # and `App.start` instead of Faust's worker command, which would bind port 6066 all the same
    "worker_redirect_stdouts": False,
}
