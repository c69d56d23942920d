"""From sending to seeing, through all of it: `./chronicast bench chat_path [--rate 500] [--seconds 30]`.

The running system: edge, broker, chat fold, broker, gateway. Broadcasters write in their own rooms, whom no pace slows; a viewer of each
room, in the same process, reads the time of sending out of the text. The tick and the client's own share are in the figures.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from infra.accounts import Account
from tests.bench._machine import machine
from tests.chat_system import Chat, chatting, make

EACH = 8
"""Messages a second of a connection: below what the edge takes of one, 10."""


class Room:
    """A broadcaster who writes, and a viewer who reads."""

    def __init__(self, writing: ClientConnection, reading: ClientConnection, login: str) -> None:
        self._writing, self._reading, self._login = writing, reading, login
        self.sent = 0
        self.refused = 0
        self.delays: list[float] = []

    async def write(self, rate: float, seconds: float) -> None:
        """At an even rate, whatever comes of it."""
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
                    self.delays.append((now - int(event["text"].split()[0])) / 1e6)

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


async def measured(rate: float, seconds: float, home: Path) -> dict[str, Any]:
    """Delays at a rate."""
    async with chatting(home) as chat:
        people = await asyncio.to_thread(make, chat.parts, *(f"room_{n}" for n in range(max(1, round(rate / EACH)))))
        await asyncio.sleep(1)  # until the gateway knows them
        rooms = [await opened(chat, who) for who in people]
        hearing = [asyncio.create_task(work()) for room in rooms for work in (room.read, room.hear)]
        each = rate / len(rooms)
        await asyncio.gather(*(room.write(each, 5) for room in rooms))  # warms up: the first message of each makes a key
        await asyncio.sleep(2)
        for room in rooms:
            room.sent, room.delays = 0, []
        await asyncio.gather(*(room.write(each, seconds) for room in rooms))
        await asyncio.sleep(3)
        for task in hearing:
            task.cancel()
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
            "machine": machine(),
        }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500, help="messages a second, over all rooms")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ["CHRONICAST_CHAT_ADDRESS_RATE"] = str(10 * asked.rate)  # all of it comes from one address
    with tempfile.TemporaryDirectory(prefix="chronicast-chat-path-") as folder:
        found = asyncio.run(measured(asked.rate, asked.seconds, Path(folder) / "home"))
    if asked.json:
        print(json.dumps(found))
        return
    print("| msg/s | rooms | sent | seen | refused | p50 | p95 | p99 | max ms |\n|---|---|---|---|---|---|---|---|---|")
    figures = ("rate", "rooms", "sent", "seen", "refused", "p50_ms", "p95_ms", "p99_ms", "max_ms")
    print("| " + " | ".join(str(found[name]) for name in figures) + " |")
    print(f"\n{found['machine']}")


if __name__ == "__main__":
    main()
