"""The events of a lineage are known by the bytes that were landed, and a changed byte is seen."""

import time
from pathlib import Path

import pytest

from schemas.events import StreamEnded, StreamStarted
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.archive.attesting import attested
from sinks.archive.lineage import Hop, Lineage
from sinks.lake.lake import TOPICS, Lake, Limits
from streams.lake.shelf import Shelf
from streams.log_lake import LakeLog
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.publisher import Publisher

pytestmark = pytest.mark.row("E9")
OBJECT = Hop("document", "7/s1/segments.json", "", "", "0" * 64, holds=True, says="12 bytes")


class Session:
    """A log of a session, and its lake."""

    def __init__(self, folder: Path) -> None:
        self.registry = LocalRegistry()
        self.codec = Codec(self.registry)
        self.folder = folder
        self.log = MemoryLog()
        self.begin(self.log, "rtmp")

    def begin(self, log: MemoryLog, encoder: str) -> None:
        self.publish(log, StreamStarted(
            event_id="1", occurred_at=1, channel_id="7", session_id="s1", login="mia", tier="partner", region="iad", ingest_node="ingest",
            encoder=encoder, width=1280, height=720, frame_rate=30.0, has_audio=True,
        ))  # fmt: skip

    def end(self, log: MemoryLog) -> None:
        self.publish(log, StreamEnded(
            event_id="2", occurred_at=2, channel_id="7", session_id="s1", reason="unpublished", media_sequence=1, frames_in=1, frames_out=1,
            frames_dropped=0, bytes_in=1, media_ms=1,
        ))  # fmt: skip

    def publish(self, log: MemoryLog, event: StreamStarted | StreamEnded) -> None:
        Publisher(log, self.codec, "ingest").publish(event).result()

    def land(self) -> None:
        lake = Lake(self.log, self.registry, Shelf.at(f"file://{self.folder}"), TOPICS, Limits(age_s=0))
        lake.open()
        assert lake._tail is not None
        while lake._tail.lag():
            time.sleep(0.002)
        lake.close()
        assert (lake.failure, lake.lag()) == (None, 0)

    def hops(self, log: MemoryLog | None = None) -> list[Hop]:
        """Of the log, held against the lake."""
        lines = Lineage(self.log, self.codec, StoredObjects.at("memory://"), [])
        return attested([OBJECT, *lines.session("7", "s1")], log or self.log, LakeLog(Shelf.at(f"file://{self.folder}")))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    found = Session(tmp_path)
    found.land()
    found.end(found.log)  # after what was landed
    return found


def test_events_that_were_landed_are_known_by_hash_the_newest_by_id(session: Session) -> None:
    kept, begun, ended = session.hops()
    assert kept is OBJECT
    assert (begun.what, begun.by, begun.holds, len(begun.record_sha256)) == ("ingested", "hash", True, 64)
    assert (ended.what, ended.by, ended.holds, ended.record_sha256) == ("ended", "id", True, "")
    session.land()
    assert [(hop.by, hop.holds) for hop in session.hops()] == 3 * [("hash", True)]


def test_a_record_that_is_not_what_was_landed_does_not_hold(session: Session) -> None:
    other = MemoryLog()
    session.begin(other, "rtmq")
    session.end(other)
    _, begun, ended = session.hops(other)
    assert (begun.by, begun.holds, ended.holds) == ("hash", False, True)
    assert "other bytes than were landed" in begun.says


def test_a_lake_whose_bytes_changed_attests_nothing(session: Session) -> None:
    [file] = (session.folder / "lake").glob("[!_]*/**/*.parquet")
    spoilt = bytearray(file.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    file.write_bytes(spoilt)
    _, begun, ended = session.hops()
    assert (begun.holds, ended.holds) == (False, True)
    assert "other bytes than were committed" in begun.says
