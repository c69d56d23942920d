"""A recording on a real log, appended part by part, and what the features job makes of it."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from schemas import events as e
from schemas.event import Event
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import BY_NAME, OF_EVENT
from tests.features_job import START_S, FeaturesJob
from tests.features_stage import CHANNELS, FEATURES, SECOND, STEP, recording

TICKED = "media.capacity.commands.v1"
AHEAD = 6
"""Steps from now to the recording's beginning: the job, which begins with the moment of its start, has to be there before."""
Vectors = dict[tuple[str, int], dict[str, int]]
"""By channel and moment."""
Kind = TypeVar("Kind", bound=Event)


class FeaturesLog:
    """The recording, its log, and a publisher."""

    def __init__(self, log: KafkaLog, registry: str, seconds: int, channels: Sequence[str] = CHANNELS, sessions: int = 40) -> None:
        self.log = log
        self.codec = Codec(HttpRegistry(registry))
        self.publisher = Publisher(log, self.codec, "test")
        self.began = (time.time_ns() // 1_000 // STEP + AHEAD) * STEP
        self.made = recording(self.began, seconds, channels, sessions)

    def append(self, first: int, last: int) -> None:
        """What reached the log between two seconds, and the Ticks of those seconds."""
        due = [(each.second, each.event) for each in self.made if first <= each.second < last]
        ticks = [(float(second), e.Tick(occurred_at=self.began + second * SECOND)) for second in range(first, last)]
        for _, event in sorted([*due, *ticks], key=lambda each: each[0]):
            if isinstance(event, e.Tick):
                for partition in range(BY_NAME[TICKED].partitions):
                    self.publisher.tick(event, TICKED, partition)
            else:
                self.publisher.publish(event)
        assert self.log.flush(60)

    def vectors(self) -> Vectors:
        """What the job sent, once each.

        Raises:
            AssertionError: a vector was sent again, and was another.
        """
        found: dict[tuple[str, int], e.StreamFeatures] = {}
        for event in self.events(e.StreamFeatures):
            assert found.setdefault((event.channel_id, event.window_end), event) == event
        return {key: {name: getattr(event, name) for name in FEATURES} for key, event in found.items()}

    def late(self) -> list[e.FeatureInputLate]:
        """What the job found too late."""
        return self.events(e.FeatureInputLate)

    def until(self, job: FeaturesJob, done: Callable[[Vectors], bool]) -> None:
        """Waits until the job has sent enough."""
        deadline = time.monotonic() + START_S
        while not done(self.vectors()):
            job.check(deadline)

    def events(self, kind: type[Kind]) -> list[Kind]:
        """All events of a type."""
        decoded = (self.codec.decode(record.value) for record in whole(self.log, OF_EVENT[kind].name) if record.value)
        return [event for event in decoded if isinstance(event, kind)]
