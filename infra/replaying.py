"""What a process replays with, made from the settings: a reader of the log, which appends nothing to it."""

from enum import StrEnum
from typing import Self

import msgspec

from infra import logs
from infra.settings import Settings
from infra.version import code_version
from infra.views import VIEWS
from schemas.privacy_codec import SealedCodec
from schemas.registry_http import HttpRegistry
from streams.fold import Fold
from streams.kafka_source import KafkaSource
from streams.log import Source
from streams.log_kafka import KafkaLog
from streams.objects import StoredObjects
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KeyRing
from streams.replay.partition import Connection
from streams.snapshots import Snapshots


class Place(StrEnum):
    """Where records are read."""

    KAFKA = "kafka"
    LAKE = "lake"
    BOTH = "both"
    """The lake up to where Kafka begins, then Kafka."""


class Connect(msgspec.Struct, frozen=True):
    """Connects a process, this one or one that is started for a part of the work."""

    settings: Settings
    place: Place = Place.KAFKA
    opens: bool = False
    """Whether texts are read: by a key ring, which follows the key topic on Kafka and says there, as every ring does, when a key is
    shredded under it."""

    @classmethod
    def for_fold(cls, settings: Settings, place: Place, fold: Fold | None) -> Self:
        """What the replay of a view needs; of no view, no keys."""
        return cls(settings, place, bool(getattr(fold, "opens", ())))

    def source(self) -> Source:
        """What is read."""
        if self.place is Place.KAFKA:
            return KafkaSource(self.settings.bootstrap)
        from streams.lake.shelf import Shelf  # noqa: PLC0415 - Arrow takes half a second to import
        from streams.log_joined import JoinedLog  # noqa: PLC0415
        from streams.log_lake import LakeLog  # noqa: PLC0415

        lake = LakeLog(Shelf.at(self.settings.objects_url))
        return lake if self.place is Place.LAKE else JoinedLog(KafkaSource(self.settings.bootstrap), lake)

    def snapshots(self) -> Snapshots:
        """Those of all views."""
        return Snapshots(StoredObjects.at(self.settings.objects_url), VIEWS.values(), code_version())

    def __call__(self) -> Connection:
        """The parts of a replay.

        Raises:
            MasterKeyError: texts are read, and the master key is missing or another one.
        """
        logs.of_command("replay")
        registry = HttpRegistry(self.settings.registry_url)
        codec = SealedCodec(registry)
        if self.opens:
            ring = KeyRing(KafkaLog(self.settings.bootstrap), codec, MasterKeys.at(self.settings.master_key_file), "replay")
            ring.start()
            codec = SealedCodec(registry, ring)
        return Connection(self.source(), codec, registry, self.snapshots())
