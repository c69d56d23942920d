"""Where media objects lie: a function of what they are, so that doing a segment twice writes the same object."""

from uuid import NAMESPACE_URL, uuid5


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


def vod_id(session_id: str) -> str:
    """Id of the VOD of a live session."""
    return str(uuid5(NAMESPACE_URL, f"chronicast:vod:{session_id}"))


def vod(channel_id: str, vod_id: str, path: str = "") -> str:
    """An object of a VOD; without a path its folder."""
    return f"{channel_id}/{vod_id}/{path}" if path else f"{channel_id}/{vod_id}"


def vod_segment(number: int) -> str:
    """Name of a VOD's segment in its rendition's folder; numbers begin at 1."""
    return f"{number:05d}.m4s"


def vod_thumbnail(index: int) -> str:
    """Path of the picture of some ten seconds, counted from 0, in a VOD."""
    return f"thumbnails/{index + 1:05d}.jpg"


def rendition_job(vod_id: str, rendition: str) -> str:
    """Id of the job that makes a rendition of a VOD: whoever asks, it is one."""
    return vod_event_id(vod_id, f"rendition-{rendition}")


def vod_event_id(vod_id: str, what: str) -> str:
    """Id of the event that tells something of a VOD, so that a repeat carries the same."""
    return str(uuid5(NAMESPACE_URL, f"chronicast:vod:{vod_id}:{what}"))


def clip(clip_id: str, name: str = "") -> str:
    """An object of a clip, `video.mp4` or `thumb.jpg`; without a name its folder."""
    return f"clips/{clip_id}/{name}" if name else f"clips/{clip_id}"


def clip_event_id(clip_id: str, what: str) -> str:
    """Id of the event that tells something of a clip, so that a repeat carries the same."""
    return str(uuid5(NAMESPACE_URL, f"chronicast:clip:{clip_id}:{what}"))
