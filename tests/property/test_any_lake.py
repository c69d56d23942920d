"""The lake over all events and all bytes: what comes back is what went."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from test_codec_properties import instances

from schemas import events
from schemas.contract import released
from schemas.event import Event
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.lake.columns import RECORD
from sinks.lake.landing import PartitionLander
from sinks.lake.tables import Tabulator
from streams.lake.shelf import Shelf
from streams.log import Record
from streams.log_lake import LakeLog
from streams.log_memory import MemoryLog

TOPIC = "any.topic.events.v1"
REGISTRY = LocalRegistry()
for each in events.TYPES:
    REGISTRY.register(each.SCHEMA, released().current(each.SCHEMA))
CODEC = Codec(REGISTRY)
HEADERS = st.lists(st.tuples(st.text(max_size=10), st.binary(max_size=10)), max_size=4).map(tuple)
KEYS = st.binary(max_size=12)
TIMES = st.one_of(st.integers(0, 1 << 42), st.integers(-(1 << 63), (1 << 63) - 1))


def landed(records: list[Record], folder: str) -> list[Record]:
    """The records after they have been to the lake, in ranges of three."""
    log = MemoryLog({TOPIC: 1})
    shelf = Shelf.at(f"file://{folder}")
    lander = PartitionLander(TOPIC, 0, log, shelf, Tabulator(REGISTRY))
    lander.open(0, 0)
    for low in range(0, len(records), 3):
        lander.land(records[low : low + 3])
    return [record for batch in LakeLog(shelf, {TOPIC: 1}).read(TOPIC, 0, 0, len(records)) for record in batch]


def record(offset: int, value: bytes | None, data: st.DataObject) -> Record:
    return Record(TOPIC, 0, offset, data.draw(KEYS), value, data.draw(HEADERS), data.draw(TIMES))


@pytest.mark.row("U11", "E1")
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_records_come_back_as_they_were(data: st.DataObject) -> None:
    def value() -> bytes | None:
        kind = data.draw(st.sampled_from(["event", "event", "event", "spoilt", "bytes", "tombstone"]))
        if kind in ("event", "spoilt"):
            encoded = bytearray(CODEC.encode(TOPIC, data.draw(instances(data.draw(st.sampled_from(events.TYPES))))))
            if kind == "spoilt":
                encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
            return bytes(encoded)
        return data.draw(st.binary(max_size=30)) if kind == "bytes" else None

    records = [record(offset, value(), data) for offset in range(data.draw(st.integers(1, 7)))]
    with TemporaryDirectory() as folder:
        assert landed(records, folder) == records


def counted(kind: pa.DataType) -> pa.DataType:
    """A column's type with its times as integers."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(counted(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(counted(field.type)) for field in kind])
    return kind


@pytest.mark.row("U11")
@pytest.mark.parametrize("event", events.TYPES, ids=lambda event: event.__name__)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_event_has_its_fields_as_columns(event: type[Event], data: st.DataObject) -> None:
    originals = data.draw(st.lists(instances(event), min_size=1, max_size=3))
    records = [Record(TOPIC, 0, offset, b"k", CODEC.encode(TOPIC, one), (), 0) for offset, one in enumerate(originals)]
    with TemporaryDirectory() as folder:
        assert landed(records, folder) == records
        [file] = Path(folder).glob(f"lake/{TOPIC}/event={event.__name__}/hour=1970-01-01T00/*.parquet")
        table = parquet.ParquetFile(file).read()
    own = table.select([name for name in table.column_names if name not in RECORD.names])
    # Times back to the integers that they are in Python: pyarrow has no datetime for years past 9999.
    integers = own.cast(pa.schema([(field.name, counted(field.type)) for field in own.schema]))
    assert [msgspec.convert(row, event) for row in integers.to_pylist()] == originals
    times = {
        field["name"]
        for field in released().current(event.SCHEMA)["fields"]
        for kind in (field["type"] if isinstance(field["type"], list) else [field["type"]])
        if isinstance(kind, dict) and kind.get("logicalType") == "timestamp-micros"
    }
    assert {field.name for field in own.schema if field.type == pa.timestamp("us", "UTC")} == times
