"""Editorial rows: channels that people chose, as they are shown. Pure."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from processors.directory.listing import Listing
from schemas.events import EditorialRow

PROMOTED = "promoted"
"""A row that is not shown: recommending lifts its channels."""


class Row(NamedTuple):
    """A row, as it is shown."""

    name: str
    label: str
    """What is written above it."""
    channels: tuple[Listing, ...]
    """Live ones, in the order that was chosen."""


def shown(rows: Iterable[EditorialRow], listed: Callable[[str], Listing | None], *, adult: bool) -> list[Row]:
    """Those that have a channel live, by name; mature channels only for who says that he is of age."""
    found = []
    for row in sorted(rows, key=lambda row: row.row):
        listings = (listed(channel_id) for channel_id in row.channel_ids)
        live = tuple(each for each in listings if each is not None and each.live and (adult or not each.mature))
        if row.row != PROMOTED and live:
            found.append(Row(row.row, row.label, live))
    return found
