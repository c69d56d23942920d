"""The resume token: a place on the log, valid on every gateway."""

import re
from typing import NamedTuple

FORM = re.compile(r"(\d{1,6})\.(\d{1,19}|-1)", re.ASCII)


class Place(NamedTuple):
    """What has been sent up to and with `offset` of the partition; -1 is nothing."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}.{self.offset}"


def place_of(token: str) -> Place | None:
    """What a token says; None where it is none. It names nothing secret, so it is not signed: a made-up one gets what anybody may read."""
    match = FORM.fullmatch(token)
    return Place(int(match[1]), int(match[2])) if match else None
