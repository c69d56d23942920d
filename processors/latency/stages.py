"""The stages of the way from camera to screen, and what each may take."""

from typing import Literal, NamedTuple

from schemas.events import PartProduced, SegmentProduced

Mode = Literal["low", "normal"]
"""What a viewer plays: parts, or whole segments."""
Produced = PartProduced | SegmentProduced


class Stage(NamedTuple):
    """A stage and its budget."""

    name: str
    low_us: int
    """Budget in low latency, microseconds."""
    normal_us: int
    """Budget with whole segments, microseconds."""
    meaning: str


STAGES: tuple[Stage, ...] = (
    Stage("package", 250_000, 4_000_000, "from the first frame of the part or segment to its last"),
    Stage("encode_network", 2_500_000, 2_500_000, "publisher's encoder buffer and its way to the ingest"),
    Stage("upload", 500_000, 500_000, "ingest: last byte received to object stored"),
    Stage("log", 500_000, 500_000, "source event to transcoder"),
    Stage("transcode", 2_000_000, 2_000_000, "transcoder: source received to object stored"),
    Stage("announce", 100_000, 100_000, "object stored to event made"),
    Stage("deliver", 500_000, 500_000, "event made to listed by the origin"),
    Stage("player", 3_000_000, 8_000_000, "listed by the origin to on screen"),
)
"""Upper bounds of the product's latency budget: encode 2 s and network 0.5 s, transcode 2 s, segment 4 s, delivery 0.5 s, buffer 8 s."""


def origin_stages(own: Produced, source: Produced | None, applied_at: int) -> dict[str, int]:
    """Microseconds by stage up to the origin: they sum to `applied_at` minus the first frame's programme date time.

    Args:
        own: a part or segment.
        source: what it was transcoded from; None where it is the source itself.
        applied_at: when the origin listed it, UTC microseconds.
    """
    length = own.duration * 1_000_000 // own.timescale
    captured = own.programme_date_time + length
    found = {"package": length}
    if source is None:
        found |= {"encode_network": own.received_at - captured, "upload": own.stored_at - own.received_at}
    else:
        found |= {
            "encode_network": source.received_at - captured,
            "upload": source.stored_at - source.received_at,
            "log": own.received_at - source.stored_at,
            "transcode": own.stored_at - own.received_at,
        }
    return found | {"announce": own.occurred_at - own.stored_at, "deliver": applied_at - own.occurred_at}


def player_stage(latency_us: int, listed: dict[str, int]) -> int:
    """Microseconds from listed to on screen: what is left of the latency that a player saw."""
    return latency_us - sum(listed.values())
