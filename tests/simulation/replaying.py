"""A log for replays that every process makes for itself, the same each time."""

import os
from functools import cache

from msgspec.structs import replace

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.log_memory import MemoryLog
from streams.publisher import Publisher
from streams.replay.partition import Connection
from tests.simulation.counting import preloaded

EVENTS = 2_000
FIRST_US = 1_700_000_000_000_000


@cache
def connect() -> Connection:
    """Follows of 50 channels, a second apart, with a tombstone and undecodable bytes among them."""
    log, registry = MemoryLog(), preloaded(LocalRegistry())
    publisher = Publisher(log, Codec(registry), "fans-1", clock=lambda: FIRST_US)
    for number in range(EVENTS):
        event = Followed(channel_id=str(number % 50), user_id=str(number % 77))
        publisher.publish(replace(event, event_id=f"id-{number}", occurred_at=FIRST_US + number * 1_000_000)).result()
        if number == EVENTS // 2:
            log.append("channel.social.events.v1", b"7", None, timestamp=(FIRST_US + number * 1_000_000) // 1_000)
            log.append("channel.social.events.v1", b"7", b"junk", timestamp=(FIRST_US + number * 1_000_000) // 1_000)
    return Connection(log, Codec(registry), registry)


def fails() -> Connection:
    """A process that cannot connect."""
    raise RuntimeError("no such place")


def dies() -> Connection:
    """A process that is gone without a word."""
    os._exit(9)
