"""A restricted channel is closed to strangers at every address, also where the edge has the object; a signed playback URL opens it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import aiohttp
import msgspec
import pytest
from live_channel import Channel, encoded, sound
from live_origin import LiveOrigin, World, profile

from infra.settings import Settings
from schemas.events import ClipReady, ClipRequested, VodArchived
from sinks.origin.app import SESSIONS
from streams.clock import now_us
from streams.edges.passes import LIFE_S, Passes
from streams.edges.sessions import Signer
from streams.privacy.master import MasterKeys
from streams.reading import whole
from streams.topics import BY_NAME
from tests.live_edge import serving

CLOSED_S = 10.0
"""A second of the check's age, the log, and a slow machine."""
ADDRESS = re.compile(r'(?:URI|media|initialization)="([^"]+)"|^([^#<\s]\S*)$', re.MULTILINE)


class House(NamedTuple):
    """The edge before an origin, and a channel that is live."""

    settings: Settings
    world: World
    channel: Channel
    client: aiohttp.ClientSession
    passes: Passes

    async def get(self, path: str) -> tuple[int, str, str]:
        """(status, text, what the cache had to do with it)."""
        async with self.client.get(path) as answer:
            return answer.status, (await answer.read()).decode(errors="replace"), answer.headers.get("X-Cache", "")

    def restrict(self, *, mature: bool = False, subscribers: bool = False) -> None:
        """As the owner does it."""
        self.world.publisher.publish(msgspec.structs.replace(profile(), mature=mature, watch_subscribers_only=subscribers))

    async def status(self, path: str, expected: int) -> int:
        """The status of an address, once it is the expected one or the time is over."""
        for _ in range(round(CLOSED_S * 10)):
            status, _, _ = await self.get(path)
            if status == expected:
                break
            await asyncio.sleep(0.1)
        return status

    def log(self) -> str:
        """What the edge has written."""
        return (self.settings.folder / "logs" / "edge.log").read_text()


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    world, channel = World(), Channel([encoded(), sound()], start_us=(now_us() // 2_000_000 - 4) * 2_000_000)
    world.publisher.publish(profile())
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(3))
    await recorded(world, channel)
    async with LiveOrigin(world, port=settings.ports.origin) as origin:
        place = ("127.0.0.1", settings.ports.sessions)
        reports, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: origin.app[SESSIONS], local_addr=place)
        passes = Passes(MasterKeys.at(settings.master_key_file).derived, settings.playback_key)
        url = f"http://127.0.0.1:{settings.ports.edge}"
        async with serving(settings), aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as client:
            yield House(settings, world, channel, client, passes)
        reports.close()


async def recorded(world: World, channel: Channel) -> None:
    """A VOD and a clip of the channel."""
    at = {"channel_id": channel.channel_id, "session_id": channel.session_id}
    about = {"login": "ana", "tier": "partner", "retention_days": 14, "started_at": 1, "ended_at": 2, "duration_ms": 1, "frame_rate": 30.0}
    made = {"width": 1280, "height": 720, "renditions": ("source",), "segments": 1, "size": 1, "documents": ()}
    await world.objects.put("42/v-1/manifest.m3u8", b"#EXTM3U\nsource/index.m3u8\n")
    await world.objects.put("42/v-1/source/index.m3u8", b"#EXTM3U\n00001.m4s\n")
    await world.objects.put("42/v-1/source/00001.m4s", b"segment")
    world.publisher.publish(VodArchived(vod_id="v-1", revision=1, **at, **about, **made))  # type: ignore[arg-type]
    asked = {"creator_id": "9", "source": "live", "ends_at": 1, "offset_ms": 0, "duration_ms": 5_000, "created_at": 1}
    world.publisher.publish(ClipRequested(channel_id="42", clip_id="c-1", attempt=1, **asked))  # type: ignore[arg-type]
    await world.objects.put("clips/c-1/video.mp4", b"clip")
    cut = {"begins_at": 1, "duration_ms": 5_000, "frames": 1, "copied": 1, "size": 4, "sha256": "", "address": "clips/c-1/video.mp4"}
    still = {"thumbnail_address": "clips/c-1/thumb.jpg", "thumbnail_size": 4, "thumbnail_sha256": ""}
    world.publisher.publish(ClipReady(clip_id="c-1", attempt=1, **at, **cut, **still))  # type: ignore[arg-type]


