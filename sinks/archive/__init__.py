"""The archive: makes VODs of sessions that have ended, and keeps, moves and mends them."""
