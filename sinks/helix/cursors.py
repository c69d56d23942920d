"""Cursors of lists that change while they are read: the place behind which the next page begins."""

import base64
import binascii

from processors.directory.listing import Rank
from sinks.helix.errors import bad_request


def cursor(rank: Rank) -> str:
    """A rank as a client hands it back."""
    return base64.urlsafe_b64encode("/".join(map(str, rank)).encode()).decode().rstrip("=")


def rank_of(text: str, name: str = "after") -> Rank | None:
    """The rank that a cursor stands for; None for no cursor.

    Raises:
        HelixError: no cursor of ours.
    """
    if not text:
        return None
    try:
        viewers, started, one = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().split("/")
        return int(viewers), int(started), one
    except (ValueError, binascii.Error):
        bad_request(f"{name}: {text[:100]!r} is no cursor: take one from an answer's pagination")