async def walked(house: House, begin: str) -> dict[str, tuple[str, str]]:
    """By address: text and cache status of everything that can be reached from some addresses, each of which must answer 200."""
    found: dict[str, tuple[str, str]] = {}
    due = [begin + path for path in ("master.m3u8", "master.m3u8?latency=normal", "manifest.mpd", "classic.m3u8", "rewind.m3u8")]
    due += [begin + "source/iframes.m3u8", begin.replace("live/ana", "vod/v-1") + "master.m3u8"]
    due.append(begin.replace("live/ana", "clips/c-1") + "video.mp4")
    while due:
        path = due.pop()
        if path in found or "$" in path:
            continue
        status, text, cache = await house.get(path)
        assert status == 200, (path, status, text[:200])
        found[path] = text, cache
        if re.search(r"\.m3u8|\.mpd", path):
            made = "\n".join(line for line in text.splitlines() if "PRELOAD-HINT" not in line)
            due += [urljoin(path, one[0] or one[1]) for one in ADDRESS.findall(made) if not (one[0] or one[1]).startswith("http")]
    return found


@pytest.mark.row("P13", "P14")
async def test_a_stranger_gets_403_everywhere_also_for_what_the_edge_has_and_a_pass_opens_all(house: House) -> None:
    plain = await walked(house, "/live/ana/")
    assert len([path for path in plain if path.startswith("/media/")]) > 30, "parts, segments, initialisation, MPEG-TS"
    on_disk = next(path for path in plain if re.fullmatch(r"/media/42/[^/]+/source/\d+\.m4s", path))
    stored = house.settings.objects_folder / Path(on_disk).relative_to("/media")  # type: ignore[operator]
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"on this machine's disk")
    assert (await house.get(on_disk))[1] == "on this machine's disk"

    house.restrict(subscribers=True)
    assert await house.status("/live/ana/source.m3u8", 403) == 403
    assert await house.status(on_disk, 403) == 403
    for path in plain:
        assert (await house.get(path))[0] == await house.status(path, 403) == 403, path
    assert '"restricted"' in (await house.get("/live/ana/master.m3u8"))[1]

    given = f"/~{house.passes.issue('42', 's')}"
    opened = await walked(house, f"{given}/live/ana/")
    stripped = {path.removeprefix(given) for path in opened}
    assert all(path.startswith(given) for path in opened), "everything is reached through the pass"
    for path in (path for path in plain if path.startswith("/media/")):
        assert path in stripped, path
        assert opened[given + path][1] in {"HIT", ""}, "media are cached once, for all"
    assert not any(given in text for text, _ in opened.values()), "no playlist has a pass in it"
    for path in plain:
        assert (await house.get(path))[0] == 403, "what was fetched with a pass is not open to others"

    house.restrict()
    assert await house.status("/live/ana/master.m3u8", 200) == 200
    assert await house.status(on_disk, 200) == 200


@pytest.mark.row("P13")
async def test_a_pass_that_is_over_altered_or_of_another_channel_opens_nothing(house: House) -> None:
    house.restrict(mature=True, subscribers=True)
    assert await house.status("/live/ana/source.m3u8", 403) == 403
    derive = MasterKeys.at(house.settings.master_key_file).derived
    whole = house.passes.issue("42", "ms")
    assert await house.status(f"/~{whole}/live/ana/source.m3u8", 200) == 200
    generation, channel, grants, expires, signature = whole.split(".")
    earlier = Passes(derive, 1, lambda: now_us() - (LIFE_S + 5) * 1_000_000)
    for given in (
        house.passes.issue("42", "m"),
        house.passes.issue("42", "s"),
        house.passes.issue("43", "ms"),
        earlier.issue("42", "ms"),
        Passes(derive, 2).issue("42", "ms"),
        Passes(lambda _: bytes(32), 1).issue("42", "ms"),
        ".".join((generation, channel, grants, str(int(expires) + 1), signature)),
        ".".join((generation, "43", grants, expires, signature)),
        ".".join((generation, channel, grants, expires, signature[:-2] + "AA")),
        ".".join(("7", channel, grants, expires, signature)),
        "nonsense",
    ):
        for path in ("/live/ana/source.m3u8", "/media/42/x/source/1.m4s", "/vod/v-1/master.m3u8", "/clips/c-1/video.mp4"):
            status, text, _ = await house.get(f"/~{given}{path}")
            assert status == (404 if given == "nonsense" else 403), (given, path, text[:200])
    older = house.passes.issue("42", "m")
    house.restrict(mature=True)
    assert await house.status(f"/~{older}/live/ana/source.m3u8", 200) == 200, "what was granted is held against what is required now"


