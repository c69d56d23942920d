"""What is planned by command reaches the forecast on a real broker, and its answer the command."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.accounts import Accounts
from infra.cli.console import CommandError
from infra.cli.schedule import schedule
from infra.parts import Parts
from infra.settings import Settings
from processors.forecast import FORECAST
from streams.faust_driver import FaustWorker
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.store_rocksdict import RocksStores
from tests.conftest import Broker
from tests.registry_server import serving

pytestmark = [pytest.mark.broker, pytest.mark.row("T17", "U4"), pytest.mark.timeout(180)]


class Commands:
    """`chronicast schedule` on a system of which only log and registry run."""

    def __init__(self, settings: Settings) -> None:
        self._environment = settings.environment()

    def answer(self, *arguments: str) -> object:
        done = CliRunner().invoke(schedule, [*arguments, "--json"], env=self._environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


async def test_a_planned_event_has_its_workers_asked_for_before_it_begins(private_kafka: Broker, tmp_path: Path) -> None:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    with serving(log) as registry:
        settings = Settings(home=str(tmp_path / "home"), kafka=private_kafka.bootstrap, registry=registry)
        commands = Commands(settings)
        with Parts(settings) as parts:
            Accounts(parts.log, parts.codec, "test-1").create("ada", "partner")
            await asyncio.to_thread(the_schedule_is_kept, commands)
            worker = FaustWorker(
                [FORECAST],
                parts.log,
                parts.codec,
                RocksStores(tmp_path / "views"),
                bootstrap=private_kafka.bootstrap,
                directory=tmp_path / "faust",
            )
            stopping = asyncio.Event()
            work = asyncio.create_task(worker.run(stopping))
            try:
                asked = await the_answer(commands, work)
            finally:
                stopping.set()
                await work
    log.close()
    assert (asked["reason"], asked["capacity"]) == ("schedule", 0.0)
    assert asked["scheduled"] == pytest.approx(3 * 75.84)
    assert asked["by"] <= asked["occurred_at"] + 15 * 60_000_000


def the_schedule_is_kept(commands: Commands) -> None:
    kept = commands.answer("add", "ada", "--at", "+15m", "--streams", "3", "--region", "iad")
    other = commands.answer("add", "ada", "--at", "+1d")
    assert [row["entry"] for row in commands.answer("list")] == [kept["entry"], other["entry"]]
    commands.answer("cancel", other["entry"])
    assert commands.answer("list") == [kept]
    with pytest.raises(CommandError, match="schedule list"):
        commands.answer("cancel", other["entry"])
    with pytest.raises(CommandError, match="over already"):
        commands.answer("add", "ada", "--at", "2020-01-01")
    with pytest.raises(CommandError, match="account list"):
        commands.answer("add", "nobody", "--at", "+15m")


async def the_answer(commands: Commands, work: "asyncio.Task[None]") -> dict:
    async with asyncio.timeout(60):
        while True:
            assert not work.done() or work.result()
            found = await asyncio.to_thread(commands.answer, "forecast")
            if "iad" in found:
                return found["iad"]["asked"]
            await asyncio.sleep(0.1)
