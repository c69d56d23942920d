"""The number of gateways follows sustained load, up and down, without swinging."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from processors.fleet import FLEET
from processors.fleet.fold import HIGH, SILENT_US, SUSTAINED_US, FleetFold
from schemas.event import Event
from schemas.events import FleetResized, GatewayReported
from schemas.wire import Codec
from streams.edges.chat.fleet import FleetReports
from streams.fold import At
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import OF_EVENT
from tests.chat_stage import ChatStage, staged
from tests.folding import memory_rows

SECOND = 1_000_000


class Fleet:
    """A region whose gateways report every five seconds."""

    def __init__(self) -> None:
        self.rows = memory_rows()
        self.now = 0

    def report(self, loads: list[float], *, seconds: int = 5, cpu: float = 0.1, draining: bool = False) -> list[FleetResized]:
        """All report until the seconds are over; what was asked for."""
        asked: list[FleetResized] = []
        for _ in range(seconds // 5):
            self.now += 5 * SECOND
            for n, load in enumerate(loads):
                event = GatewayReported(
                    region="local", gateway_id=f"g{n}", connections=int(10_000 * load), capacity=10_000, cpu=cpu, draining=draining
                )
                asked += FleetFold().apply(self.rows, event, At("chat.fleet.commands.v1", 0, 0, self.now))  # type: ignore[arg-type]
        return asked


@pytest.mark.row("C21")
def test_sustained_load_above_the_limit_asks_for_more_once_and_a_burst_does_not() -> None:
    fleet = Fleet()
    assert fleet.report([0.5, 0.5], seconds=120) == []
    assert fleet.report([0.95, 0.95], seconds=SUSTAINED_US // SECOND - 10) == []
    assert fleet.report([0.5, 0.5], seconds=10) == []
    [asked] = fleet.report([0.95, 0.95], seconds=300)
    assert (asked.wanted, asked.running, asked.reason) == (4, 2, "connections")
    assert asked.load > HIGH


@pytest.mark.row("C21")
def test_cpu_counts_as_sockets_do() -> None:
    [asked] = Fleet().report([0.1], seconds=120, cpu=0.9)
    assert (asked.wanted, asked.reason) == (2, "cpu")


@pytest.mark.row("C21")
def test_an_idle_fleet_shrinks_to_what_carries_the_load_and_stays_there() -> None:
    fleet = Fleet()
    [asked] = fleet.report([0.1, 0.1, 0.1, 0.1], seconds=300)
    assert (asked.wanted, asked.reason) == (1, "idle")
    fleet.report([0.4], seconds=300, draining=False)
    assert fleet.report([0.4], seconds=600) == []


def test_a_silent_gateway_counts_no_more() -> None:
    fleet = Fleet()
    fleet.report([0.5, 0.5], seconds=10)
    fleet.now += SILENT_US
    [asked] = fleet.report([0.85], seconds=120)
    assert asked.running == 1


def test_a_draining_gateway_is_not_counted() -> None:
    fleet = Fleet()
    assert fleet.report([0.9], seconds=120, draining=True) == []


@pytest.mark.row("C21", "C8")
async def test_what_a_gateway_carries_is_told_beside_it_and_asks_for_another_one(tmp_path: Path) -> None:
    now = [1_000.0, 0.0]
    async with staged(tmp_path, (FLEET,)) as stage:
        publisher = Publisher(stage.log, Codec(stage.registry), "chat-1", clock=lambda: int(now[0] * SECOND))
        reports = FleetReports(publisher, "local", "chat-1", 1_000, clock=lambda: now[0], cpu=lambda: now[1])
        for _ in range(SUSTAINED_US // SECOND // 5 + 2):
            now = [now[0] + 5, now[1] + 1]
            reports.report(950)
        async with asyncio.timeout(10):
            while not (asked := told(stage, FleetResized)):
                await asyncio.sleep(0.01)
        [resized] = asked
        assert (resized.region, resized.wanted, resized.running, resized.reason) == ("local", 2, 1, "connections")
        reports.report(900, draining=True)
        first, *_, last = told(stage, GatewayReported)
        assert (first.gateway_id, first.connections, first.capacity, first.cpu, first.draining) == ("chat-1", 950, 1_000, 0.2, False)
        assert last.draining


def told(stage: ChatStage, kind: type[Event]) -> list[Any]:
    """All events of a type on the log."""
    return [stage.codec.decode(record.value) for record in whole(stage.log, OF_EVENT[kind].name)]
