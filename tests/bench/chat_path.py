"""From sending to seeing, through all of it: `./chronicast bench chat_path [--rate 500] [--seconds 30]`.

The running system: edge, broker, chat fold, broker, gateway. Broadcasters write in their own rooms, whom no pace slows, each at an even
rate and all at their own time; a viewer of each room, in the same process, reads the time of sending out of the text. The tick and the
client's own share are in the figures. `--together` lets all write at the same moment, as at a goal: bursts of one message a room.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from infra.accounts import Account
from schemas.events import MessagePosted, PostMessage
from streams.log import Log, Record
from streams.outputs import SOURCE
from streams.topics import OF_EVENT
from tests.bench._machine import machine
from tests.chat_system import Chat, chatting, make
from tests.system import CpuMeter

EACH = 8
"""Messages a second of a connection: below what the edge takes of one, 10."""


WARM_S = 60
"""The first message of each makes a key, and the broker's JVM compiles what it does most: after 15 s p99 was 68 ms, after a minute 37."""
SERVICES = ("kafka", "chat", "moderation", "edge", "lake")
"""Whose CPU is told: of those that messages pass, and of the archive, which reads them."""
STAGES = ("edge and broker", "chat view and broker", "gateway")
"""Parts of the way, each by where it ends: the message can be read as a command, as an event, by the viewer."""


class Probe:
    """Reads both topics beside all others: when a message was there. On the tail's thread; what it costs is in the figures."""

    def __init__(self, log: Log) -> None:
        self.handed_in: dict[str, int] = {}
        self.decided: dict[str, int] = {}
        self._ids: dict[bytes, str] = {}
        self._commands, events = OF_EVENT[PostMessage].name, OF_EVENT[MessagePosted].name
        starts = {(topic, partition): end for topic in (self._commands, events) for partition, end in log.ends(topic).items()}
        self._tail = log.tail(starts, self._take)

    def close(self) -> None:
        """Ends it."""
        self._tail.close()

    def _take(self, records: Sequence[Record]) -> None:
        now = time.monotonic_ns()
        for record in records:
            headers = dict(record.headers)
            if record.topic == self._commands:
                message_id = headers["ce_id"].decode()
                self._ids[f"{record.topic}/{record.partition}/{record.offset}".encode()] = message_id
                self.handed_in[message_id] = now
            elif (message_id := self._ids.pop(headers.get(SOURCE, b"").rpartition(b"/")[0], "")) != "":
                self.decided[message_id] = now


class Room:
    """A broadcaster who writes, and a viewer who reads."""

    def __init__(self, writing: ClientConnection, reading: ClientConnection, login: str) -> None:
        self._writing, self._reading, self._login = writing, reading, login
        self.sent = 0
        self.refused = 0
        self.delays: list[float] = []
        self.seen: dict[str, tuple[int, int]] = {}
        """By message when it was sent and seen."""

    async def write(self, rate: float, seconds: float, ahead: float = 0) -> None:
        """At an even rate after so many seconds, whatever comes of it."""
        await asyncio.sleep(ahead)
        began = time.monotonic()
        while (due := began + self.sent / rate) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            said = {"type": "say", "channel": self._login, "text": f"{time.monotonic_ns()} said", "nonce": str(self.sent)}
            await self._writing.send(json.dumps(said))
            self.sent += 1

    async def read(self) -> None:
        """Until it is cancelled."""
        async for frame in self._reading:
            now = time.monotonic_ns()
            for event in json.loads(frame).get("events", ()):
                if event["type"] == "message":
                    sent = int(event["text"].split()[0])
                    self.delays.append((now - sent) / 1e6)
                    self.seen[event["id"]] = (sent, now)

    async def hear(self) -> None:
        """What the writer is answered."""
        async for frame in self._writing:
            self.refused += json.loads(frame)["type"] in ("refused", "error")


async def opened(chat: Chat, who: Account) -> Room:
    """A room with its two people in it."""
    writing, reading = [await connect(chat.url, compression=None, proxy=None) for _ in range(2)]
    await writing.send(json.dumps({"type": "hello", "token": who.access_token}))
    for socket in (writing, reading):
        await socket.send(json.dumps({"type": "join", "channel": who.login}))
        while json.loads(await socket.recv())["type"] != "joined":
            pass
    return Room(writing, reading, who.login)


