"""MPEG-DASH manifests (ISO/IEC 23009-1) over the same CMAF objects."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from processors.playlist.hls import target_duration
from processors.playlist.rates import media_rate
from processors.playlist.state import Segment
from processors.playlist.text import MEDIA, date_time
from processors.playlist.window import Listing, Window

DELAY_TARGETS = 3
"""suggestedPresentationDelay in target durations: with less, dash.js stalled."""
XSDATE = "urn:mpeg:dash:utc:http-xsdate:2014"
CHANNEL_CONFIGURATION = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"


class _Period(NamedTuple):
    """Media without a discontinuity."""

    discontinuity: int
    begins_us: int
    """Media time, microseconds."""


def manifest(window: Window, time_url: str, *, over: bool, location: str = "") -> str | None:
    """The MPD; None before the first whole segment.

    Media times count from the session's start, so availabilityStartTime is that, and a period's presentation time offset is its own
    start: every period maps media time to itself. `time_url` answers the wall clock as xs:dateTime; the next manifest
    is asked for at `location` (ISO/IEC 23009-1 section 5.3.1.2). A rendition that is leaving is in it to its end: whoever plays it reads
    of its segments here.
    """
    runs = {listing.rendition: _newest_run(listing) for listing in window.renditions}
    listings = [listing for listing in window.renditions if runs[listing.rendition]]
    if not listings:
        return None
    lead = runs[listings[0].rendition]
    target = max(target_duration(listing) for listing in listings)
    longest = max(segment.seconds for run in runs.values() for segment in run)
    start_us = lead[-1].began_us - _us(lead[-1])
    end_us = max(run[-1].ends_us for run in runs.values() if run)
    timing = f'minimumUpdatePeriod="PT{target}S"'
    if over:
        timing = f'mediaPresentationDuration="{_duration(end_us - start_us)}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic"',
        f'  availabilityStartTime="{date_time(start_us, "microseconds")}" publishTime="{date_time(end_us)}" {timing}',
        f'  timeShiftBufferDepth="{_duration(end_us - lead[0].began_us)}" suggestedPresentationDelay="PT{DELAY_TARGETS * target}S"',
        f'  minBufferTime="PT{target}S" maxSegmentDuration="PT{longest:.3f}S">',
    ]
    if location:
        lines.append(f"  <Location>{escape(location)}</Location>")
    for period in _periods(lead):
        lines.append(f'  <Period id="{period.discontinuity}" start="{_duration(period.begins_us)}">')
        shown = [(listing, [s for s in runs[listing.rendition] if s.discontinuity == period.discontinuity]) for listing in listings]
        for kind in ("video", "audio"):
            lines += _adaptation_set(window, kind, [(x, segments) for x, segments in shown if segments and x.declared.kind == kind], period)
        lines.append("  </Period>")
    lines += [f'  <UTCTiming schemeIdUri="{XSDATE}" value={quoteattr(time_url)}/>', "</MPD>"]
    return "\n".join(lines) + "\n"


def _newest_run(listing: Listing) -> list[Segment]:
    """Whole segments since the newest gap, for numbers in a timeline go up by one."""
    run: list[Segment] = []
    for entry in listing.entries:
        if entry.segment is None:
            run.clear()
        else:
            run.append(entry.segment)
    return run


def _periods(run: list[Segment]) -> Iterator[_Period]:
    """Discontinuities listed. The first one's beginning may have left the window; 0 is as true, since media time maps to itself."""
    for index, (discontinuity, segments) in enumerate(groupby(run, key=lambda segment: segment.discontinuity)):
        yield _Period(discontinuity, _us(next(segments)) if index else 0)


def _adaptation_set(window: Window, kind: str, shown: list[tuple[Listing, list[Segment]]], period: _Period) -> Iterator[str]:
    if not shown:
        return
    number = 0 if kind == "video" else 1
    attributes = f'id="{number}" contentType="{kind}" mimeType="{kind}/mp4" segmentAlignment="true"'
    if all(segment.independent for _, segments in shown for segment in segments):
        attributes += ' startWithSAP="1"'
    yield f"    <AdaptationSet {attributes}>"
    for listing, segments in shown:
        yield from _representation(window, listing, segments, period.begins_us)
    yield "    </AdaptationSet>"


def _representation(window: Window, listing: Listing, segments: list[Segment], begins_us: int) -> Iterator[str]:
    declared = listing.inits[segments[0].discontinuity]
    size = f' width="{declared.width}" height="{declared.height}" frameRate="{_frame_rate(declared.frame_rate)}"'
    if declared.kind == "audio":
        size = f' audioSamplingRate="{declared.timescale}"'
    yield f'      <Representation id="{declared.rendition}" bandwidth="{media_rate(listing).peak}" codecs="{declared.codecs}"{size}>'
    if declared.channels:
        yield f'        <AudioChannelConfiguration schemeIdUri="{CHANNEL_CONFIGURATION}" value="{declared.channels}"/>'
    folder = f"{MEDIA}{window.channel_id}/{declared.session_id}/{declared.rendition}"
    yield (
        f'        <SegmentTemplate timescale="{declared.timescale}" startNumber="{segments[0].media_sequence}" '
        f'presentationTimeOffset="{begins_us * declared.timescale // 1_000_000}" '
        f'initialization="{MEDIA}{declared.address}" media="{folder}/$Number$.m4s">'
    )
    yield "          <SegmentTimeline>"
    yield from _timeline(segments)
    yield "          </SegmentTimeline>"
    yield "        </SegmentTemplate>"
    yield "      </Representation>"


def _timeline(segments: list[Segment]) -> Iterator[str]:
    """One S element per run of equal durations without a hole in time."""
    at, runs = None, list[list[int]]()
    for segment in segments:
        if runs and at == segment.decode_time and runs[-1][1] == segment.duration:
            runs[-1][2] += 1
        else:
            runs.append([segment.decode_time, segment.duration, 0])
        at = segment.decode_time + segment.duration
    for begins, length, repeats in runs:
        yield f'            <S t="{begins}" d="{length}"' + (f' r="{repeats}"/>' if repeats else "/>")


def _us(segment: Segment) -> int:
    """Media time of a segment's beginning, microseconds."""
    return segment.decode_time * 1_000_000 // segment.timescale


def _duration(us: int) -> str:
    return f"PT{us // 1_000_000}.{us % 1_000_000:06d}S"


def _frame_rate(rate: float) -> str:
    """A whole number, or the fraction of NTSC rates."""
    return f"{round(rate)}" if abs(rate - round(rate)) < 0.005 else f"{round(rate * 1001 / 1000) * 1000}/1001"
