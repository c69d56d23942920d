"""Chat servers that a bench runs, each a process: `python -m tests.bench._chat_servers NAME`.

It prints its port; then each line `RATE SECONDS` on standard input makes it publish so much in one channel and answer `done`.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does

from live_gateway import ChatWorld, LiveGateway

SIZE = 100
"""Characters of a message."""


def text(sequence: int) -> str:
    """A message that says its number and when it was sent."""
    return f"#{sequence} {time.monotonic_ns()} ".ljust(SIZE, "x")


async def publish(send: Callable[[str], object]) -> None:
    """Publishes as standard input says."""
    sequence = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        rate, seconds = map(float, line.split())
        began, sent, total = time.monotonic(), 0, int(rate * seconds)
        while sent < total:
            due = int((time.monotonic() - began) * rate) + 1
            while sent < min(due, total):
                send(text(sequence))
                sequence += 1
                sent += 1
            await asyncio.sleep(0.001)
        print("done", flush=True)


async def ours() -> None:
    """The gateway, over a log in memory: each message is encoded, appended, read on another thread, decoded, rendered, sent."""
    world = ChatWorld()
    async with LiveGateway(world, capacity=20_000) as live:
        print(live.port, flush=True)
        await publish(world.say)


async def plain() -> None:
    """`websockets`: its server and its broadcast, without compression."""
    sockets: set[ServerConnection] = set()

    async def join(socket: ServerConnection) -> None:
        sockets.add(socket)
        await socket.wait_closed()
        sockets.discard(socket)

    async with serve(join, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4_096) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await publish(lambda message: broadcast(sockets, f'{{"text":"{message}"}}'))


if __name__ == "__main__":
    uvloop.run({"ours": ours, "websockets": plain}[sys.argv[1]]())
