"""DuckDB reads the lake with nothing of ours: the queries of docs/how-to/query-the-lake.md, and what they must answer."""

import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import duckdb
import pytest
from lake_stage import EPOCH, posted

from schemas import events as e
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.lake.lake import Lake, Limits
from streams.lake.layout import hour
from streams.lake.shelf import Shelf
from streams.log import Record
from streams.log_memory import MemoryLog
from streams.publisher import Publisher
from streams.topics import PARTITIONS

pytestmark = pytest.mark.row("U11")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "query-the-lake.md"
HOME = ".chronicast/objects"


class Session:
    """A data engineer's: the page's queries in their order."""

    def __init__(self, objects: Path) -> None:
        self._connection = duckdb.connect()
        self._queries = [text.replace(HOME, str(objects)) for text in re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)]

    def rows(self, beginning: str) -> list[tuple]:
        """What the query answers whose text has this in it."""
        [query] = [query for query in self._queries if beginning in query]
        return self.run(query)

    def run(self, query: str) -> list[tuple]:
        return self._connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> MemoryLog:
    registry = LocalRegistry()
    log = MemoryLog()
    publisher = Publisher(log, Codec(registry), "test", lambda: EPOCH * 1_000)
    for number in range(60):
        at = (EPOCH + number * 300_000) * 1_000
        channel = str(number % 3)
        if number % 20 < 3:
            stream = {"tier": "partner", "region": "r", "ingest_node": "n", "encoder": "x", "frame_rate": 30.0, "has_audio": True}
            session = f"s{channel}-{number:02}"
            publisher.publish(
                e.StreamStarted(channel_id=channel, session_id=session, login=f"c{channel}", width=1, height=1, occurred_at=at, **stream)
            )
        publisher.publish(posted(channel, f"m{number}", "hello " * (number % 5), occurred_at=at + 1))
        publisher.publish(part(channel, number, at))
        publisher.publish(
            e.ChannelProfile(
                channel_id=channel,
                login=f"c{channel}",
                display_name="C",
                tier=("regular", "affiliate", "partner")[number // 20],
                client_id="c",
                created_at=at,
            )
        )
    log.append("channel.profile.state.v1", b"2", None, timestamp=EPOCH)
    log.append("viewer.session.events.v1", b"2", b"junk", timestamp=EPOCH)
    log.objects = tmp_path_factory.mktemp("objects")
    lake = Lake(log, registry, Shelf.at(f"file://{log.objects}"), limits=Limits(rows=25, age_s=0))
    lake.open()
    while lake.lag():
        lake.land_due()
        time.sleep(0.002)
    lake.close()
    assert lake.failure is None
    return log


def part(channel: str, number: int, at: int) -> e.PartProduced:
    timing = {"decode_time": 0, "duration": 18_000, "timescale": 90_000, "programme_date_time": at}
    return e.PartProduced(
        channel_id=channel,
        session_id="s",
        rendition="source",
        media_sequence=number,
        part=0,
        independent=True,
        discontinuity_sequence=0,
        address="a",
        size=1_000 + number,
        sha256="0",
        occurred_at=at,
        received_at=at,
        stored_at=at + 7_000,
        **timing,
    )


@pytest.fixture
def session(log: MemoryLog) -> Session:
    found = Session(log.objects)
    for query in found._queries:
        found.run(query)
    return found


def records(log: MemoryLog, topic: str) -> list[Record]:
    return [record for partition, end in log.ends(topic).items() for batch in log.read(topic, partition, 0, end) for record in batch]


def kind(record: Record) -> str:
    name = dict(record.headers).get("ce_type", b"").decode().rpartition(".")[2]
    return "tombstone" if record.value is None else name or "undecodable"


def test_counts_per_hour_are_the_logs(log: MemoryLog, session: Session) -> None:
    wanted = Counter((kind(record), hour(record.timestamp)) for topic in PARTITIONS for record in records(log, topic))
    assert {row[:2]: row[2] for row in session.rows("count(*) AS events")} == wanted
    assert len(wanted) > 15


def test_fields_are_columns_that_sums_are_made_of(session: Session) -> None:
    sizes = {str(channel): sum(1_000 + n for n in range(channel, 60, 3)) for channel in range(3)}
    assert session.rows("bits_per_second") == [
        (channel, "source", pytest.approx(size * 8 / (20 * 0.2)), pytest.approx(7)) for channel, size in sizes.items()
    ]


def test_messages_join_the_session_that_they_were_written_in(session: Session) -> None:
    found = session.rows("ASOF JOIN")
    wanted: dict[tuple[str, str], int] = defaultdict(int)
    started: dict[str, str] = {}
    for number in range(60):
        channel = str(number % 3)
        if number % 20 < 3:
            started[channel] = f"s{channel}-{number:02}"
        wanted[f"c{channel}", started[channel]] += 1
    assert found == sorted([(login, name, count, 1) for (login, name), count in wanted.items()], key=lambda row: row[1])
    assert sum(row[2] for row in found) == 60


def test_the_newest_row_of_each_key_is_the_state(session: Session) -> None:
    assert session.rows("arg_max") == [("0", "c0", "partner"), ("1", "c1", "partner")]


def test_a_row_says_where_it_lies_on_the_log(log: MemoryLog, session: Session) -> None:
    for topic, partition, offset, _, size, ce_id in session.rows("AS ce_id"):
        [[record]] = log.read(topic, partition, offset, offset + 1)
        assert (len(record.value or b""), dict(record.headers)["ce_id"].decode()) == (size, ce_id)


def test_what_does_not_decode_can_be_found(session: Session) -> None:
    [(topic, _, offset, value)] = session.rows("event = 'undecodable'")
    assert (topic, offset, bytes(value)) == ("viewer.session.events.v1", 0, b"junk")


def test_commits_tell_how_far_the_lake_is(log: MemoryLog, session: Session) -> None:
    ends = {(topic, partition): end for topic in PARTITIONS for partition, end in log.ends(topic).items() if end}
    assert {row[:2]: row[2:4] for row in session.rows("read_json")} == {at: (0, end - 1) for at, end in ends.items()}


def test_a_version_that_lacks_a_field_lies_beside_one_that_has_it(tmp_path: Path) -> None:
    old = {"type": "record", "name": "Thing", "namespace": "x", "fields": [{"name": "a", "type": "int"}]}
    new = {**old, "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "string"], "default": None}]}
    registry = LocalRegistry()
    assert [registry.register("t", schema) for schema in (old, new)] == [1, 2]
    log = MemoryLog({"t": 1})
    for value in (b"\0\0\0\0\1\2", b"\0\0\0\0\2\4\2\2n", b"\0\0\0\0\1\6"):
        log.append("t", b"k", value, timestamp=0)
    lake = Lake(log, registry, Shelf.at(f"file://{tmp_path}"), {"t": 1}, Limits(age_s=0))
    lake.open()
    while lake.lag():
        lake.land_due()
        time.sleep(0.002)
    lake.close()
    files = f"read_parquet('{tmp_path}/lake/t/event=Thing/*/*.parquet', union_by_name = true)"
    assert duckdb.connect().execute(f"SELECT _offset, a, b FROM {files} ORDER BY _offset").fetchall() == [
        (0, 1, None),
        (1, 2, "n"),
        (2, 3, None),
    ]
    names = {path.name for path in (tmp_path / "lake" / "t").glob("event=Thing/*/*")}
    assert names == {f"p0-{0:020}-{2:020}.s{number}.parquet" for number in (1, 2)}
