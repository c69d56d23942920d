"""Where regions are, and how long a round trip to them takes where nobody measured it."""

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_KM = 6_371.0
US_PER_KM = 10.0
"""Light in fibre takes 5 us for a kilometre, there and back 10."""
DETOUR = 1.5
"""Cables are longer than great circles; measured between large cities it is 1.3 to 2."""
LAST_MILE_US = 5_000
"""Both ends' access networks."""

Place = tuple[float, float]
"""Degrees north and east."""
REGIONS: dict[str, Place] = {
    "iad": (38.94, -77.46),
    "nyc": (40.71, -74.01),
    "lax": (33.94, -118.41),
    "sea": (47.45, -122.31),
    "dfw": (32.90, -97.04),
    "mia": (25.79, -80.29),
    "yyz": (43.68, -79.63),
    "gru": (-23.43, -46.47),
    "lhr": (51.47, -0.45),
    "ams": (52.31, 4.76),
    "fra": (50.03, 8.56),
    "cdg": (49.01, 2.55),
    "mad": (40.47, -3.56),
    "arn": (59.65, 17.92),
    "waw": (52.17, 20.97),
    "jnb": (-26.14, 28.25),
    "dxb": (25.25, 55.36),
    "bom": (19.09, 72.87),
    "sin": (1.36, 103.99),
    "hkg": (22.31, 113.91),
    "icn": (37.46, 126.44),
    "tyo": (35.55, 139.78),
    "syd": (-33.95, 151.18),
}
"""By the code of the region's airport, or city."""


class Edge(NamedTuple):
    """A point of presence of the media."""

    node_id: str
    region: str
    url: str
    """Without a slash at its end."""


def estimated_us(one: Place, other: Place) -> int:
    """The round trip between two places, microseconds, along the great circle (haversine)."""
    (north, east), (their_north, their_east) = (tuple(map(radians, place)) for place in (one, other))
    half = sin((their_north - north) / 2) ** 2 + cos(north) * cos(their_north) * sin((their_east - east) / 2) ** 2
    return int(2 * EARTH_KM * asin(min(1.0, sqrt(half))) * US_PER_KM * DETOUR) + LAST_MILE_US
