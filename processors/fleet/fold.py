"""The fleet: gateways' reports of a region in, the number of gateways that it should have out.

It asks for more when the tightest of sockets and CPU has been above HIGH of all gateways together for SUSTAINED, and for fewer when what
is left after one goes would still be below LOW. Between the two nothing changes, so the number does not swing.
"""

from collections.abc import Iterable
from math import ceil

import msgspec

from schemas.event import Event
from schemas.events import FleetResized, GatewayReported
from streams.fold import At, Rows, Table

HIGH = 0.8
"""Use from which on gateways are added (C21)."""
TARGET = 0.6
"""Use that an added gateway brings: a third above it is still there when a popular stream begins."""
LOW = 0.5
"""Use below which one may go, counted without it."""
SUSTAINED_US = 60_000_000
"""A burst is shorter: a raid's viewers arrive within seconds, and a gateway that starts takes ten of them."""
SILENT_US = 15_000_000
"""Three reports: a gateway that has sent none is gone."""
LEAST = 1
"""A region has a gateway."""


class Gateway(msgspec.Struct, frozen=True):
    """A gateway, under its id."""

    connections: int
    capacity: int
    cpu: float
    seen: int
    """Event time of its last report, microseconds."""


class Region(msgspec.Struct, frozen=True):
    """The region's own row."""

    now: int
    """Latest event time of a report."""
    wanted: int
    """As told last; 0 before."""
    above_since: int | None = None
    """Since when its use is above HIGH."""
    below_since: int | None = None
    """Since when one gateway fewer would do."""


GATEWAYS = Table("gateways", Gateway)
REGION = Table("region", Region)
_SELF = "self"


class FleetFold:
    """Wants more gateways under load, fewer when idle."""

    name = "fleet"
    version = 1
    inputs = ("chat.fleet.commands.v1",)
    outputs: tuple[type[Event], ...] = (FleetResized,)
    tables = (GATEWAYS, REGION)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one report in."""
        if not isinstance(event, GatewayReported):
            return
        gateways = rows[GATEWAYS]
        before = rows[REGION].get(_SELF) or Region(at.time, 0)
        now = max(before.now, at.time)
        if event.draining:
            gateways.pop(event.gateway_id, None)
        else:
            gateways[event.gateway_id] = Gateway(event.connections, event.capacity, event.cpu, now)
        for gateway_id in [each for each, gateway in gateways.items() if now - gateway.seen > SILENT_US]:
            del gateways[gateway_id]
        running = list(gateways.values())
        if not running:
            rows[REGION][_SELF] = Region(now, before.wanted)
            return
        tightest, load = max(_loads(running).items(), key=lambda item: item[1])
        count = len(running)
        above = (before.above_since if before.above_since is not None else now) if load > HIGH else None
        fewer = count > LEAST and load * count / (count - 1) < LOW
        below = (before.below_since if before.below_since is not None else now) if fewer else None
        stands = before.wanted or count
        wanted, reason = stands, ""
        if above is not None and now - above >= SUSTAINED_US:
            wanted, reason = max(wanted, ceil(count * load / TARGET)), tightest
        elif below is not None and now - below >= SUSTAINED_US:
            wanted, reason = max(LEAST, ceil(count * load / TARGET)), "idle"
        if wanted != stands:
            yield FleetResized(region=event.region, wanted=wanted, running=count, reason=reason, load=load)
        rows[REGION][_SELF] = Region(now, wanted if reason else before.wanted, above, below)


def _loads(running: list[Gateway]) -> dict[str, float]:
    """Use of sockets and of CPU, 0 to 1 and above. A gateway is one event loop, so it has one core."""
    return {
        "connections": sum(gateway.connections for gateway in running) / max(1, sum(gateway.capacity for gateway in running)),
        "cpu": sum(gateway.cpu for gateway in running) / len(running),
    }
