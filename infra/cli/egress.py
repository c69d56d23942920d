"""`chronicast egress`: what an audience takes out of caches and out of the origin, and what it costs."""

from typing import Annotated

import typer

from infra.cli.console import AsJson, out, show_json
from processors.routing.egress import egress as planned

TBPS = 1e12


def egress(  # noqa: PLR0917 - each an option
    viewers: Annotated[int, typer.Option(min=1, max=100_000_000, help="Viewers at once.")] = 100_000,
    mbps: Annotated[float, typer.Option(min=0.001, max=1_000, help="Megabits a second of each, on average.")] = 5.0,
    streams: Annotated[int, typer.Option(min=1, max=1_000_000, help="Live streams that they spread over, by Zipf's law.")] = 1_000,
    points: Annotated[int, typer.Option(min=1, max=10_000, help="Points of presence with a cache each.")] = 10,
    renditions: Annotated[int, typer.Option(min=1, max=10, help="Renditions of a stream.")] = 4,
    price: Annotated[float, typer.Option(min=0, help="US dollars a GB to viewers.")] = 0.005,
    as_json: AsJson = False,
) -> None:
    """Say how much goes to viewers, how much of it the origin has to send with caches before it, and what a year costs."""
    found = planned(viewers, mbps * 1e6, streams, points, renditions)
    dollars = found.year_gb * price
    if as_json:
        told = {"total_gbps": found.total / 1e9, "origin_gbps": found.origin / 1e9, "hit_rate": found.hits}
        show_json({**told, "year_gb": found.year_gb, "year_dollars": dollars, "year_dollars_a_tbps": dollars / (found.total / TBPS)})
        return
    out.print(f"{viewers:,} viewers x {mbps:g} Mb/s: {found.total / 1e9:,.1f} Gb/s, all of it the origin's without caches")
    share = f"{1 - found.hits:.1%}: {found.origin / 1e9:,.1f} Gb/s, for caches answer {found.hits:.1%}"
    out.print(f"of {streams:,} streams in {renditions} renditions at {points:,} points of presence the origin sends {share}")
    out.print(f"{found.year_gb / 1e6:,.1f} PB a year at {price:g} $ a GB: {dollars:,.0f} $, {dollars / (found.total / TBPS):,.0f} $ a Tb/s")
