"""The library's tables in a real PostgreSQL: whatever is repeated or interrupted, they are what the log says."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from infra import ports
from infra.erasure_places import places
from infra.postgres import PostgresNode
from infra.settings import Settings
from schemas.events import ClipFailed, ClipReady, ClipRequested, VodArchived, VodDeleted, VodTierMoved
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.tables.projection import QUERIES, TOPICS, Contents, Projection, apply, contents, rebuild
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.privacy.scan import Witnesses
from streams.publisher import Publisher
from streams.reading import whole

pytestmark = pytest.mark.broker


class Database:
    """A PostgreSQL of the tests' own. It dies with the test process."""

    def __init__(self, folder: Path) -> None:
        self.node = PostgresNode(folder, ports.free(1)[0])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.node.prepare()
        self._process = subprocess.Popen(self.node.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        wait(self.node.ready)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(2)  # SIGINT: does not wait for who is connected
        self._process.wait(20)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = Database(tmp_path_factory.mktemp("postgres") / "data")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def url(database: Database) -> Iterator[str]:
    yield database.node.url
    with psycopg.connect(database.node.url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS library CASCADE")


def wait(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def vod(number: int, **changed: object) -> VodArchived:
    fields = {
        "channel_id": str(number % 5), "vod_id": f"v{number}", "session_id": f"s{number}", "revision": 1, "login": "ana", "tier": "partner",
        "retention_days": 60, "started_at": 1_767_225_600_000_000, "ended_at": 1_767_225_660_123_456, "duration_ms": 60_000, "width": 1_280,
        "height": 720, "frame_rate": 30.0, "renditions": ("source", "audio"), "segments": 60, "size": 1_000, "documents": (),
    }  # fmt: skip
    return VodArchived(**{**fields, **changed})  # type: ignore[arg-type]


def lived(log: MemoryLog, codec: Codec) -> None:
    """Twenty VODs: some are revised, some move, some go."""
    publisher = Publisher(log, codec, "test")
    for number in range(20):
        publisher.publish(vod(number))
        if number % 2:
            publisher.publish(vod(number, revision=2, size=2_000, renditions=("source", "480p30", "audio")))
        if number % 3 == 0:
            publisher.publish(VodTierMoved(channel_id=str(number % 5), vod_id=f"v{number}", storage="warm", objects=3, size=9))
        if number % 4 == 0:
            publisher.publish(VodDeleted(channel_id=str(number % 5), vod_id=f"v{number}", reason="retention", objects=3))
    for number in range(6):
        clipped(publisher, number)


def clipped(publisher: Publisher, number: int) -> None:
    """Of six clips two are ready, two have failed, one is tried again, and one was ready the second time."""
    of = {"channel_id": str(number % 5), "clip_id": f"c{number}"}
    asked = {"creator_id": "9", "title": "personal", "source": "live", "ends_at": 1, "offset_ms": 0, "duration_ms": 5_000}
    media = {"session_id": "s", "begins_at": 1_767_225_600_000_000, "duration_ms": 5_033, "frames": 151, "copied": 60, "size": 9,
             "sha256": "ab", "address": "v", "thumbnail_address": "t", "thumbnail_size": 1, "thumbnail_sha256": "cd"}  # fmt: skip
    fail = ClipFailed(**of, attempt=1, step="store", cause="the store is away")
    for attempt, told in (
        (1, fail if number > 1 else ClipReady(**of, **media, attempt=1)),
        (2, ClipReady(**of, **media, attempt=2) if number == 5 else None),
    ):
        if attempt == 1 or number > 3:
            publisher.publish(ClipRequested(**of, **asked, attempt=attempt, created_at=1_767_225_600_000_000))
        if told is not None:
            publisher.publish(told)


@pytest.mark.row("V1", "K6")
def test_the_tables_follow_the_log_over_an_outage_and_a_rebuild_gives_the_same(database: Database, url: str) -> None:
    log, codec = MemoryLog(), Codec(LocalRegistry())
    projection = Projection(log, codec, url)
    projection.start()
    Publisher(log, codec, "test").publish(vod(1_000))
    wait(lambda: held(url).vods == 1)
    database.stop()
    lived(log, codec)
    wait(projection.lacks)
    database.start()
    wait(lambda: not projection.lacks() and reached(url) == ends(log))
    assert (held(url)[:2], ready(url)) == ((21, 6), ["c0", "c1", "c5"])
    projection.close()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT storage, revision, renditions, ended_at::text FROM library.vods WHERE vod_id = 'v9'").fetchone()
        assert row == ("warm", 2, ["source", "480p30", "audio"], "2026-01-01 00:01:00.123456+00")
        gone = connection.execute("SELECT count(*) FROM library.vods WHERE deleted_at IS NOT NULL").fetchone()
        assert gone == (5,)
        clips = connection.execute(
            "SELECT status, attempt, step, duration_ms, begins_at::text FROM library.clips ORDER BY clip_id"
        ).fetchall()
        assert clips[0] == clips[1] == ("ready", 1, None, 5_033, "2026-01-01 00:00:00+00")
        assert clips[2] == clips[3] == ("failed", 1, "store", 5_000, None)
        assert clips[4] == ("processing", 2, None, 5_000, None)
        assert clips[5] == ("ready", 2, None, 5_033, "2026-01-01 00:00:00+00")
        assert "personal" not in str(connection.execute("SELECT clips::text FROM library.clips").fetchall())
        connection.execute("UPDATE library.vods SET title = 'tampered' WHERE vod_id = 'v9'")
        connection.execute("UPDATE library.clips SET status = 'processing', \"offset\" = 0 WHERE clip_id = 'c0'")
    right = rebuild(log, codec, url)
    assert right[0] != right[1]
    assert rebuild(log, codec, url) == (right[1], right[1])


def test_whatever_is_written_again_changes_nothing(url: str) -> None:
    log, codec = MemoryLog(), Codec(LocalRegistry())
    lived(log, codec)
    _, right = rebuild(log, codec, url)
    records = [record for topic in TOPICS for record in whole(log, topic)]
    with psycopg.connect(url) as connection:
        for again in (records, records[::-1], records[7:20], records[-5:]):
            apply(connection, codec, again)
        assert contents(connection) == right


@pytest.mark.row("E10")
def test_an_erasure_looks_through_the_tables(url: str, tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path), postgres=url)

    def found(text: str) -> dict[str, bool]:
        looked = places(settings, StoredObjects.at(settings.objects_url))
        return {place.name: any(Witnesses([text]).within(data) for data in place.contents()) for place in looked}

    assert not found("a text of hers")["library tables"]  # before the tables are made
    log, codec = MemoryLog(), Codec(LocalRegistry())
    lived(log, codec)
    rebuild(log, codec, url)
    assert not found("a text of hers")["library tables"]
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE library.clips SET cause = 'it had a text of hers in it' WHERE clip_id = 'c3'")
    assert found("a text of hers") == {"snapshots": False, "lake columns": False, "library tables": True}
    away = msgspec.structs.replace(settings, postgres=f"postgresql://chronicast@127.0.0.1:{ports.free(1)[0]}/postgres")
    assert [place.name for place in places(away, StoredObjects.at(settings.objects_url))] == ["snapshots", "lake columns"]


def held(url: str) -> Contents:
    with psycopg.connect(url) as connection:
        return contents(connection)


def ends(log: MemoryLog) -> dict[tuple[str, int], int]:
    """Of the partitions that hold something."""
    return {(topic, partition): end for topic in TOPICS for partition, end in log.ends(topic).items() if end}


def reached(url: str) -> dict[tuple[str, int], int]:
    """How far the tables are: each partition goes on by itself, so rows of one tell nothing of another's."""
    with psycopg.connect(url) as connection:
        return {(topic, partition): following for topic, partition, following in connection.execute(QUERIES["positions"])}


def ready(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT clip_id FROM library.clips WHERE status = 'ready' ORDER BY clip_id").fetchall()
        return [clip_id for (clip_id,) in found]
