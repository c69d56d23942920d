"""A strict HLS client: fetches a live stream as RFC 8216bis says and tells what does not hold.

`python -m tests.hls_checker MASTER_URL [--json]` works on any server; exit code 1 where a check failed. `n/a` marks what the server
does not offer and need not (parts, delta updates, key-frame playlists).
"""

import argparse
import asyncio
import io
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import aiohttp
import av

sys.path.insert(0, str(Path(__file__).parent))  # as pytest does

import hls_playlist as hls

Outcome = Literal["ok", "FAIL", "n/a"]
WAKE_S = 0.5
"""How far apart a part may come and a blocked answer be, over any network."""
CACHED_S = 2.0
"""How long an edge may keep a playlist that did not block, as one origin says by max-age: two addresses may differ by that."""
SPEC_VERSIONS = {"EXT-X-SKIP": 9, "EXT-X-MAP": 6, "EXT-X-BYTERANGE": 4}
"""Least EXT-X-VERSION by feature (section 8); EXT-X-MAP needs 5 in a key-frame playlist."""


class Result(NamedTuple):
    """What one check found."""

    check: str
    outcome: Outcome
    detail: str = ""


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: "aiohttp.typedefs.LooseHeaders"
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode()


class NotOfferedError(Exception):
    """The server does not have what a check is about."""


