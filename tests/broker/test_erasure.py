"""An erasure through a real Kafka and the command: sealed at an edge, folded, snapshotted, landed, shredded, compacted, proved."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from lake_stage import land
from typer.testing import CliRunner

from infra.cli.__main__ import app
from infra.parts import Parts
from infra.settings import Settings
from infra.views import VIEWS
from schemas.events import MessagePosted
from schemas.privacy import ERASED
from schemas.privacy_codec import OpeningCodec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.privacy.folds import fold_codec
from streams.privacy.ring import KEYS
from streams.snapshots import Snapshots
from streams.store_rocksdict import RocksStores
from streams.topics import BY_NAME, OF_EVENT
from tests.broker.test_log_admin import config
from tests.folding import fold_silently
from tests.registry_server import serving
from tests.simulation.test_folds_after_erasure import TalkFold
from tests.system import free_offset

pytestmark = pytest.mark.broker
CHAT = OF_EVENT[MessagePosted].name
ERASURES = "privacy.erasure.events.v1"
MESSAGES = 20
ADA, BOB = "4211", "4212"


@pytest.fixture
def settings(private_kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A system of which only broker and registry run."""
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    with serving(log) as registry:
        found = Settings(kafka=private_kafka.bootstrap, registry=registry, home=str(tmp_path / "home"), port_offset=free_offset())
        for name, value in found.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setitem(VIEWS, "talk", TalkFold())
        yield found
    log.close()


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stdout


def on_disk(folder: Path, text: str | bytes) -> list[str]:
    """Files that hold some bytes."""
    wanted = text.encode() if isinstance(text, str) else text
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # the broker unlinks what it has replaced
            if path.is_file() and wanted in path.read_bytes():
                found.append(str(path.relative_to(folder)))
    return sorted(found)


def fold(parts: Parts, settings: Settings) -> list[tuple]:
    """Folds the view's partitions on RocksDB and sends a snapshot of each; what they hold."""
    stores = RocksStores(settings.folder / "views")
    codec = fold_codec(TalkFold(), parts.codec)
    asyncio.run(fold_silently(TalkFold(), parts.log, codec, stores))
    found = []
    for partition in range(4):
        store = stores.open("talk.v1", partition)
        found.append((dict(store.scan(b"")), store.progress()))
        store.close()  # the files of a closed store are as good as a checkpoint's
        checkpoint = settings.folder / "views" / "talk.v1" / str(partition)
        asyncio.run(Snapshots(parts.objects, [TalkFold()]).save("talk.v1", partition, found[-1][1], checkpoint))
    return found


@pytest.mark.row("E10")
def test_after_an_erasure_no_text_can_be_read_anywhere_and_no_record_has_changed(private_kafka, settings: Settings) -> None:
    with Parts(settings) as parts:
        ring = parts.keys("edge-1")
        edge = parts.publisher("edge-1", ring)
        texts = {user: [f"{uuid4().hex} says {user}" for _ in range(MESSAGES)] for user in (ADA, BOB)}
        ids = {user: [uuid4().hex for _ in range(MESSAGES)] for user in texts}
        for user in texts:
            ring.ready(user).result(10)
        for i in range(MESSAGES):
            for user, said in texts.items():
                message = MessagePosted(
                    channel_id=str(i), message_id=ids[user][i], user_id=user, user_login=f"login-{user}", display_name="Ada", text=said[i]
                )
                edge.publish(message).result(10)
        shown = OpeningCodec(parts.registry, ring)

        def read() -> dict[str, set[str]]:
            found: dict[str, set[str]] = {user: set() for user in texts}
            for partition, end in parts.log.ends(CHAT).items():
                for batch in parts.log.read(CHAT, partition, 0, end):
                    for event in (shown.decode(record.value) for record in batch):
                        found[event.user_id].add(event.text)
            return found

        assert read() == {user: set(said) for user, said in texts.items()}
        view = fold(parts, settings)
        land(parts.log, parts.registry, settings.objects_url, CHAT)
        broker = Path(private_kafka.log).parent / "data"
        wrapped = ring._held[ADA][0].wrapped
        assert on_disk(broker, wrapped)

        # What is not personal is found where it lies, so the search would find a text.
        for folder in (broker, settings.folder / "views", settings.folder / "objects" / "snapshots"):
            assert on_disk(folder, ids[ADA][0] if folder == broker else ADA), folder
            assert not [text for text in texts[ADA] if on_disk(folder, text[:32])]
        code, tailed = command("tail", CHAT, "--from", "start", "--count", str(2 * MESSAGES), "--json")
        assert code == 0
        assert ids[ADA][0] in tailed
        assert not [text for text in texts[ADA] if text in tailed]

        code, printed = command("erase", ADA, "--json", "--reason", "asked by its owner")
        proof = json.loads(printed)
        assert (code, proof["holds"]) == (0, True), proof
        assert (proof["rings"], len(proof["keys"])) == (["edge-1"], 1)
        assert (proof["records_before"], proof["records_after"]) == (2 * MESSAGES, 2 * MESSAGES)  # on the log and in the lake
        assert (proof["unreadable"], proof["readable"], proof["searched"]) == (2 * 3 * MESSAGES, 0, MESSAGES + 1)
        assert proof["places"] == {"view talk.v1": [], "snapshots": [], "lake columns": []}
        assert not [text for text in texts[ADA] if text in printed]
        assert read() == {ADA: {ERASED}, BOB: set(texts[BOB])}
        assert fold(parts, settings) == view

        deadline = time.monotonic() + 60
        while left := on_disk(broker, wrapped):  # a replaced file is unlinked a second after
            assert time.monotonic() < deadline, left
            time.sleep(0.2)
        kept = config(private_kafka.bootstrap, KEYS)
        assert {name: kept[name] for name, _ in BY_NAME[KEYS].settings} == dict(BY_NAME[KEYS].settings)
        assert kept["min.cleanable.dirty.ratio"] == "0.5"
        events = [parts.codec.decode(r.value) for batch in parts.log.read(ERASURES, 0, 0, parts.log.ends(ERASURES)[0]) for r in batch]
        assert [event.SCHEMA.rpartition(".")[2] for event in events] == ["ErasureRequested", "KeyDropped", "ErasureCompleted"]
        assert (events[-1].compacted, events[-1].readable, events[-1].sha256) == (True, 0, proof["sha256_before"])
