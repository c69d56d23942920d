"""What every process is built from: the log, the codec and the object store that the settings name."""

from typing import Self

from infra.settings import Settings
from schemas.contract import subjects
from schemas.privacy_codec import SealedCodec
from schemas.registry import Registry, preload
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.edges.passes import Passes
from streams.edges.sessions import Signer
from streams.log import Source
from streams.log_deep import DeepLog
from streams.log_kafka import KafkaLog
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher
from streams.topics import CATALOGUE


class Parts:
    """The parts of one process; a context manager that closes the log at its end."""

    def __init__(self, settings: Settings, *, linger_ms: float = 0) -> None:
        """`linger_ms`: how long the log waits for more to go with a record."""
        self._settings = settings
        self.registry: Registry = HttpRegistry(settings.registry_url)
        self.codec: Codec = SealedCodec(self.registry)
        """Opens nothing, and refuses personal texts that are not sealed."""
        self.log = KafkaLog(settings.bootstrap, linger_ms=linger_ms)
        self._rings: list[KeyRing] = []
        stores = {url: StoredObjects.at(url) for url in settings.tier_urls.values()}
        self.objects = TieredObjects({tier: stores[url] for tier, url in settings.tier_urls.items()})

    def past(self) -> Source:
        """The log, and what its retention has cut, from the lake."""
        return DeepLog(self.log, self._lake)

    def _lake(self) -> Source:
        from streams.lake.shelf import Shelf  # noqa: PLC0415 - Arrow takes half a second to import
        from streams.log_lake import LakeLog  # noqa: PLC0415

        return LakeLog(Shelf.at(self._settings.objects_url))

    def keys(self, name: str) -> KeyRing:
        """A key ring that follows the log, for what seals or shows personal texts. `name` is the producer of its events. Blocks.

        Raises:
            MasterKeyError: the master key is missing or another one.
        """
        ring = KeyRing(self.log, self.codec, MasterKeys.at(self._settings.master_key_file), name)
        ring.start()
        self._rings.append(ring)
        return ring

    def signer(self) -> Signer:
        """What signs viewers' sessions: of the same key in every process that has the master key.

        Raises:
            MasterKeyError: the master key cannot be had.
        """
        return Signer(MasterKeys.at(self._settings.master_key_file).derived("viewer sessions"))

    def publisher(self, producer: str, keys: KeyRing | None = None) -> Publisher:
        """A publisher whose producer is named in its events. The schemas of all topics are registered first, so that it never waits.

        With keys it seals personal texts; await `keys.ready(subject)` before a subject's first.

        Raises:
            RegistryUnavailableError: the registry does not answer.
            IncompatibleSchemaError: the registry holds schemas that this build's break.
        """
        for topic in CATALOGUE:
            preload(self.registry, subjects(topic.name, topic.events))
        return Publisher(self.log, self.codec if keys is None else SealedCodec(self.registry, keys), producer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for ring in self._rings:
            ring.close()
        self.log.close()


def passes(settings: Settings) -> Passes:
    """What signs playback URLs, with keys of the generation that is set.

    Raises:
        MasterKeyError: the master key cannot be had.
    """
    return Passes(MasterKeys.at(settings.master_key_file).derived, settings.playback_key, life_s=settings.playback_seconds)