@pytest.mark.row("P13")
@pytest.mark.parametrize(
    "path",
    [
        "//media/42/{}",
        "/./media/42/{}",
        "/x/../media/42/{}",
        "/%6dedia/42/{}",
        "/media%2f42/{}",
        "/media//42/{}",
        "/media/42%2f{}",
        "/media/043/../42/{}",
        "/~{pass43}/media/42/{}",
        "/~{pass43}/media/43/../42/{}",
        "/~{pass43}//media/42/{}",
        "/x/..%2fmedia/42/{}",
        "/MEDIA/42/{}",
        "/media/42/{}?X-Grant=42/ms",
    ],
)
async def test_no_spelling_of_an_address_leads_around_the_check(house: House, path: str) -> None:
    _, text, _ = await house.get("/live/ana/source.m3u8?latency=normal")
    segment = next(line for line in text.splitlines() if line.startswith("/media/42/"))
    assert (await house.get(segment))[0] == 200
    house.restrict(subscribers=True)
    assert await house.status(segment, 403) == 403
    raw = path.replace("{pass43}", house.passes.issue("43", "ms")).replace("{}", segment.removeprefix("/media/42/"))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.settings.ports.edge)
    writer.write(
        f"GET {raw} HTTP/1.1\r\nHost: edge\r\nX-Grant: 42/ms\r\nX-Place: channel/43\r\nX-Signed: 1\r\nConnection: close\r\n\r\n".encode()
    )
    status = int((await reader.read()).split()[1])
    writer.close()
    assert status in {403, 404}
    assert (await house.get("/access-check"))[0] == 404, "nobody asks but the edge"


@pytest.mark.row("P13", "E5")
async def test_passes_leave_no_trace_and_do_not_split_the_cache(house: House) -> None:
    house.restrict(mature=True)
    assert await house.status("/live/ana/source.m3u8", 403) == 403
    clock = iter(range(now_us(), now_us() + 60_000_000, 1_000_000))
    many = Passes(MasterKeys.at(house.settings.master_key_file).derived, 1, lambda: next(clock))
    given = [many.issue("42", "m") for _ in range(8)]
    assert len(set(given)) == 8
    signer = house.world.signer
    assert isinstance(signer, Signer)
    for each in given:
        token = signer.begin("42", "desktop")
        for path in (f"/live/ana/~{token}/source.m3u8", "/live/ana/source.m3u8", "/live/ana/manifest.mpd"):
            assert (await house.get(f"/~{each}{path}"))[0] == 200
    _, text, _ = await house.get(f"/~{given[0]}/live/ana/source.m3u8")
    segment = urljoin("/live/ana/source.m3u8", next(line for line in text.splitlines() if line.endswith(".m4s")))
    assert [(await house.get(f"/~{each}{segment}"))[2] for each in given].count("MISS") == 1
    await house.get(f"/~{given[0]}/live/ana/absent/source.m3u8")
    await asyncio.sleep(2.5)  # the edge writes its log every two seconds
    async with house.client.get("/api/channels/ana") as answer:
        told = await answer.text()
    assert '"subscribers_only":false' in told
    folder = house.settings.folder
    kept = [path for path in (folder / "edge").rglob("*") if path.is_file() and path.name != "nginx.conf"]
    assert len(kept) > 3
    places = {str(path): path.read_bytes() for path in kept} | {"log": house.log().encode(), "api": told.encode()}
    places |= {topic: b"".join(record.value or b"" for record in whole(house.world.log, topic)) for topic in BY_NAME}
    for each in given:
        for name, content in places.items():
            assert each.encode() not in content, name
            assert each.rpartition(".")[2].encode() not in content, name
    assert (folder / "edge" / "nginx.conf").stat().st_mode & 0o077 == 0
