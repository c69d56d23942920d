"""Which gateway of a fleet serves which channels: rendezvous hashing, so that one that comes or goes moves only its own share.

What is placed is a partition, the unit in which a gateway reads; a channel follows its partition.
"""

import random
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from streams.keys import partition_for


def placed(partition: int, gateways: Iterable[str], replicas: int = 1) -> list[str]:
    """The gateways with the highest scores for a partition (Thaler and Ravishankar, 1998), best first."""
    return sorted(gateways, key=lambda name: (blake2b(f"{name}/{partition}".encode(), digest_size=8).digest(), name), reverse=True)[
        :replicas
    ]


class Fleet:
    """The gateways as one of them knows them."""

    def __init__(self, name: str, urls: Mapping[str, str], replicas: int, partitions: int) -> None:
        """Args:
        name: this gateway.
        urls: of all by name; empty is this one alone.
        replicas: gateways a partition.
        partitions: of the chat topic.
        """
        self._urls = dict(urls)
        self._partitions = partitions
        gateways = list(urls) or [name]
        self._places = {partition: placed(partition, gateways, replicas) for partition in range(partitions)}
        self.served = frozenset(partition for partition, names in self._places.items() if name in names)
        """Partitions of this gateway."""

    def partition(self, channel_id: str) -> int:
        """Where a channel's events lie."""
        return partition_for(channel_id.encode(), self._partitions)

    def serves(self, partition: int) -> bool:
        """Whether this gateway does."""
        return partition in self.served

    def gateway(self, partition: int) -> str:
        """One of those that do, each as often as another."""
        return random.choice(self._places[partition])

    def url_of(self, gateway: str) -> str:
        """Where it is reached; empty where the fleet has no addresses."""
        return self._urls.get(gateway, "")
