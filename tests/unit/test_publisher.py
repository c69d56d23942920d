"""An edge's event on the log: stamped, with CloudEvents headers, where the catalogue says."""

import re
from uuid import UUID

import pytest

from schemas.events import ChannelProfile, Followed, IngestRejected, Tick
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.envelope import rfc3339
from streams.errors import BacklogFullError
from streams.keys import partition_for
from streams.log_memory import MemoryLog
from streams.publisher import Publisher
from streams.ticker import Ticker
from streams.topics import BY_NAME

NOW = 1_700_000_000_123_456


def published(event, **kwargs):
    log, codec = MemoryLog(), Codec(LocalRegistry())
    position = Publisher(log, codec, "api-1", clock=lambda: NOW).publish(event, **kwargs).result()
    [[record]] = log.read(*position, position.offset + 1)
    return record, codec.decode(record.value)


def test_what_is_missing_in_the_envelope_is_filled_in() -> None:
    record, event = published(Followed(channel_id="7", user_id="8"))
    assert UUID(event.event_id).version == 4
    assert (event.occurred_at, event.producer, event.correlation_id, event.causation_id) == (NOW, "api-1", event.event_id, None)
    assert (record.topic, record.partition, record.key) == ("channel.social.events.v1", partition_for(b"7", 4), b"7")
    assert record.timestamp == NOW // 1_000
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": event.event_id.encode(),
        "ce_type": b"chronicast.social.Followed",
        "ce_source": b"api-1",
        "ce_time": b"2023-11-14T22:13:20.123456Z",
        "content-type": b"application/avro",
    }


def test_what_the_edge_stamped_itself_stays() -> None:
    given = Followed(channel_id="7", user_id="8", event_id="e", occurred_at=5, producer="p", correlation_id="c", causation_id="x")
    assert published(given)[1] == given


def test_a_partition_can_be_given_and_an_event_without_channel_has_its_node_as_key() -> None:
    rejected = IngestRejected(reason="unknown_key", detail="none", ingest_node="ingest-1")
    assert published(rejected, partition=3)[0][1] == 3
    assert published(rejected)[0].key == b"api-1"


def test_a_time_is_written_as_rfc_3339() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", rfc3339(NOW + 999_999))


def test_a_tick_goes_to_every_partition_of_every_ticked_topic() -> None:
    log, codec = MemoryLog(), Codec(LocalRegistry())
    Ticker(Publisher(log, codec, "clock-1", clock=lambda: NOW)).tick()
    for topic in BY_NAME.values():
        assert log.ends(topic.name) == dict.fromkeys(range(topic.partitions), 1 if topic.ticked else 0)
        if topic.ticked:
            [[record]] = log.read(topic.name, 2, 0, 1)
            assert record.key == b"2"
            tick = codec.decode(record.value)
            assert isinstance(tick, Tick)
            assert tick.occurred_at == NOW


class FullLog(MemoryLog):
    def append(self, *args, **kwargs):
        raise BacklogFullError("full")


def test_a_full_backlog_reaches_the_edge_and_costs_the_ticker_seconds_only() -> None:
    publisher = Publisher(FullLog(), Codec(LocalRegistry()), "api-1")
    with pytest.raises(BacklogFullError):
        publisher.publish(Followed(channel_id="7", user_id="8"))
    Ticker(publisher).tick()


def test_a_profile_lies_under_its_channel() -> None:
    profile = ChannelProfile(channel_id="9", login="a", display_name="A", tier="regular", client_id="c", created_at=1)
    assert published(profile)[0].key == b"9"