class Checker:
    """Checks one stream."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.results: list[Result] = []
        self._master = hls.Master(url)
        self._media: dict[str, hls.Media] = {}

    async def run(self, only: Sequence[str] = ()) -> list[Result]:
        """All checks or some, in order; those that need what failed are reported as failed too."""
        await self._check("master-loads", self._load)
        checks: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("content-type", self._content_type),
            ("master-attributes", self._attributes),
            ("audio-group", self._audio_group),
            ("version", self._version),
            ("target-duration", self._target),
            ("part-target", self._part_target),
            ("server-control", self._server_control),
            ("pdt-present", self._dates),
            ("pdt-continuous", self._dates_continue),
            ("map-present", self._maps),
            ("media-loads", self._objects),
            ("parts-join-to-segment", self._join),
            ("independent-segments", self._independent),
            ("codecs-match", self._codecs),
            ("bandwidth-covers", self._bandwidth),
            ("av-start", self._start),
            ("aligned-renditions", self._aligned),
            ("sequence-grows", self._grows),
            ("block-reload-part", self._block_part),
            ("block-reload-segment", self._block_segment),
            ("block-reload-past", self._block_past),
            ("block-reload-far", self._block_far),
            ("directives-malformed", self._malformed),
            ("skip-merge", self._skip),
            ("preload-hint", self._hint),
            ("rendition-report", self._report),
            ("playlist-cache-control", self._playlist_cache),
            ("segment-cache-control", self._segment_cache),
            ("gzip", self._gzip),
            ("ranges", self._ranges),
            ("cors", self._cors),
            ("iframe-playlist", self._iframes),
            ("iframe-one-picture", self._pictures),
        ]
        for name, check in checks:
            if not only or name in only:
                await self._check(name, check)
        return self.results

    async def _check(self, name: str, check: Callable[[], Awaitable[None]]) -> None:
        try:
            await check()
            self.results.append(Result(name, "ok"))
        except NotOfferedError as why:
            self.results.append(Result(name, "n/a", str(why)))
        except Exception as why:
            self.results.append(Result(name, "FAIL", f"{why}" or repr(why)))

    async def _get(self, url: str, **headers: str) -> Reply:
        began = time.perf_counter()
        async with self._session.get(url, headers={"Accept-Encoding": "identity", **headers}) as answer:
            return Reply(answer.status, answer.headers, await answer.read(), time.perf_counter() - began)

    async def _playlist(self, url: str, before: hls.Media | None = None, **directives: object) -> hls.Media:
        query = "&".join(f"{name}={value}" for name, value in directives.items())
        answer = await self._get(url + (("&" if "?" in url else "?") + query if query else ""))
        assert answer.status == 200, f"{url}?{query} answered {answer.status}"
        return hls.media(answer.text, url, before)

    async def _load(self) -> None:
        answer = await self._get(self._url)
        assert answer.status == 200, f"answered {answer.status}"
        if "#EXTINF" in answer.text:  # a media playlist stands for itself
            self._master.variants = [({}, self._url)]
        else:
            self._master = hls.master(answer.text, self._url)
        urls = [url for _, url in self._master.variants] + [m["URI"] for m in self._master.media if "URI" in m]
        assert urls, "no variants"
        for url in dict.fromkeys(urls):
            self._media[url] = await self._playlist(url)

    @property
    def _lead(self) -> hls.Media:
        return self._media[self._master.variants[0][1]]

    def _low_latency(self) -> hls.Media:
        if self._lead.part_target is None:
            raise NotOfferedError("no parts")
        return self._lead

    def _blocking(self) -> hls.Media:
        if self._lead.control.get("CAN-BLOCK-RELOAD") != "YES":
            raise NotOfferedError("no blocking reload")
        return self._lead

    async def _content_type(self) -> None:
        for url in (self._url, self._lead.url):
            kind = (await self._get(url)).headers.get("Content-Type", "").partition(";")[0].lower()
            assert kind in {"application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl"}, f"{url}: {kind}"

    async def _attributes(self) -> None:
        if not self._master.variants[0][0]:
            raise NotOfferedError("no master")
        for listed, url in self._master.variants:
            wanted = {"BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS"}
            if any(codec.startswith(("avc", "hvc", "hev", "av01")) for codec in listed.get("CODECS", "avc").split(",")):
                wanted |= {"RESOLUTION", "FRAME-RATE"}
            assert not wanted - set(listed), f"{url} lacks {', '.join(sorted(wanted - set(listed)))}"
            assert int(listed["AVERAGE-BANDWIDTH"]) <= int(listed["BANDWIDTH"])

    async def _audio_group(self) -> None:
        groups = {m["GROUP-ID"] for m in self._master.media if m["TYPE"] == "AUDIO"}
        used = {listed["AUDIO"] for listed, _ in self._master.variants if "AUDIO" in listed}
        if not groups and not used:
            raise NotOfferedError("no audio group")
        assert used <= groups, f"groups without renditions: {used - groups}"
        assert all({"NAME", "GROUP-ID", "TYPE"} <= set(m) for m in self._master.media)

    async def _version(self) -> None:
        for media in self._media.values():
            least = max([6 if any(s.map for s in media.segments) else 1, 9 if "CAN-SKIP-UNTIL" in media.control and media.skipped else 1])
            assert media.version >= least, f"{media.url}: {media.version}, needs {least}"

    async def _target(self) -> None:
        for media in self._media.values():
            assert media.target > 0, f"{media.url}: no EXT-X-TARGETDURATION"
            for segment in media.segments:
                assert int(segment.duration + 0.5) <= media.target, f"{segment.uri}: {segment.duration} s, target {media.target}"

    async def _part_target(self) -> None:
        self._low_latency()
        for media in self._media.values():
            target = media.part_target or 0
            for segment in media.segments:
                for index, part in enumerate(segment.parts):
                    assert part.duration <= target + 1e-4, f"{part.uri}: {part.duration} s, PART-TARGET {target}"
                    last = index == len(segment.parts) - 1
                    assert last or part.duration >= 0.85 * target, f"{part.uri}: {part.duration} s is under 85 % of {target}"
                if segment.parts:
                    length = sum(part.duration for part in segment.parts)
                    assert abs(length - segment.duration) < 0.001, f"{segment.uri}: parts are {length} s, EXTINF {segment.duration}"

    async def _server_control(self) -> None:
        control, target = self._lead.control, self._lead.target
        if not control:
            raise NotOfferedError("no EXT-X-SERVER-CONTROL")
        if "HOLD-BACK" in control:
            assert float(control["HOLD-BACK"]) >= 3 * target, f"HOLD-BACK {control['HOLD-BACK']}"
        if "CAN-SKIP-UNTIL" in control:
            assert float(control["CAN-SKIP-UNTIL"]) >= 6 * target, f"CAN-SKIP-UNTIL {control['CAN-SKIP-UNTIL']}"
        if self._lead.part_target is not None:
            assert float(control["PART-HOLD-BACK"]) >= 3 * self._lead.part_target, f"PART-HOLD-BACK {control['PART-HOLD-BACK']}"
            assert control.get("CAN-BLOCK-RELOAD") == "YES", "parts without blocking reload"

    async def _dates(self) -> None:
        for media in self._media.values():
            assert any(segment.date for segment in media.segments), f"{media.url}: no EXT-X-PROGRAM-DATE-TIME"

    async def _dates_continue(self) -> None:
        for media in self._media.values():
            for one, two in itertools.pairwise(media.segments):
                if one.date and two.date and one.discontinuity == two.discontinuity and not (one.gap or two.gap):
                    off = (two.date - one.date).total_seconds() - one.duration
                    assert abs(off) < 0.005, f"{two.uri}: date is {off:+.3f} s off the segment before"

    async def _maps(self) -> None:
        for media in self._media.values():
            for segment in media.segments:
                assert segment.map or segment.uri.split("?")[0].endswith((".ts", ".aac")), f"{segment.uri}: no EXT-X-MAP"

    async def _objects(self) -> None:
        for media in self._media.values():
            newest = [s for s in media.segments if not s.gap][-3:]
            places = [s.uri for s in newest] + [s.map for s in newest if s.map] + [p.uri for p in media.open_parts]
            for url in dict.fromkeys(places):
                answer = await self._get(url)
                assert answer.status == 200, f"{url} answered {answer.status}"
                assert answer.body, f"{url} is empty"

    async def _join(self) -> None:
        self._low_latency()
        for media in self._media.values():
            whole = next((s for s in reversed(media.segments) if s.parts), None)
            assert whole is not None, f"{media.url}: no segment with parts"
            joined = b"".join([(await self._get(part.uri)).body for part in whole.parts])
            assert joined == (await self._get(whole.uri)).body, f"{whole.uri} is not its parts"

    async def _media_of(self, segment: hls.Segment) -> bytes:
        head = (await self._get(segment.map)).body if segment.map else b""
        return head + (await self._get(segment.uri)).body

    async def _packets(self, segment: hls.Segment) -> dict[str, list[tuple[float, bool]]]:
        """(presentation time, key frame) of each packet by kind of track."""
        found: dict[str, list[tuple[float, bool]]] = {}
        with av.open(io.BytesIO(await self._media_of(segment))) as media:
            for packet in media.demux():
                if packet.pts is not None:
                    found.setdefault(packet.stream.type, []).append((float(packet.pts * packet.time_base), bool(packet.is_keyframe)))
        return found

    async def _independent(self) -> None:
        if not any(media.independent for media in self._media.values()):
            raise NotOfferedError("no EXT-X-INDEPENDENT-SEGMENTS")
        for media in self._media.values():
            for segment in media.segments[-3:] if media.independent else []:
                packets = await self._packets(segment)
                assert all(times[0][1] for times in packets.values()), f"{segment.uri} does not begin with a key frame"
                assert not segment.parts or segment.parts[0].independent, f"{segment.uri}: first part without INDEPENDENT=YES"

    async def _codecs(self) -> None:
        known = {"avc1": "h264", "avc3": "h264", "mp4a": "aac", "hvc1": "hevc", "hev1": "hevc", "av01": "av1"}
        for listed, url in self._master.variants:
            if "CODECS" not in listed:
                raise NotOfferedError("no CODECS")
            names = {known[codec.split(".")[0]] for codec in listed["CODECS"].split(",")}
            with av.open(io.BytesIO(await self._media_of(self._media[url].segments[-1]))) as media:
                found = {stream.codec_context.name for stream in media.streams}
                size = [f"{s.codec_context.width}x{s.codec_context.height}" for s in media.streams.video]
            assert {name.removesuffix("float") for name in found} <= names, f"{url}: {found} against {names}"
            assert not size or listed.get("RESOLUTION", size[0]) == size[0], f"{url}: {size[0]} against {listed.get('RESOLUTION')}"

    async def _bandwidth(self) -> None:
        for listed, url in self._master.variants:
            if "BANDWIDTH" not in listed:
                raise NotOfferedError("no BANDWIDTH")
            for segment in self._media[url].segments[-3:]:
                rate = len((await self._get(segment.uri)).body) * 8 / segment.duration
                assert rate <= int(listed["BANDWIDTH"]) * 1.1, f"{segment.uri}: {rate:.0f} b/s above BANDWIDTH {listed['BANDWIDTH']}"

    async def _start(self) -> None:
        """Audio and video of the same place begin together."""
        starts = []
        sequence = min(media.last for media in self._media.values())
        for media in self._media.values():
            for segment in media.segments:
                if segment.sequence == sequence:
                    starts += [min(time for time, _ in times) for times in (await self._packets(segment)).values()]
        assert max(starts) - min(starts) < 0.1, f"tracks begin {max(starts) - min(starts):.3f} s apart"

    async def _aligned(self) -> None:
        if len(self._media) < 2:
            raise NotOfferedError("one rendition")
        places: dict[int, list[hls.Segment]] = {}
        for media in self._media.values():
            for segment in media.segments:
                places.setdefault(segment.sequence, []).append(segment)
        for sequence, found in places.items():
            assert len({segment.discontinuity for segment in found}) == 1, f"segment {sequence}: discontinuity sequences differ"
            dates = [segment.date for segment in found if segment.date]
            off = (max(dates) - min(dates)).total_seconds() if dates else 0.0
            assert off < 0.05, f"segment {sequence}: renditions begin {off:.3f} s apart"

    async def _grows(self) -> None:
        """Two versions agree in what they share, and nothing goes back."""
        before = self._lead
        deadline = time.monotonic() + 3 * before.target
        while (after := await self._playlist(before.url)).last <= before.last:
            assert time.monotonic() < deadline, f"no new segment in {3 * before.target} s"
            await asyncio.sleep(before.target / 4)
        assert after.sequence >= before.sequence
        assert after.discontinuity >= before.discontinuity
        assert after.target == before.target, "EXT-X-TARGETDURATION changed"
        shared = {s.sequence: s.identity for s in before.segments}
        for segment in after.segments:
            assert shared.get(segment.sequence, segment.identity) == segment.identity, f"segment {segment.sequence} changed"
        self._media[before.url] = after

    async def _block_part(self) -> None:
        """Each next part is answered by one request, with that part, at about the pace of the parts."""
        media = self._low_latency()
        media = await self._playlist(media.url)
        waits = []
        for _ in range(6):
            sequence, part = media.last + 1, len(media.open_parts)
            began = time.perf_counter()
            media = await self._playlist(media.url, _HLS_msn=sequence, _HLS_part=part)
            waits.append(time.perf_counter() - began)
            there = media.last >= sequence or (media.last + 1 == sequence and len(media.open_parts) > part)
            assert there, f"answered without segment {sequence} part {part}"
        limit = 2 * (media.part_target or 0) + WAKE_S
        assert max(waits) < limit, f"a part took {max(waits):.3f} s"

    async def _block_segment(self) -> None:
        media = self._blocking()
        media = await self._playlist(media.url)
        wanted = media.last + 1
        after = await self._playlist(media.url, _HLS_msn=wanted)
        assert after.last >= wanted, f"answered before segment {wanted} was whole"

    async def _block_past(self) -> None:
        media = self._blocking()
        media = await self._playlist(media.url)
        began = time.perf_counter()
        await self._playlist(media.url, _HLS_msn=media.last - 1)
        await self._playlist(media.url, _HLS_msn=max(media.sequence - 5, 0))
        assert time.perf_counter() - began < WAKE_S, "what is in the past was waited for"

    async def _block_far(self) -> None:
        media = self._blocking()
        media = await self._playlist(media.url)
        answer = await self._get(f"{media.url}{'&' if '?' in media.url else '?'}_HLS_msn={media.last + 10}")
        assert answer.status == 400, f"answered {answer.status}"

    async def _malformed(self) -> None:
        media = self._blocking()
        join = "&" if "?" in media.url else "?"
        for query in ("_HLS_part=0", "_HLS_msn=abc", "_HLS_msn=-1"):
            answer = await self._get(f"{media.url}{join}{query}")
            assert answer.status == 400, f"{query} answered {answer.status}"

    async def _skip(self) -> None:
        media = self._lead
        if "CAN-SKIP-UNTIL" not in media.control:
            raise NotOfferedError("no delta updates")
        for _ in range(8):
            before = await self._playlist(media.url)
            delta = await self._playlist(media.url, before, _HLS_skip="YES")
            full = await self._playlist(media.url)
            if (delta.sequence, delta.last) == (full.sequence, full.last):
                break
            await asyncio.sleep(CACHED_S / 8)
        length = full.end
        if not delta.skipped:
            assert length <= float(media.control["CAN-SKIP-UNTIL"]) + 2 * media.target, f"nothing skipped of {length:.0f} s"
            raise NotOfferedError("the playlist is still too short to skip")
        assert delta.version >= 9, f"EXT-X-SKIP with version {delta.version}"
        assert delta.end >= float(media.control["CAN-SKIP-UNTIL"]), "skipped within the skip boundary"
        assert [s.identity for s in hls.merged(delta, before)] == [s.identity for s in full.segments], "merged update differs from the full"

    async def _hint(self) -> None:
        media = self._low_latency()
        for _ in range(3):
            media = await self._playlist(media.url)
            assert media.hint is not None, "no EXT-X-PRELOAD-HINT"
            answer = await self._get(media.hint["URI"])
            assert answer.status == 200, f"{media.hint['URI']} answered {answer.status}"
            deadline = time.monotonic() + CACHED_S
            while media.hint["URI"] not in (await self._playlist(media.url)).parts:
                assert time.monotonic() < deadline, f"{media.hint['URI']} was hinted and not listed"
                await asyncio.sleep(WAKE_S / 10)
            assert (await self._get(media.hint["URI"])).body == answer.body, "the hinted part was not whole"

    async def _report(self) -> None:
        media = self._low_latency()
        others = set(self._media) - {media.url}
        if not others:
            raise NotOfferedError("one rendition")
        media = await self._playlist(media.url)
        reported = {report["URI"]: report for report in media.reports}
        assert others <= set(reported), f"no report on {', '.join(sorted(others - set(reported)))}"
        for url, report in reported.items():
            other = await self._playlist(url)
            ahead = (other.last + 1, len(other.open_parts))
            assert (int(report["LAST-MSN"]), int(report["LAST-PART"])) <= ahead, f"{url} is reported ahead of itself"
            assert int(report["LAST-MSN"]) >= other.last - 1, f"{url}: the report is old"

    async def _playlist_cache(self) -> None:
        control = (await self._get(self._lead.url)).headers.get("Cache-Control", "")
        age = [int(word.split("=")[1]) for word in control.replace(" ", "").split(",") if word.startswith("max-age=")]
        stays = "no-cache" not in control and "no-store" not in control and age and age[0] > self._lead.target
        assert not stays, f"a live playlist is cached for {age[0]} s"

    async def _segment_cache(self) -> None:
        control = (await self._get(self._lead.segments[-1].uri)).headers.get("Cache-Control", "")
        age = [int(word.split("=")[1]) for word in control.replace(" ", "").split(",") if word.startswith("max-age=")]
        assert max(age, default=0) >= 60, f"Cache-Control: {control!r}"

    async def _gzip(self) -> None:
        for url in (self._url, self._lead.url):
            async with self._session.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                await answer.read()
                assert answer.headers.get("Content-Encoding") == "gzip", f"{url} is not compressed"

    async def _ranges(self) -> None:
        url = self._lead.segments[-1].uri
        whole = (await self._get(url)).body
        answer = await self._get(url, Range="bytes=10-19")
        assert answer.status == 206, f"answered {answer.status}"
        assert answer.body == whole[10:20], "another range than asked"

    async def _cors(self) -> None:
        for url in (self._url, self._lead.url, self._lead.segments[-1].uri):
            headers = (await self._get(url, Origin="https://example.org")).headers
            assert headers.get("Access-Control-Allow-Origin") in {"*", "https://example.org"}, f"{url}"

    async def _keys(self) -> list[hls.Media]:
        if not self._master.iframes:
            raise NotOfferedError("no EXT-X-I-FRAME-STREAM-INF")
        return [await self._playlist(listed["URI"]) for listed in self._master.iframes]

    async def _iframes(self) -> None:
        for media in await self._keys():
            assert media.iframes_only, f"{media.url}: no EXT-X-I-FRAMES-ONLY"
            assert media.version >= 5, f"{media.url}: version {media.version}"
            assert any(segment.byte_range for segment in media.segments), f"{media.url}: no key frames"

    async def _pictures(self) -> None:
        for media in await self._keys():
            segment = next(s for s in reversed(media.segments) if s.byte_range)
            begin, size = segment.byte_range or (0, 0)
            answer = await self._get(segment.uri, Range=f"bytes={begin}-{begin + size - 1}")
            assert len(answer.body) == size, f"{segment.uri}: {len(answer.body)} bytes of {size}"
            head = (await self._get(segment.map)).body if segment.map else b""
            with av.open(io.BytesIO(head + answer.body)) as found:
                decoder = found.streams.video[0].codec_context
                # The range ends with its first sample; what the fragment lists beyond it is cut off.
                packet = next(packet for packet in found.demux(video=0) if packet.size)
                pictures = [*decoder.decode(packet), *decoder.decode(None)]
            assert len(pictures) == 1, f"{segment.uri}: {len(pictures)} pictures in the range"


async def check(url: str, session: aiohttp.ClientSession | None = None, only: Sequence[str] = ()) -> list[Result]:
    """All checks of a live stream, or some."""
    if session is not None:
        return await Checker(session, url).run(only)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as own:
        return await Checker(own, url).run(only)


def main() -> int:
    """Prints a line a check; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = asyncio.run(check(options.url))
    if options.json:
        print(json.dumps([result._asdict() for result in results], indent=1))
    else:
        for result in results:
            print(f"{result.outcome:5} {result.check:24} {result.detail}")
        failed = sum(result.outcome == "FAIL" for result in results)
        print(f"{len(results)} checks, {failed} failed")
    return int(any(result.outcome == "FAIL" for result in results))


if __name__ == "__main__":
    sys.exit(main())
