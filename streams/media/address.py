"""Where media objects lie: a function of what they are, so that doing a segment twice writes the same object."""


def init(channel_id: str, session_id: str, rendition: str, discontinuity_sequence: int) -> str:
    """Initialisation segment of a rendition since a discontinuity."""
    return f"{channel_id}/{session_id}/{rendition}/init-{discontinuity_sequence}.mp4"


def segment(channel_id: str, session_id: str, rendition: str, media_sequence: int) -> str:
    """A whole segment."""
    return f"{channel_id}/{session_id}/{rendition}/{media_sequence}.m4s"


def part(channel_id: str, session_id: str, rendition: str, media_sequence: int, index: int) -> str:
    """A part of a segment."""
    return f"{channel_id}/{session_id}/{rendition}/{media_sequence}.{index}.m4s"


def transport_stream(channel_id: str, session_id: str, rendition: str, first: int, last: int) -> str:
    """One or more segments as one of MPEG-TS; made when asked for, not stored."""
    name = str(first) if first == last else f"{first}-{last}"
    return f"{channel_id}/{session_id}/{rendition}/{name}.ts"
