"""What regions are asked for, and what is planned there."""

from collections.abc import Iterator

from processors.transcode.scheduler import QUARTER_US
from schemas.event import Event
from schemas.events import DemandMeasured, StreamScheduled, StreamUnscheduled, Tick
from tests.simulation.simulator.workloads import Edges, weighted


def demand(edges: Edges) -> Iterator[Event]:
    """Quarters of an hour are measured, some missed or told late; plans are made, changed and given up, senseless ones too; time passes."""
    rng = edges.rng
    regions = ("local", "north", "south")[: rng.randint(1, 3)]
    plans = [f"plan-{n}" for n in range(rng.randint(1, 6))]
    capacity = rng.choice((0.0, 50.0, 500.0))
    while True:
        edges.wait(QUARTER_US)
        region = rng.choice(regions)
        match weighted(rng, {"measure": 8, "plan": 4, "give up": 1, "tick": 3, "rest": 1}):
            case "measure":
                began_at = edges.now - rng.choice((1, 1, 1, 2, 9)) * QUARTER_US
                yield DemandMeasured(region=region, began_at=began_at, load=rng.choice((0.0, 40.0, rng.uniform(0, 600))), capacity=capacity)
            case "plan":
                starts_at = edges.now + rng.randint(-2, 6) * QUARTER_US
                yield StreamScheduled(
                    region=region,
                    channel_id="1",
                    schedule_id=rng.choice(plans),
                    tier=rng.choice(("partner", "affiliate", "regular")),
                    starts_at=starts_at,
                    ends_at=starts_at + rng.randint(-1, 8) * QUARTER_US,
                    streams=rng.choice((1, 1, 5, 0, -1)),
                )
            case "give up":
                yield StreamUnscheduled(region=region, schedule_id=rng.choice(plans))
            case "tick":
                yield Tick()
            case _:
                edges.wait(700 * QUARTER_US)  # a week: quarters of the week come again
