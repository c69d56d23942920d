"""Two regions on a real broker: partners spill over by what an operator set, rented workers are last, and the log's end forgets nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from confluent_kafka import OFFSET_END
from typer.testing import CliRunner

from infra.cli.region import region
from infra.parts import Parts
from infra.settings import Settings
from processors.transcode import REGIONS, SCHEDULER
from schemas.event import Event
from schemas.events import JobAssigned, RegionConfigured, RegionReported, TranscodeCancelled, TranscodeRequested, WorkerHeartbeat
from streams.faust_driver import FaustWorker
from streams.fold import At
from streams.follower import Follower
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.store_rocksdict import RocksStores
from streams.ticker import Ticker
from streams.topics import PARTITIONS
from tests.conftest import Broker
from tests.cut_log import cut_kafka
from tests.registry_server import serving

pytestmark = [pytest.mark.broker, pytest.mark.row("T18", "U4"), pytest.mark.timeout(180)]
E = TypeVar("E", bound=Event)
COMMANDS, JOBS = "media.capacity.commands.v1", "media.transcode.events.v1"
LADDER = 20.6
"""A partner's 480p30 + 360p30 + 160p30, megapixels a second, rounded up: each worker carries one."""
WORKERS = {"iad-own": ("iad", False), "iad-rented": ("iad", True), "fra-own": ("fra", False)}
ANSWER_S = 30.0


class Regions:
    """What was said on the log, and those who say something there: workers each second, partners when they are told to."""

    def __init__(self, parts: Parts) -> None:
        self._publisher = parts.publisher("test-1")
        self._events: list[Event] = []
        self._new = asyncio.Event()

    def note(self, event: Event, _: At) -> None:
        self._events.append(event)
        self._new.set()
        self._new = asyncio.Event()

    async def live(self) -> None:
        """The workers live."""
        while True:
            for worker, (where, rented) in WORKERS.items():
                self._publisher.publish(
                    WorkerHeartbeat(region=where, worker_id=worker, capacity=LADDER, sessions=(), outputs=3, overflow=rented)
                )
            await asyncio.sleep(1)

    async def begins(self, session: str) -> tuple[str, str]:
        """A partner of iad goes live: which worker has it, and why."""
        size = {"width": 1280, "height": 720, "frame_rate": 30.0}
        request = TranscodeRequested(region="iad", channel_id="c" + session, session_id=session, tier="partner", **size)
        self._publisher.publish(request)
        return await self.job(session, 1)

    async def job(self, session: str, attempt: int) -> tuple[str, str]:
        job = await self.first(JobAssigned, lambda each: (each.session_id, each.attempt) == (session, attempt))
        return job.worker_id, job.reason

    def ends(self, session: str) -> None:
        self._publisher.publish(TranscodeCancelled(region="iad", channel_id="c" + session, session_id=session, reason="unpublished"))

    async def first(self, kind: type[E], fits: Callable[[E], bool], since: int = 0) -> E:
        """The first event that fits, of those after so many, once it is there."""
        async with asyncio.timeout(ANSWER_S):
            while True:
                for event in self._events[since:]:
                    if isinstance(event, kind) and fits(event):
                        return event
                await self._new.wait()

    @property
    def count(self) -> int:
        """Events so far."""
        return len(self._events)


async def test_partners_spill_over_then_rent_and_what_was_set_outlives_the_log(private_kafka: Broker, tmp_path: Path) -> None:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    with serving(log) as registry:
        settings = Settings(home=str(tmp_path / "home"), kafka=private_kafka.bootstrap, registry=registry)
        await asyncio.to_thread(the_peers_are_kept, settings)
        with Parts(settings) as parts:
            regions = Regions(parts)
            follower = Follower(parts.log, parts.codec, [COMMANDS, JOBS], regions.note)
            await follower.start()
            living = asyncio.create_task(regions.live())
            async with folding(parts, private_kafka.bootstrap, tmp_path / "first"):
                await regions.first(RegionReported, lambda told: (told.region, told.from_region) == ("iad", "fra"))
                assert await regions.begins("a") == ("iad-own", "started")
                assert await regions.begins("b") == ("fra-own", "started")
                await regions.first(RegionReported, lambda told: told.from_region == "fra" and told.load > 0.95)
                assert await regions.begins("c") == ("iad-rented", "started")
                regions.ends("a")
                assert await regions.job("c", 2) == ("iad-own", "handed_over")
            cut_kafka(private_kafka.bootstrap, COMMANDS, OFFSET_END, PARTITIONS[COMMANDS])  # as after a day
            since = regions.count
            async with folding(parts, private_kafka.bootstrap, tmp_path / "second"):
                await regions.first(RegionConfigured, lambda told: told.region == "iad" and told.peers == ("fra", "sin"), since)
                await regions.first(RegionReported, lambda told: (told.region, told.from_region) == ("iad", "fra"), since)
                assert await regions.begins("d") == ("iad-own", "started")
                assert await regions.begins("e") == ("fra-own", "started")
            living.cancel()
            await follower.close()
    log.close()


@asynccontextmanager
async def folding(parts: Parts, bootstrap: str, folder: Path) -> AsyncIterator[None]:
    """The worker that decides, with stores of its own, and time passes."""
    worker = FaustWorker(
        [REGIONS, SCHEDULER],
        parts.log,
        parts.codec,
        RocksStores(folder / "views"),
        bootstrap=bootstrap,
        directory=folder / "faust",
        ticker=Ticker(parts.publisher("ticker-1")),
    )
    stopping = asyncio.Event()
    work = asyncio.create_task(worker.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await work


def the_peers_are_kept(settings: Settings) -> None:
    """The first set is replaced. Only iad has peers: fra, which it hears of, tells it in turn how full it is."""
    assert answer(settings, "list") == []
    answer(settings, "set", "iad", "--peers", "sin")
    answer(settings, "set", "sin", "--peers", "")
    assert answer(settings, "set", "iad", "--peers", "fra, sin") == {"region": "iad", "peers": ["fra", "sin"]}
    assert answer(settings, "list") == [{"region": "iad", "peers": ["fra", "sin"]}, {"region": "sin", "peers": []}]


def answer(settings: Settings, *words: str) -> Any:
    done = CliRunner().invoke(region, [*words, "--json"], env=settings.environment(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
