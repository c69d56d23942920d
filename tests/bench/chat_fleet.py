"""One channel's chat on a fleet of gateways: who sees a message first and who last.

`./chronicast bench chat_fleet [--gateways 10] [--viewers 1000] [--seconds 60]`: the running system with so many gateway processes, among
which the kernel divides the viewers, and the broadcaster, who writes.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.bench._machine import machine
from tests.bench.chat_path import EACH
from tests.chat_system import Chat, chatting, make

LOGIN = "ana"
"""The channel that the viewers join."""
SIZE = 100
"""Characters of a message."""
FIRST = 1_000_000
"""Number of the first message: among smaller ones are some that are blocked terms."""
KNOWN_S = 30.0
"""For all gateways to know a new account, on a machine that has just started them."""
LATE_S = 2.0
"""For the last messages to be there."""


class Viewers:
    """A process of them."""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._count = port, count

    async def open(self) -> None:
        """Returns once all have joined."""
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        command = (sys.executable, "-m", "tests.bench._chat_client", "ours", str(self._port), str(self._count))
        self._process = await asyncio.create_subprocess_exec(*command, **pipes)
        assert await self._line() == "ready", "the viewers could not connect"

    async def figures(self) -> dict[str, Any]:
        """What came since the last call."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return dict(json.loads(await self._line()))

    async def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def _line(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()


class Broadcaster:
    """Writes at an even rate, over as many connections as that takes: no pace slows a broadcaster, but each connection has one."""

    def __init__(self, sockets: list[ClientConnection]) -> None:
        self._sockets = sockets
        self.sent = 0
        self.refused = 0

    @classmethod
    @asynccontextmanager
    async def of(cls, chat: Chat, token: str, rate: float) -> AsyncIterator["Broadcaster"]:
        """Signed in, for the block."""
        async with AsyncExitStack() as stack:
            sockets = []
            for _ in range(max(1, round(rate / EACH))):
                sockets.append(await stack.enter_async_context(connect(chat.url, compression=None, proxy=None)))
                await greeted(sockets[-1], token)
            made = cls(sockets)
            hearing = [asyncio.create_task(made.hear(socket)) for socket in sockets]
            try:
                yield made
            finally:
                for task in hearing:
                    task.cancel()

    async def write(self, rate: float, seconds: float) -> None:
        """For so long."""
        began, before = time.monotonic(), self.sent
        while (due := began + (self.sent - before) / rate) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            text = f"#{FIRST + self.sent} {time.monotonic_ns()} ".ljust(SIZE, "x")
            said = {"type": "say", "channel": LOGIN, "text": text, "nonce": str(self.sent)}
            await self._sockets[self.sent % len(self._sockets)].send(json.dumps(said))
            self.sent += 1

    async def hear(self, socket: ClientConnection) -> None:
        """Reads what the writer is told."""
        async for frame in socket:
            self.refused += json.loads(frame)["type"] in ("refused", "error")


async def greeted(socket: ClientConnection, token: str) -> None:
    """Signs in and joins."""
    for said, answer in (({"type": "hello", "token": token}, "welcome"), ({"type": "join", "channel": LOGIN}, "joined")):
        await socket.send(json.dumps(said))
        async with asyncio.timeout(10):
            while (told := json.loads(await socket.recv()))["type"] != answer:
                if told["type"] == "error":
                    raise SystemExit(f"the broadcaster is refused: {told}")


async def known(chat: Chat) -> None:
    """Returns once every gateway knows the channel, as far as thirty new connections tell."""
    async with asyncio.timeout(KNOWN_S):
        for _ in range(30):
            while True:
                async with connect(chat.url, compression=None, proxy=None) as socket:
                    await socket.send(json.dumps({"type": "join", "channel": LOGIN}))
                    if json.loads(await socket.recv())["type"] == "joined":
                        break
                await asyncio.sleep(0.2)


async def carried(chat: Chat, token: str, viewers: int, rate: float, seconds: float, times: int, warm_s: float = 5) -> dict[str, Any]:
    """What a load costs viewers, so many times one after another, and what of it they got."""
    watching = Viewers(chat.system.settings.ports.gateway, viewers)
    await watching.open()
    async with Broadcaster.of(chat, token, rate) as broadcaster:
        await broadcaster.write(rate, warm_s)  # warms up: the first message makes a key
        await asyncio.sleep(LATE_S)
        await watching.figures()
        before, refused, rows = broadcaster.sent, broadcaster.refused, []
        for turn in range(times):
            await broadcaster.write(rate, seconds)
            await asyncio.sleep(LATE_S if turn == times - 1 else 0)
            rows.append(await watching.figures())
            if not rows[-1]["deliveries"]:
                raise SystemExit(f"nothing came to the viewers: {rows[-1]}, {broadcaster.refused} messages were refused")
        sent, refused = broadcaster.sent - before, broadcaster.refused - refused
    await watching.close()
    deliveries = sum(row["deliveries"] for row in rows)
    return {
        "viewers": viewers,
        "sent": sent,
        "refused": refused,
        "deliveries": deliveries,
        "missing": (sent - refused) * viewers - deliveries,
        "times": rows,
    }


async def measured(gateways: int, viewers: int, seconds: float, times: int, home: Path) -> dict[str, Any]:
    """Delays and spreads."""
    os.environ["CHRONICAST_CHAT_GATEWAYS"] = str(gateways)
    async with chatting(home) as chat:
        [ana] = await asyncio.to_thread(make, chat.parts, LOGIN)
        await known(chat)
        found = await carried(chat, ana.access_token, viewers, EACH, seconds, times)
        return {"gateways": gateways, **found, "machine": machine()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=10)
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20, help="each time")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="chronicast-chat-fleet-")) / "home"  # stays where the run fails, with the logs
    result = asyncio.run(measured(asked.gateways, asked.viewers, asked.seconds, asked.times, home))
    home.parent.rmdir()
    if asked.json:
        print(json.dumps(result, indent=2))
        return
    print("| deliveries | p50 | p99 | first to last, p50 | p99 | lost | seen twice | closed |\n" + "|---" * 8 + "|")
    for row in result["times"]:
        delays = " | ".join(f"{row[key]} ms" for key in ("p50_ms", "p99_ms", "spread_p50_ms", "spread_p99_ms"))
        print(f"| {row['deliveries']:,} | {delays} | {row['lost']} | {row['repeated']} | {row['closed']} |")
    print(f"\n{result['gateways']} gateways, {result['viewers']:,} viewers of one channel, {result['sent']} messages sent, ", end="")
    print(f"{result['refused']} refused, {result['deliveries']:,} deliveries, {result['missing']} missing; on {result['machine']}")


if __name__ == "__main__":
    main()
