"""The choice of an ingest node. Pure: an event holds all that it was made from, so a replay chooses the same."""

from collections.abc import Iterable, Mapping, Sequence

from processors.routing.regions import Place, estimated_us
from schemas.events import IngestAssigned, IngestNode
from schemas.events.media import IngestCandidate

REPORTED_US = 5_000_000
"""Between two reports of a node."""
SILENT_US = REPORTED_US * 3 // 2
"""Without a report for so long a node is gone: a killed one is passed over within one interval after its report is due."""
NEAR_US = 20_000
"""Above the nearest node's round trip: the same to somebody who streams, so among these load decides."""


def candidates(
    nodes: Iterable[IngestNode],
    client: Place | None,
    measured_us: Mapping[str, int],
    given: Mapping[str, int],
    now_us: int,
) -> tuple[IngestCandidate, ...]:
    """The nodes as they are to a client at a time, by id.

    `measured_us` are its own round trips by node, `given` the channels that were sent to a node and are not on it yet.
    """
    return tuple(
        IngestCandidate(
            node_id=node.node_id,
            rtt_us=measured_us.get(node.node_id, estimated_us(client, (node.latitude, node.longitude)) if client else 0),
            measured=node.node_id in measured_us,
            publishers=(publishers := node.publishers + given.get(node.node_id, 0)),
            capacity=node.capacity,
            state=_state(node, publishers, now_us),
        )
        for node in sorted(nodes, key=lambda each: each.node_id)
    )


def choice(found: Sequence[IngestCandidate]) -> tuple[str, str]:
    """(node, reason) by the candidates alone: the least loaded of those that are as good as the nearest."""
    ready = [each for each in found if each.state == "ready"]
    if not ready:
        return "", "none_ready"
    nearest = min(ready, key=lambda each: (each.rtt_us, _load(each), each.node_id))
    near = (each for each in ready if each.rtt_us <= nearest.rtt_us + NEAR_US)
    chosen = min(near, key=lambda each: (_load(each), each.rtt_us, each.node_id))
    return chosen.node_id, "nearest" if chosen.rtt_us == nearest.rtt_us else "balanced"


def assigned(channel_id: str, client: Place | None, found: tuple[IngestCandidate, ...]) -> IngestAssigned:
    """The decision, without envelope."""
    node_id, reason = choice(found)
    north, east = client or (None, None)
    return IngestAssigned(channel_id=channel_id, latitude=north, longitude=east, candidates=found, node_id=node_id, reason=reason)


def _load(each: IngestCandidate) -> float:
    return each.publishers / max(1, each.capacity)


def _state(node: IngestNode, publishers: int, now_us: int) -> str:
    if now_us - node.occurred_at > SILENT_US:
        return "silent"
    if not node.healthy:
        return "unhealthy"
    return "full" if publishers >= node.capacity else "ready"
