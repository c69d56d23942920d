"""What can be set on an origin."""

import msgspec

from processors.playlist.fold import LIVE_WINDOW


class OriginConfig(msgspec.Struct, frozen=True):
    """Read once at start."""

    window: int = LIVE_WINDOW
    """Segments listed."""
    segment_reach_s: int = 240
    """How far back segment events are read at start. A live window needs `LIVE_WINDOW + LAG + REDECLARED` segments, 98 s at
    2.4 s a segment, and a session waits 60 s for a publisher that dropped; more would only make the start slower."""
    broadcast_reach_s: int = 7 * 86_400
    """How far back stream events are read at start: a session that began earlier and still lives has its segments, not its title."""
    object_cache_bytes: int = 256 << 20
    """Newest objects held in memory: 400 s of a 5 Mb/s channel; a part is asked for within seconds of its event."""
