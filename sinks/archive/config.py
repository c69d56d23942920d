"""What can be set on an archivist."""

import msgspec

from processors.vod.fold import DAY_US


class ArchiveConfig(msgspec.Struct, frozen=True):
    """Read once at start."""

    partner_days: int = 60
    """Days that VODs of partners, and of owners with Turbo or Prime, are kept; -1 is for ever."""
    other_days: int = 14
    """The same of affiliates and all others."""
    live_us: int = 2 * 3_600_000_000
    """How far back a live session's objects go, and how long the last of them outlive it: a rewinding viewer may be this far behind."""
    late_us: int = 6_000_000
    """How long after the end renditions may still come: three target durations, as the origin waits. Encoders are a segment behind."""
    reach_us: int = 7 * DAY_US
    """How far back sessions are looked at at start: as long as the log has their segments."""

    def retention_days(self, tier: str, *, turbo: bool) -> int:
        """Of a channel's tier, and of whether its owner has Turbo or Prime."""
        return self.partner_days if turbo or tier == "partner" else self.other_days
