"""The commands on a real broker: a letter is looked into, mended and put back; a slice goes from one Kafka to another."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.cli.__main__ import main
from schemas.events import Followed
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log import Record
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from streams.runner import Runner
from streams.store_memory import MemoryStores
from tests.conftest import Broker, _broker
from tests.registry_server import serving
from tests.simulation.counting import INPUT, POISONED, CountingFold

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]


class Done(NamedTuple):
    code: int
    out: str
    err: str


class System:
    """Broker and registry, the commands, and a view."""

    def __init__(self, broker: Broker, registry: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.bootstrap, self.registry = broker.bootstrap, registry
        self.log = KafkaLog(broker.bootstrap)
        self.codec = Codec(HttpRegistry(registry))
        self.publisher = Publisher(self.log, self.codec, "test-1")
        self.stores = MemoryStores()
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def cli(self, *arguments: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["chronicast", *arguments])
        self._monkeypatch.setenv("CHRONICAST_KAFKA", self.bootstrap)
        self._monkeypatch.setenv("CHRONICAST_REGISTRY", self.registry)
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *self._capsys.readouterr())

    def records(self, topic: str = INPUT) -> list[Record]:
        ends = self.log.ends(topic)
        return [r for partition, end in ends.items() if end for batch in self.log.read(topic, partition, 0, end) for r in batch]

    def fold(self) -> list[Record]:
        """Folds what is new; all outputs so far."""

        async def work() -> None:
            runner = Runner(CountingFold(), self.log, self.codec, self.stores)
            for partition, end in self.log.ends(INPUT).items():
                start = await runner.open(partition)
                if start < end:
                    records = [r for batch in self.log.read(INPUT, partition, start, end) for r in batch]
                    await runner.run_batch(partition, records)
                await runner.close(partition)

        asyncio.run(work())
        return self.records("chat.message.events.v1")


@pytest.fixture
def system(private_kafka: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[System]:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    with serving(log) as registry:
        found = System(private_kafka, registry, monkeypatch, capsys)
        yield found
        found.log.close()
    log.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Broker]:
    yield from _broker(tmp_path / "elsewhere")


@pytest.mark.row("U4", "U10")
def test_a_letter_is_looked_into_mended_and_put_back_once(system: System) -> None:
    for user in ("a", POISONED):
        system.publisher.publish(Followed(channel_id="7", user_id=user)).result(10)
    system.publisher.publish(Followed(channel_id="8", user_id="c")).result(10)
    system.log.append(INPUT, b"9", b'{"channel_id": "9"}', partition=0).result(10)
    assert len(system.fold()) == 2

    listed = system.cli("dlq", "list", "--json")
    assert listed.code == 1
    cases = {case["key"]: case for case in json.loads(listed.out)["cases"]}
    assert {key: (case["stage"], case["state"], case["processors"]) for key, case in cases.items()} == {
        "7": ("apply", "waiting", ["counting.v1"]),
        "9": ("decode", "waiting", ["counting.v1"]),
    }
    where = cases["7"]["source"]
    assert where in system.cli("dlq", "list", INPUT).out

    shown = system.cli("dlq", "show", where)
    assert shown.code == 0
    assert "x-error.exception.message: nobody follows nobody" in shown.out
    assert f"nothing of its key came behind it: ./chronicast dlq replay {where}" in shown.out
    dumped = system.cli("dlq", "show", cases["9"]["letters"][0])
    assert "7b 22 63 68 61 6e" in dumped.out  # {"chan

    refused = system.cli("dlq", "replay", cases["9"]["source"], "--yes")
    assert refused.code == 1
    assert "would come back as a dead letter" in refused.out
    assert system.cli("dlq", "fix", where, "--set", "user_id=b").code == 2  # nobody is there to answer
    fixed = system.cli("dlq", "fix", where, "--set", "user_id=b", "--yes")
    assert fixed.code == 0, fixed.err
    assert "- user_id: 'nobody'\n+ user_id: 'b'" in fixed.out

    done = system.cli("dlq", "replay", where, "--yes", "--json")
    assert (done.code, list(json.loads(done.out)["replayed"])) == (0, [where])
    assert len(system.fold()) == 3
    again = system.cli("dlq", "replay", where, "--yes")
    assert (again.code, again.out) == (0, "0 put back, 0 stay.\n")
    assert len(system.fold()) == 3
    event = system.codec.decode(system.records()[-1].value or b"")
    assert where not in system.cli("dlq", "list").out
    assert "replayed" in system.cli("dlq", "list", "--replayed").out
    assert isinstance(event, Followed)

    for wrong in (("dlq", "show", "nowhere"), ("dlq", "show", f"{INPUT}/0/999"), ("dlq", "list", "no.such.topic")):
        failed = system.cli(*wrong)
        assert failed.code in (1, 2)
        assert failed.err.startswith("chronicast: ")


@pytest.mark.row("U4", "E13")
def test_a_slice_goes_from_one_kafka_to_another(system: System, elsewhere: Broker, tmp_path: Path) -> None:
    for i in range(300):
        system.publisher.publish(Followed(channel_id=str(i % 9), user_id=str(i))).result(10)
    system.log.append(INPUT, b"9", b"junk", partition=1).result(10)
    system.fold()
    file = tmp_path / "slice.avro"
    exported = system.cli("export", INPUT, "chat.message.events.v1", "--from", "5m", "-o", str(file), "--json")
    assert exported.code == 0, exported.err
    assert json.loads(exported.out)["records"] == 601
    assert system.cli("export", INPUT, "-o", str(file)).code == 2  # it is there already

    with_registry = ("--to-registry", system.registry)
    ours = system.cli("replay", "--from-file", str(file), "--to-kafka", system.bootstrap.replace("127.0.0.1", "localhost"), *with_registry)
    assert ours.code == 2
    assert "is the Kafka that the system runs on" in ours.err

    there = KafkaLog(elsewhere.bootstrap)
    ensure_topics(elsewhere.bootstrap)
    with serving(there) as registry:
        HttpRegistry(registry).register("other", {"type": "record", "name": "Other", "fields": []})
        way = ("replay", "--from-file", str(file), "--to-kafka", elsewhere.bootstrap, "--to-registry", registry, "--speed", "10")
        done = system.cli(*way)
        assert done.code == 0, done.err
        assert "601 records are on" in done.out
        codec = Codec(HttpRegistry(registry))
        for topic in (INPUT, "chat.message.events.v1"):
            for partition, end in system.log.ends(topic).items():
                mine = [r for batch in system.log.read(topic, partition, 0, end) for r in batch] if end else []
                theirs = [r for batch in there.read(topic, partition, 0, end) for r in batch] if end else []
                assert [r._replace(value=b"") for r in theirs] == [r._replace(value=b"") for r in mine]
                for one, other in zip(mine, theirs, strict=True):
                    assert one.value is not None
                    assert other.value == one.value if one.value == b"junk" else codec.decode(other.value) == system.codec.decode(one.value)
        again = system.cli(*way)
        assert again.code == 1
        assert "take an empty Kafka" in again.err
    there.close()
