"""What is wrong with a live view is found and named by the command, on a real broker; and what Kafka has forgotten is had from the lake."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lake_stage import land
from typer.testing import CliRunner

from infra.cli.__main__ import app
from infra.parts import Parts
from infra.settings import Settings
from infra.views import VIEWS
from schemas.event import Event
from schemas.events import Followed, StreamUpdated
from streams.envelope import rfc3339
from streams.fold import At, Rows
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.slices.file import Slice
from streams.store import table_prefix
from streams.views.moments import GoneError
from streams.views.verification import NotVerifiableError
from tests.cut_log import cut_kafka
from tests.live_view import LiveView
from tests.registry_server import serving
from tests.simulation.counting import INPUT, TOTAL, Count

pytestmark = [pytest.mark.broker, pytest.mark.row("E2", "U4"), pytest.mark.timeout(180)]
CHANNELS, EVENTS = 8, 1_200


class Tally:
    """Counts the follows of each channel and says each count."""

    version, inputs, outputs, tables = 1, (INPUT,), (StreamUpdated,), (TOTAL,)

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        assert isinstance(event, Followed)
        total = rows[TOTAL].get("all", Count(0)).total + self.weight(event)
        rows[TOTAL]["all"] = Count(total)
        yield StreamUpdated(channel_id=event.channel_id, session_id="s", title=f"{total} follows")

    def weight(self, event: Followed) -> int:
        return 1


class WrongTally(Tally):
    """Counts user 700 twice."""

    def weight(self, event: Followed) -> int:
        return 2 if event.user_id == "700" else 1


@pytest.fixture
def settings(private_kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A system of which only broker and registry run."""
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    with serving(log) as registry:
        found = Settings(kafka=private_kafka.bootstrap, registry=registry, home=str(tmp_path / "home"))
        for name, value in found.environment().items():
            monkeypatch.setenv(name, value)
        yield found
    log.close()


