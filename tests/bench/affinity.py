"""What each chat gateway of a fleet reads, in the three phases: `./chronicast bench affinity [--exponent X]`.

A simulation: channels of Zipf popularity, whose viewers write as often everywhere, lie on partitions as the log lays them; gateways are
placed as the product places them (sinks/chat/affinity.py). Nothing is measured but the placing: the figures follow from it.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from math import ceil
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from sinks.chat.affinity import placed
from streams.keys import partition_for
from tests.bench._machine import machine

CAPACITY = 10_000
"""Connections of a gateway (C9)."""
USE = 0.6
"""Of it that is planned for: processors/fleet/fold.py's TARGET."""


class Phase(NamedTuple):
    """The load of a phase (L2, L4, L5)."""

    name: str
    channels: int
    viewers: int
    messages_a_minute: int
    partitions: int


PHASES = (
    Phase("1", 1_000, 100_000, 100_000, 64),
    Phase("2", 10_000, 1_000_000, 10_000_000, 512),
    Phase("3", 100_000, 15_000_000, 100_000_000, 4_096),
)


def simulated(phase: Phase, exponent: float) -> dict[str, object]:
    """A phase's fleet, and what its gateways read and carry."""
    weights = [1 / rank**exponent for rank in range(1, phase.channels + 1)]
    whole = sum(weights)
    viewers: Counter[int] = Counter()
    for number, weight in enumerate(weights):
        viewers[partition_for(str(100_000 + number).encode(), phase.partitions)] += phase.viewers * weight / whole  # type: ignore[assignment]
    planned = CAPACITY * USE
    # A partition has as many gateways as its viewers need, two at least, so that one may die.
    replicas = {partition: max(2, ceil(viewers[partition] / planned)) for partition in range(phase.partitions)}
    names = [f"gateway-{n}" for n in range(max(2, ceil(phase.viewers / planned)))]
    began = time.perf_counter()
    places = {partition: placed(partition, names, count) for partition, count in replicas.items()}
    took = time.perf_counter() - began
    reads: Counter[str] = Counter(dict.fromkeys(names, 0))
    carries: Counter[str] = Counter(dict.fromkeys(names, 0))
    for partition, serving in places.items():
        for name in serving:
            reads[name] += viewers[partition]
            carries[name] += viewers[partition] / len(serving)  # type: ignore[assignment]
    one_more = [*names, "gateway-new"]
    moved = sum(set(placed(partition, one_more, replicas[partition])) != set(serving) for partition, serving in places.items())
    share = [count / phase.viewers for count in reads.values()]
    rate = phase.messages_a_minute / 60
    return {
        "phase": phase.name,
        "channels": phase.channels,
        "viewers": phase.viewers,
        "gateways": len(names),
        "partitions": phase.partitions,
        "messages_a_second": round(rate),
        "read_a_second": {"mean": round(rate * statistics.mean(share)), "max": round(rate * max(share))},
        "share_of_the_log": {"mean": statistics.mean(share), "max": max(share)},
        "connections": {"mean": round(statistics.mean(carries.values())), "max": round(max(carries.values()))},
        "above_capacity": sum(count > CAPACITY for count in carries.values()),
        "most_gateways_of_a_partition": max(replicas.values()),
        "partitions_moved_by_one_more": moved,
        "placing_s": round(took, 2),
    }


def main() -> None:
    """Simulates and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exponent", type=float, default=0.9, help="of the channels' popularity; 1 is Zipf's law")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = [simulated(phase, asked.exponent) for phase in PHASES]
    if asked.json:
        print(json.dumps(found))
        return
    table = Table(title=f"Chat gateways of {CAPACITY:,} connections planned to {USE:.0%}; popularity rank^-{asked.exponent}; {machine()}")
    for column in (
        *("phase", "viewers", "gateways", "partitions", "log msg/s", "a gateway reads msg/s, mean", "max", "of the log, mean", "max"),
        *("carries, mean", "max", "above capacity", "most gateways of a partition", "partitions moved by one more"),
    ):
        table.add_column(column, justify="right")
    for row in found:
        reads, share, carries = row["read_a_second"], row["share_of_the_log"], row["connections"]
        table.add_row(
            *(str(row["phase"]), f"{row['viewers']:,}", f"{row['gateways']:,}", f"{row['partitions']:,}", f"{row['messages_a_second']:,}"),
            *(f"{reads['mean']:,}", f"{reads['max']:,}", f"{share['mean']:.2%}", f"{share['max']:.2%}"),  # type: ignore[index]
            *(f"{carries['mean']:,}", f"{carries['max']:,}", str(row["above_capacity"])),  # type: ignore[index]
            *(str(row["most_gateways_of_a_partition"]), str(row["partitions_moved_by_one_more"])),
        )
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
