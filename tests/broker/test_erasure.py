"""An erasure through a real Kafka: sealed at an edge, folded on RocksDB, shredded, compacted, proved."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from schemas.events import MessagePosted
from schemas.privacy import ERASED
from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.registry import LocalRegistry
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.privacy_compaction import KafkaCompactor
from streams.privacy_erasure import Erasure, Place
from streams.privacy_master import MasterKeys
from streams.privacy_ring import KEYS, KeyRing
from streams.publisher import Publisher
from streams.topics import BY_NAME, OF_EVENT
from tests.broker.test_log_admin import config

pytestmark = pytest.mark.broker
CHAT = OF_EVENT[MessagePosted].name
MESSAGES = 40


def on_disk(data: Path, text: bytes) -> list[str]:
    """Files of the broker that hold some bytes."""
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file() and text in path.read_bytes())


@pytest.fixture
def log(kafka) -> Iterator[KafkaLog]:
    ensure_topics(kafka.bootstrap)
    found = KafkaLog(kafka.bootstrap)
    yield found
    found.close()


@pytest.mark.row("E10")
def test_after_an_erasure_no_text_can_be_read_and_no_record_has_changed(kafka, log: KafkaLog, tmp_path: Path) -> None:
    registry, masters = LocalRegistry(), MasterKeys.at(tmp_path / "master.key")
    opaque = SealedCodec(registry)
    ring = KeyRing(log, opaque, masters, "edge-1")
    ring.start()
    users = [f"{uuid4().int >> 75}" for _ in range(2)]
    erased, kept = users
    edge = Publisher(log, SealedCodec(registry, ring), "edge-1")
    texts = {user: [f"{uuid4().hex} says {user}" for _ in range(MESSAGES)] for user in users}
    ids = {user: [str(uuid4()) for _ in range(MESSAGES)] for user in users}
    for user in users:
        ring.ready(user).result(10)
    since = log.ends(CHAT)
    for i in range(MESSAGES):
        for user in users:
            said = MessagePosted(
                channel_id="1", message_id=ids[user][i], user_id=user, user_login=f"login-{user}", display_name="Ada", text=texts[user][i]
            )
            edge.publish(said).result(10)
    shown = OpeningCodec(registry, ring)

    def read() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {user: [] for user in users}
        for partition, end in log.ends(CHAT).items():
            for batch in log.read(CHAT, partition, since[partition], end):
                for event in (shown.decode(record.value) for record in batch):
                    found[event.user_id].append(event.text)
        return found

    assert read() == texts
    data = Path(kafka.log).parent / "data"
    wrapped = ring._held[erased][0].wrapped
    assert on_disk(data, wrapped)
    assert on_disk(data, ids[erased][0].encode())  # what is not personal can be found there, so the search finds what is there
    assert not on_disk(data, texts[erased][0][:32].encode())

    steps: list[str] = []
    erasure = Erasure(log, opaque, masters, KafkaCompactor(kafka.bootstrap), places=[Place("none", lambda: [b"nothing"])], say=steps.append)
    began = time.monotonic()
    proof = erasure.erase(erased, "asked by its owner")
    print(f"erasure {time.monotonic() - began:.1f} s, compaction {proof.compaction_s:.1f} s")

    assert proof.holds, proof
    assert [step[0] for step in steps] == ["r", "1", "2", "3", "4", "5"]
    assert (proof.rings, len(proof.keys)) == (["edge-1"], 1)
    assert (proof.records_before, proof.records_after) == (MESSAGES, MESSAGES)
    assert (proof.unreadable, proof.readable) == (3 * MESSAGES, 0)
    assert proof.searched == MESSAGES + 1
    assert read() == {erased: [ERASED] * MESSAGES, kept: texts[kept]}
    deadline = time.monotonic() + 10
    while left := on_disk(data, wrapped):  # a replaced file is unlinked a second after
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    settings = config(kafka.bootstrap, KEYS)
    assert {name: settings[name] for name, _ in BY_NAME[KEYS].settings} == dict(BY_NAME[KEYS].settings)
    assert settings["min.cleanable.dirty.ratio"] == "0.5"
    [completed] = [
        event
        for batch in log.read("privacy.erasure.events.v1", 0, 0, log.ends("privacy.erasure.events.v1")[0])
        for event in (opaque.decode(record.value) for record in batch)
        if event.SCHEMA.endswith("ErasureCompleted") and event.subject_id == erased
    ]
    assert (completed.compacted, completed.records, completed.readable, completed.sha256) == (True, MESSAGES, 0, proof.sha256_before)
    again = erasure.erase(erased, "asked again")
    assert (again.holds, again.keys, again.unreadable) == (True, [], 3 * MESSAGES)
    written = msgspec.json.encode(proof)
    assert not any(text.encode() in written for text in texts[erased])
    ring.close()
