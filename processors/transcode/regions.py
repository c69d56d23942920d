"""Which regions may take what another has no room for, said again for the scheduler: it reads one topic, and that keeps a day."""

from collections.abc import Iterable

import msgspec

from schemas.event import Event
from schemas.events import RegionConfigured, RegionPeers, Tick
from streams.fold import At, Rows, Table


class Peers(msgspec.Struct, frozen=True):
    """A region's peers, nearest first."""

    region: str
    peers: tuple[str, ...]


PEERS = Table("peers", Peers)
_SELF = "self"


class RegionsFold:
    """Tells a region's scheduler of its peers when they are set, and again with each Tick: whoever folds what the scheduler's topic still
    holds comes upon them, however long ago they were set.
    """

    name = "regions"
    version = 1
    inputs = ("media.region.state.v1",)
    outputs: tuple[type[Event], ...] = (RegionConfigured,)
    tables = (PEERS,)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one word on the region in."""
        held = rows[PEERS]
        match event:
            case RegionPeers():
                held[_SELF] = Peers(event.region, tuple(event.peers))
                yield _configured(held[_SELF])
            case Tick() if _SELF in held:
                yield _configured(held[_SELF])
            case _:
                pass


def _configured(of: Peers) -> RegionConfigured:
    return RegionConfigured(region=of.region, peers=of.peers)
