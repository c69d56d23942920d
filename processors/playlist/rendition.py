"""A rendition in words, as JSON documents have it."""

from typing import Any

from processors.playlist.rates import media_rate
from processors.playlist.window import Listing


def rendition(listing: Listing) -> dict[str, Any]:
    """What a client chooses a rendition by: sizes in pixels, rates in frames and bits a second."""
    declared, rate = listing.declared, media_rate(listing)
    return {
        "name": listing.rendition,
        "kind": declared.kind,
        "codecs": declared.codecs,
        "width": declared.width,
        "height": declared.height,
        "frame_rate": declared.frame_rate,
        "bit_rate": rate.mean,
        "peak_bit_rate": rate.peak,
    }