def command(*words: str) -> tuple[int, Any]:
    """Exit code and JSON of a command; a failure that is told in words is raised."""
    done = CliRunner().invoke(app, [*words, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.stdout)


def follow(parts: Parts) -> list[tuple[int, int]]:
    """Publishes follows; partition and offset of each."""
    publisher = parts.publisher("edge-1")
    sent = [publisher.publish(Followed(channel_id=str(i % CHANNELS), user_id=str(i))) for i in range(EVENTS)]
    return [(position.partition, position.offset) for position in (each.result(20) for each in sent)]


def live_view(parts: Parts, settings: Settings, fold: Tally, monkeypatch: pytest.MonkeyPatch) -> LiveView:
    """A view that is folded here, by hand."""
    monkeypatch.setitem(VIEWS, fold.name, fold)
    return LiveView(settings.folder, fold, log=parts.log, codec=parts.codec)


def named(view: str) -> dict[str, Any]:
    """The one partition of a view that `verify` finds to differ."""
    code, verdict = command("verify", view)
    assert (code, verdict["equal"]) == (1, False)
    [wrong] = [each for each in verdict["partitions"] if each["differing"]]
    return wrong


def test_a_lost_and_a_doubled_event_a_wrong_fold_and_a_flipped_byte_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Parts(settings) as parts:
        places = follow(parts)

        async def folded(name: str, **how: Any) -> LiveView:
            live = live_view(parts, settings, Tally(name), monkeypatch)
            await live.fold_on(**how)
            assert parts.log.flush(20)
            return live

        asyncio.run(folded("right"))
        code, verdict = command("verify", "right", "--outputs")
        assert (code, verdict["equal"], verdict["events"], verdict["outputs"]["expected"]) == (0, True, EVENTS, EVENTS)

        asyncio.run(folded("lost", lose=[places[700]]))
        asyncio.run(folded("doubled", double=[places[700]]))
        asyncio.run(folded("wrong", fold=WrongTally("wrong")))
        live = asyncio.run(folded("flipped"))
        database = live.raw(places[700][0])
        address = table_prefix(b"4", "total") + b"all"  # channel 4 is that of user 700
        row = bytearray(database[address])
        row[-1] ^= 1
        database[address] = bytes(row)
        database.close()

        last = max(i for i in range(EVENTS) if i % CHANNELS == 700 % CHANNELS)
        for name, event, how, off in (
            ("lost", 700, "was left out", -1),
            ("doubled", 700, "was folded twice", 1),
            ("wrong", 700, "other content", 1),
            ("flipped", last, "changed afterwards, not by the view", None),
        ):
            wrong = named(name)
            [shown], parting = wrong["shown"], wrong["parting"]
            assert (shown["key"], shown["table"], shown["fresh"]["total"]) == ("4", "total", EVENTS // CHANNELS), name
            assert off is None or shown["live"]["total"] - shown["fresh"]["total"] == off, name
            assert ((parting["partition"], parting["offset"]), parting["key"]) == (places[event], "4"), (name, parting)
            assert (how in parting["how"], parting["sure"], parting["type"]) == (True, True, "chronicast.social.Followed"), (name, parting)
            assert (wrong["live"] == wrong["fresh"]) == (name == "flipped")


def replayed(*words: str) -> dict[str, Any]:
    """The manifest of a replay, which is the same each time; all but how long it took."""
    return {name: value for name, value in command("replay", *words)[1].items() if name != "seconds"}


def exported(file: Path, *words: str) -> None:
    code, told = command("export", INPUT, "--output", str(file), *words)
    assert (code, told["records"]) == (0, EVENTS)


@pytest.mark.row("E1", "E12", "E13")
def test_what_kafka_has_forgotten_is_replayed_verified_rebuilt_looked_at_and_exported_from_the_lake(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Parts(settings) as parts:
        follow(parts)
        tally = Tally("tally")
        live = live_view(parts, settings, tally, monkeypatch)
        monkeypatch.setattr("infra.cli.rebuild.WORKERS", ((tally,),))
        asyncio.run(live.fold_on())
        land(parts.log, parts.registry, settings.objects_url, INPUT)
        before = command("view", "tally")[1]["rows"]
        replays = [replayed(name) for name in (INPUT, "tally")]
        exported(tmp_path / "before.avro")
        cut_kafka(settings.bootstrap, INPUT, 100)

        for words, refused in (
            (("verify", "tally"), NotVerifiableError),
            (("rebuild", "tally"), GoneError),
            (("diff", "tally", "live"), GoneError),
            (("view", "tally"), GoneError),
        ):
            with pytest.raises(refused, match=r"begins at offset 100.*If the lake has it: --source both"):
                command(*words)

        code, verdict = command("verify", "tally", "--source", "both")
        assert (code, verdict["events"]) == (0, EVENTS)
        assert command("diff", "tally", "live", "end", "--source", "both")[1]["counts"] == {}
        assert command("view", "tally", "--source", "both")[1]["rows"] == before
        times = sorted(record.timestamp for record in Slice(tmp_path / "before.avro").records())
        past = command("view", "tally", "--at", rfc3339(1_000 * times[EVENTS // 2]), "--source", "both")[1]["rows"]
        assert sum(row["value"]["total"] for row in past) == sum(time <= times[EVENTS // 2] for time in times)
        assert [replayed(name, "--source", source) for source in ("lake", "both") for name in (INPUT, "tally")] == 2 * replays
        exported(tmp_path / "after.avro", "--source", "both")
        assert list(Slice(tmp_path / "after.avro").records()) == list(Slice(tmp_path / "before.avro").records())
        code, told = command("rebuild", "tally", "--source", "both")
        assert (code, told["in_use"], told["built"]["proven"], told["built"]["events"]) == (0, "tally.v1+1", True, EVENTS)
        assert command("verify", "tally", "--source", "both")[1]["view"] == "tally.v1+1"
