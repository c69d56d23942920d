"""The catalogue holds together."""

import re
from collections import Counter

import pytest

from schemas.events import TYPES, ChatCleared, IngestRejected, MessageDeleted, MessagePosted, Tick, UserBanned, UserTimedOut
from streams.keys import partition_for
from streams.topics import CATALOGUE, CHANNEL_PARTITIONS, OF_EVENT, PARTITIONS, Topic, dead_letters, key_of

NAMED = {topic.name: topic for topic in CATALOGUE}


def test_every_event_has_one_topic_but_the_tick_which_goes_to_all_ticked_ones() -> None:
    listed = [event for topic in CATALOGUE for event in topic.events]
    assert len(listed) == len(set(listed))
    assert set(TYPES) - set(OF_EVENT) == {Tick}
    assert any(topic.ticked for topic in CATALOGUE)


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
def test_a_topic_is_named_by_the_rule_and_its_key_is_a_field_of_each_event(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+\.(events|commands|state)\.v[1-9]\d*", topic.name)
    assert all(topic.key in event.__struct_fields__ for event in topic.events)
    assert topic.owner
    assert (topic.cleanup == "compact") == (".state." in topic.name)
    assert topic.key != "channel_id" or topic.partitions == CHANNEL_PARTITIONS


def test_each_topic_has_its_own_dead_letters_with_the_same_partitions() -> None:
    assert dead_letters("a.b.events.v1") == "a.b.dlq.v1"
    assert dead_letters("a.b.commands.v1") == "a.b-commands.dlq.v1"
    assert len(PARTITIONS) == 2 * len(CATALOGUE)
    assert all(PARTITIONS[dead_letters(name)] == topic.partitions for name, topic in NAMED.items())


def test_an_event_without_its_key_lies_under_its_producer() -> None:
    rejected = IngestRejected(reason="unknown_key", detail="", ingest_node="n", producer="ingest-1")
    assert key_of(rejected) == "ingest-1"


@pytest.mark.row("C5")
def test_a_hundred_thousand_channels_share_one_topic_and_each_has_one_place_on_it() -> None:
    said = OF_EVENT[MessagePosted]
    for event in (MessageDeleted, ChatCleared, UserBanned, UserTimedOut):
        assert OF_EVENT[event].name == said.name, "or it could overtake the message that it takes away"
    assert (said.key, said.retention_ms) == ("channel_id", 2 * 3_600_000)
    cleared = [ChatCleared(channel_id=str(channel), moderator_id="1") for channel in range(100_000)]
    places = Counter(partition_for(key_of(event).encode(), PARTITIONS[said.name]) for event in cleared)
    assert set(places) == set(range(PARTITIONS[said.name]))
    assert max(places.values()) < 1.1 * min(places.values())