async def measured(rate: float, seconds: float, home: Path, *, stages: bool, together: bool) -> dict[str, Any]:
    """Delays at a rate."""
    async with chatting(home) as chat:
        people = await asyncio.to_thread(make, chat.parts, *(f"room_{n}" for n in range(max(1, round(rate / EACH)))))
        await asyncio.sleep(1)  # until the gateway knows them
        rooms = [await opened(chat, who) for who in people]
        hearing = [asyncio.create_task(work()) for room in rooms for work in (room.read, room.hear)]
        each = rate / len(rooms)
        await asyncio.gather(*(room.write(each, WARM_S) for room in rooms))
        await asyncio.sleep(2)
        for room in rooms:
            room.sent, room.delays, room.seen = 0, [], {}
        probe = await asyncio.to_thread(Probe, chat.parts.log) if stages else None
        meters = {name: CpuMeter(chat.system.pids(name)) for name in SERVICES}
        apart = 0 if together else 1 / rate
        await asyncio.gather(*(room.write(each, seconds, n * apart) for n, room in enumerate(rooms)))
        cores = {name: round(meter.cores(), 2) for name, meter in meters.items()}
        await asyncio.sleep(3)
        for task in hearing:
            task.cancel()
        if probe is not None:
            await asyncio.to_thread(probe.close)
        delays = sorted(delay for room in rooms for delay in room.delays)
        cuts = statistics.quantiles(delays, n=100)
        return {
            "rate": rate,
            "rooms": len(rooms),
            "sent": sum(room.sent for room in rooms),
            "seen": len(delays),
            "refused": sum(room.refused for room in rooms),
            "p50_ms": round(cuts[49], 1),
            "p95_ms": round(cuts[94], 1),
            "p99_ms": round(cuts[98], 1),
            "max_ms": round(delays[-1], 1),
            "cores": cores,
            "stages": {} if probe is None else parts(probe, rooms),
            "machine": machine(),
        }


def parts(probe: Probe, rooms: Sequence[Room]) -> dict[str, dict[str, float]]:
    """How long each part of the way takes, milliseconds."""
    found: dict[str, list[float]] = {name: [] for name in STAGES}
    for room in rooms:
        for message_id, (sent, seen) in room.seen.items():
            if message_id in probe.decided:
                ends = (sent, probe.handed_in[message_id], probe.decided[message_id], seen)
                for name, begin, end in zip(STAGES, ends, ends[1:], strict=False):
                    found[name].append((end - begin) / 1e6)
    cuts = {name: statistics.quantiles(times, n=100) for name, times in found.items()}
    return {name: {"p50_ms": round(cut[49], 1), "p95_ms": round(cut[94], 1), "p99_ms": round(cut[98], 1)} for name, cut in cuts.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500, help="messages a second, over all rooms")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--together", action="store_true", help="all rooms at the same moment")
    parser.add_argument("--stages", action="store_true", help="also how long each part of the way takes")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ["CHRONICAST_CHAT_ADDRESS_RATE"] = str(10 * asked.rate)  # all of it comes from one address
    with tempfile.TemporaryDirectory(prefix="chronicast-chat-path-") as folder:
        found = asyncio.run(measured(asked.rate, asked.seconds, Path(folder) / "home", stages=asked.stages, together=asked.together))
    if asked.json:
        print(json.dumps(found))
        return
    print("| msg/s | rooms | sent | seen | refused | p50 | p95 | p99 | max ms |\n|---|---|---|---|---|---|---|---|---|")
    figures = ("rate", "rooms", "sent", "seen", "refused", "p50_ms", "p95_ms", "p99_ms", "max_ms")
    print("| " + " | ".join(str(found[name]) for name in figures) + " |")
    if asked.stages:
        print("\n| part of the way | p50 | p95 | p99 ms |\n|---|---|---|---|")
        for name, cut in found["stages"].items():
            print(f"| {name} | {cut['p50_ms']} | {cut['p95_ms']} | {cut['p99_ms']} |")
    print("\nCores: " + ", ".join(f"{name} {cores}" for name, cores in found["cores"].items()))
    print(f"\n{found['machine']}")


if __name__ == "__main__":
    main()
