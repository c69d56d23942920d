"""Which edge a viewer watches at, and which fetch a stream's beginning ahead of viewers. Pure: events hold what it was made from."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from processors.routing.regions import REGIONS, Edge, Place, estimated_us
from schemas.events import EdgeAssigned
from schemas.events.media import EdgeCandidate

MOST_WARMED = 3
"""Edges that fetch ahead: those that most of a channel's viewers watch at."""
POPULAR = 20
"""Followers, viewers at once or viewers led to edges from which on a channel is worth it: as many viewers of an edge make 95% of its
requests hits (capacity model)."""


def seen(edges: Iterable[Edge], ready: Collection[str], client: Place | None, measured_us: Mapping[str, int]) -> tuple[EdgeCandidate, ...]:
    """The edges as they are to a viewer, by id. `ready` are the ids of those that answer, `measured_us` his own round trips by id."""
    return tuple(
        EdgeCandidate(
            node_id=edge.node_id,
            rtt_us=measured_us.get(edge.node_id, estimated_us(client, REGIONS[edge.region]) if client and edge.region in REGIONS else 0),
            measured=edge.node_id in measured_us,
            state="ready" if edge.node_id in ready else "unhealthy",
        )
        for edge in sorted(edges)
    )


def nearest(found: Sequence[EdgeCandidate]) -> tuple[str, str]:
    """(edge, reason) by the candidates alone."""
    ready = [each for each in found if each.state == "ready"]
    if not ready:
        return "", "none_ready"
    return min(ready, key=lambda each: (each.rtt_us, each.node_id)).node_id, "nearest"


def assigned(channel_id: str, client: Place | None, found: tuple[EdgeCandidate, ...]) -> EdgeAssigned:
    """The decision, without envelope. It says where the viewer is to a degree, some 100 km: enough for a region, too little for a house."""
    node_id, reason = nearest(found)
    north, east = (float(round(each)) for each in client) if client else (None, None)
    return EdgeAssigned(channel_id=channel_id, latitude=north, longitude=east, candidates=found, node_id=node_id, reason=reason)


def popular(followers: int, viewers: int, led: int) -> bool:
    """Whether viewers are to be expected at once."""
    return max(followers, viewers, led) >= POPULAR


def warmed(edges: Iterable[Edge], ready: Collection[str], led: Mapping[str, int]) -> list[Edge]:
    """The edges that fetch ahead, of those that answer: by how many viewers of the channel were led to them, then by id."""
    found = (edge for edge in edges if edge.node_id in ready)
    return sorted(found, key=lambda edge: (-led.get(edge.node_id, 0), edge.node_id))[:MOST_WARMED]
