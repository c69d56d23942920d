"""What every process is built from: the log, the codec and the object store that the settings name."""

from typing import Self

from infra.settings import Settings
from schemas.contract import subjects
from schemas.registry import Registry, preload
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_kafka import KafkaLog
from streams.objects import StoredObjects
from streams.publisher import Publisher
from streams.topics import CATALOGUE


class Parts:
    """The parts of one process; a context manager that closes the log at its end."""

    def __init__(self, settings: Settings) -> None:
        self.registry: Registry = HttpRegistry(settings.registry_url)
        self.codec = Codec(self.registry)
        self.log = KafkaLog(settings.bootstrap)
        self.objects = StoredObjects.at(settings.objects_url)

    def publisher(self, producer: str) -> Publisher:
        """A publisher whose producer is named in its events. The schemas of all topics are registered first, so that it never waits.

        Raises:
            RegistryUnavailableError: the registry does not answer.
            IncompatibleSchemaError: the registry holds schemas that this build's break.
        """
        for topic in CATALOGUE:
            preload(self.registry, subjects(topic.name, topic.events))
        return Publisher(self.log, self.codec, producer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.log.close()
