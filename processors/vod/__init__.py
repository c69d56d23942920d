"""Recordings of live sessions: what a VOD is made of, and how long it stays where."""

from processors.vod.fold import ShelfFold

SHELF = ShelfFold()
