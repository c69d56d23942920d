"""How fast the origin is: playlists a second, and how long after a part's event its waiting viewers have the playlist.

`python -m tests.bench.origin [--json]`: one origin process on uvloop over a log in memory, one client process, loopback.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does

from live_channel import Channel, Made, dummy
from live_origin import LiveOrigin, World, profile

from schemas.events import PartProduced

VIEWERS = (1, 100, 1_000)
ROUNDS = 20
"""Parts awaited by each number of viewers."""
CONNECTIONS = 32
SECONDS = 3.0


class Figures(NamedTuple):
    """What was measured."""

    requests_per_second: dict[str, float]
    wake_ms: dict[int, dict[str, float]]
    """By number of waiting viewers: from publishing the part to the viewer's last byte, p50, p95 and worst."""


def ladder() -> Channel:
    """A full ladder of six renditions."""
    sizes = {"source": (1920, 1080), "720p60": (1280, 720), "480p30": (852, 480), "360p30": (640, 360), "160p30": (284, 160)}
    return Channel([*(dummy(name, *size) for name, size in sizes.items()), dummy("audio")])


def serve(control: Connection) -> None:
    """The origin's process: publishes the next source part at each word, and answers with the time just before."""

    async def run() -> None:
        world, channel = World(), ladder()
        world.publisher.publish(profile())
        world.publisher.publish(channel.started())
        await world.produce(channel.segments(32))
        async with LiveOrigin(world) as origin:
            control.send((origin.url, channel.next))
            parts = _source_parts(channel)
            while await asyncio.to_thread(control.recv):
                made = next(parts)
                for _, address, data in made:
                    await world.objects.put(address, data)
                began = time.perf_counter()
                for event, _, _ in made:
                    world.publisher.publish(event)
                control.send(began)

    uvloop.run(run())


def _source_parts(channel: Channel) -> Iterator[list[Made]]:
    """Events in groups that end with a part of the source."""
    group: list[Made] = []
    for made in itertools.chain.from_iterable(channel.segment() for _ in itertools.count()):
        group.append(made)
        if isinstance(made.event, PartProduced) and made.event.rendition == "source":
            yield group
            group = []


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One HTTP answer's body."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: origin\r\nAccept-Encoding: gzip\r\n\r\n".encode()


async def throughput(port: int, path: str) -> float:
    """Requests a second over a few connections that are kept open."""
    request, done, until = _request(path), 0, time.perf_counter() + SECONDS

    async def viewer() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            writer.write(request)
            await _answer(reader)
            done += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(viewer() for _ in range(CONNECTIONS)))
    return done / (time.perf_counter() - began)


async def wake(port: int, control: Connection, viewers: int, places: Iterator[tuple[int, int]]) -> dict[str, float]:
    """From publishing a part to each waiting viewer's whole answer, ms."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(viewers)]
    waits: list[float] = []

    async def viewer(reader: asyncio.StreamReader) -> float:
        await _answer(reader)
        return time.perf_counter()

    for _ in range(ROUNDS):
        sequence, part = next(places)
        for _, writer in streams:
            writer.write(_request(f"/live/ana/source.m3u8?_HLS_msn={sequence}&_HLS_part={part}"))
        waiting = [asyncio.create_task(viewer(reader)) for reader, _ in streams]
        await asyncio.sleep(0.05 + viewers / 2_000)  # until all wait
        control.send(True)
        began = await asyncio.to_thread(control.recv)
        waits += [(at - began) * 1_000 for at in await asyncio.gather(*waiting)]
    for _, writer in streams:
        writer.close()
    waits.sort()
    return {"p50": waits[len(waits) // 2], "p95": waits[len(waits) * 95 // 100], "max": waits[-1]}


async def measure() -> Figures:
    """Everything, on an origin of its own."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    url, first = await asyncio.to_thread(ours.recv)
    port = int(url.rpartition(":")[2])
    places = ((sequence, part) for sequence in itertools.count(first) for part in range(10))
    paths = {
        "media playlist": "/live/ana/source.m3u8",
        "delta update": "/live/ana/source.m3u8?_HLS_skip=YES",
        "master": "/live/ana/master.m3u8",
    }
    rates = {name: await throughput(port, path) for name, path in paths.items()}
    waits = {viewers: await wake(port, ours, viewers, places) for viewers in VIEWERS}
    ours.send(False)
    await asyncio.to_thread(server.join, 10)
    return Figures(rates, waits)


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = uvloop.run(measure())
    if options.json:
        print(json.dumps(figures._asdict(), indent=1))
        return
    for name, rate in figures.requests_per_second.items():
        print(f"{name:16} {rate:8.0f} requests/s")
    for viewers, found in figures.wake_ms.items():
        print(f"{viewers:5} waiting    p50 {found['p50']:7.2f} ms   p95 {found['p95']:7.2f} ms   max {found['max']:7.2f} ms")


if __name__ == "__main__":
    main()
