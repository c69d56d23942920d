"""A strict reader of HLS playlists, written from RFC 8216bis alone: nothing of the product is used."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s][^,]*)(?:,|$)')


def attributes(text: str) -> dict[str, str]:
    """An attribute list (section 4.2); quotes are taken off."""
    found, at = {}, 0
    while at < len(text):
        match = ATTRIBUTE.match(text, at)
        if match is None:
            raise ValueError(f"no attribute list: {text[at : at + 60]!r}")
        if match[1] in found:
            raise ValueError(f"attribute {match[1]} twice: {text!r}")
        found[match[1]] = match[2].strip('"')
        at = match.end()
    return found


@dataclass
class Part:
    """EXT-X-PART."""

    duration: float
    uri: str
    independent: bool
    gap: bool


@dataclass
class Segment:
    """A media segment with all that applies to it."""

    sequence: int
    discontinuity: int
    duration: float = 0.0
    uri: str = ""
    parts: list[Part] = field(default_factory=list)
    date: datetime | None = None
    map: str | None = None
    gap: bool = False
    byte_range: tuple[int, int] | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """What a merged delta update must agree in."""
        return (self.sequence, self.discontinuity, self.duration, self.uri, self.date, self.map, self.gap)


@dataclass
class Media:
    """A media playlist."""

    url: str
    version: int = 1
    target: int = 0
    sequence: int = 0
    discontinuity: int = 0
    control: dict[str, str] = field(default_factory=dict)
    part_target: float | None = None
    skipped: int = 0
    ended: bool = False
    independent: bool = False
    iframes_only: bool = False
    hint: dict[str, str] | None = None
    reports: list[dict[str, str]] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    open_parts: list[Part] = field(default_factory=list)
    """Parts of the segment that is not whole yet."""

    @property
    def last(self) -> int:
        """Sequence number of the last whole segment."""
        return self.sequence + self.skipped + len(self.segments) - 1

    @property
    def parts(self) -> set[str]:
        """Addresses of all parts listed."""
        return {part.uri for segment in self.segments for part in segment.parts} | {part.uri for part in self.open_parts}

    @property
    def end(self) -> float:
        """Seconds listed, open parts included."""
        return sum(s.duration for s in self.segments) + sum(p.duration for p in self.open_parts)


@dataclass
class Master:
    """A multivariant playlist."""

    url: str
    version: int = 1
    variants: list[tuple[dict[str, str], str]] = field(default_factory=list)
    media: list[dict[str, str]] = field(default_factory=list)
    iframes: list[dict[str, str]] = field(default_factory=list)


def lines_of(text: str) -> list[str]:
    """Lines of a playlist (section 4.1)."""
    if text.startswith("\ufeff"):
        raise ValueError("begins with a byte order mark")
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != "#EXTM3U":
        raise ValueError(f"begins with {lines[0][:40]!r}, not #EXTM3U")
    return [line for line in lines[1:] if line and (not line.startswith("#") or line.startswith("#EXT"))]


def master(text: str, url: str) -> Master:
    """Reads a multivariant playlist."""
    found, pending = Master(url), None
    for line in lines_of(text):
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-VERSION":
            found.version = int(value)
        elif tag == "#EXT-X-STREAM-INF":
            pending = attributes(value)
        elif tag == "#EXT-X-MEDIA":
            found.media.append(_absolute(attributes(value), url))
        elif tag == "#EXT-X-I-FRAME-STREAM-INF":
            found.iframes.append(_absolute(attributes(value), url))
        elif not line.startswith("#"):
            if pending is None:
                raise ValueError(f"URI without EXT-X-STREAM-INF: {line}")
            found.variants.append((pending, urljoin(url, line)))
            pending = None
    return found


def media(text: str, url: str, before: Media | None = None) -> Media:
    """Reads a media playlist; a delta update needs the playlist that it updates."""
    found = Media(url)
    discontinuity, init, now, before_map = 0, None, Segment(0, 0), None
    length: float | None = None
    for line in lines_of(text):
        tag, _, value = line.partition(":")
        number = found.sequence + found.skipped + len(found.segments)
        if tag == "#EXT-X-VERSION":
            found.version = int(value)
        elif tag == "#EXT-X-TARGETDURATION":
            found.target = int(value)
        elif tag == "#EXT-X-MEDIA-SEQUENCE":
            found.sequence = int(value)
        elif tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
            found.discontinuity = discontinuity = int(value)
        elif tag == "#EXT-X-SERVER-CONTROL":
            found.control = attributes(value)
        elif tag == "#EXT-X-PART-INF":
            found.part_target = float(attributes(value)["PART-TARGET"])
        elif tag == "#EXT-X-INDEPENDENT-SEGMENTS":
            found.independent = True
        elif tag == "#EXT-X-I-FRAMES-ONLY":
            found.iframes_only = True
        elif tag == "#EXT-X-ENDLIST":
            found.ended = True
        elif tag == "#EXT-X-SKIP":
            found.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
            if before is not None:
                last = next(s for s in before.segments if s.sequence == found.sequence + found.skipped - 1)
                discontinuity, before_map = last.discontinuity, last.map
                init = before_map
        elif tag == "#EXT-X-DISCONTINUITY":
            discontinuity += 1
        elif tag == "#EXT-X-MAP":
            init = urljoin(url, attributes(value)["URI"])
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            now.date = datetime.fromisoformat(value)
        elif tag == "#EXT-X-GAP":
            now.gap = True
        elif tag == "#EXT-X-BYTERANGE":
            size, _, at = value.partition("@")
            now.byte_range = (int(at), int(size))
        elif tag == "#EXT-X-PART":
            part = attributes(value)
            found.open_parts.append(
                Part(float(part["DURATION"]), urljoin(url, part["URI"]), part.get("INDEPENDENT") == "YES", part.get("GAP") == "YES")
            )
        elif tag == "#EXTINF":
            length = float(value.partition(",")[0])
        elif tag == "#EXT-X-PRELOAD-HINT":
            found.hint = _absolute(attributes(value), url)
        elif tag == "#EXT-X-RENDITION-REPORT":
            found.reports.append(_absolute(attributes(value), url))
        elif not line.startswith("#"):
            if length is None:
                raise ValueError(f"URI without EXTINF: {line}")
            now.sequence, now.discontinuity, now.duration, now.uri = number, discontinuity, length, urljoin(url, line)
            now.map, now.parts, found.open_parts = init, found.open_parts, []
            found.segments.append(now)
            now, length = Segment(0, 0), None
    return found


def merged(delta: Media, before: Media) -> list[Segment]:
    """The segments of a playlist from its delta update and an older version of it (section 6.3.7)."""
    kept = {segment.sequence: segment for segment in before.segments}
    return [kept[number] for number in range(delta.sequence, delta.sequence + delta.skipped)] + delta.segments


def _absolute(found: dict[str, str], url: str) -> dict[str, str]:
    return {**found, "URI": urljoin(url, found["URI"])} if "URI" in found else found
