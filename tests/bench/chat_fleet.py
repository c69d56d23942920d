"""One channel's chat on a fleet of gateways: who sees a message first and last, and what a viewer who takes nothing costs the others.

`./chronicast bench chat_fleet [--gateways 10] [--viewers 1000] [--seconds 60]`: the running system with so many gateway processes, among
which the kernel divides the viewers. The broadcaster writes; a part of the time one more viewer is connected who reads nothing.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.bench._chat_client import masked
from tests.bench._machine import machine
from tests.bench.chat_path import EACH
from tests.chat_system import chatting, make

LOGIN = "ana"
"""The channel that the viewers join."""
TEXT = "x" * 440
"""Nearly as long as a message may be (500): the buffers of one who takes nothing are full after half a minute."""


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


async def write(writing: ClientConnection, seconds: float, begin: int) -> int:
    """At an even rate; the number of the next message."""
    began = time.monotonic()
    number = begin
    while (due := began + (number - begin) / EACH) < began + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        text = f"#{number} {time.monotonic_ns()} {TEXT}"
        await writing.send(json.dumps({"type": "say", "channel": LOGIN, "text": text, "nonce": str(number)}))
        number += 1
    await asyncio.sleep(1)
    return number


def stalled(port: int) -> socket.socket:
    """A viewer who joins and reads nothing more. Its buffer is the smallest there is."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    made.connect(("127.0.0.1", port))
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    made.sendall(f"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}".encode())
    made.sendall(masked(json.dumps({"type": "join", "channel": LOGIN}).encode()))
    return made


def ended(idle: socket.socket) -> bool:
    """Whether the gateway has closed a connection, by what is left in it."""
    idle.settimeout(1)
    try:
        while idle.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    finally:
        idle.close()
    return True


async def measured(gateways: int, viewers: int, seconds: float, home: Path) -> dict[str, Any]:
    """Delays and spreads, without and with one who takes nothing, in turn."""
    os.environ["CHRONICAST_CHAT_GATEWAYS"] = str(gateways)
    async with chatting(home) as chat:
        [ana] = await asyncio.to_thread(make, chat.parts, LOGIN)
        await asyncio.sleep(1)  # until the gateways know her
        port = chat.system.settings.ports.gateway
        watching = Viewers(port, viewers)
        await watching.open()
        found: dict[str, list[dict[str, Any]]] = {"alone": [], "beside_one_stalled": []}
        async with connect(chat.url, compression=None, proxy=None) as writing:
            await writing.send(json.dumps({"type": "hello", "token": ana.access_token}))
            await writing.send(json.dumps({"type": "join", "channel": LOGIN}))
            hearing = asyncio.create_task(drain(writing))
            number = await write(writing, 5, 0)
            await watching.figures()
            for name in ("alone", "beside_one_stalled") * 2:
                idle = stalled(port) if name != "alone" else None
                number = await write(writing, seconds, number)
                found[name].append(await watching.figures())
                if idle is not None:
                    found[name][-1]["stalled_closed"] = ended(idle)
            hearing.cancel()
        await watching.close()
        return {"gateways": gateways, "viewers": viewers, "messages": number, **found, "machine": machine()}


async def drain(writing: ClientConnection) -> None:
    """Reads what the writer is told."""
    async for _ in writing:
        pass


def said(row: dict[str, Any]) -> str:
    """What became of the one who takes nothing."""
    return {None: "-", True: "closed", False: "open"}[row.get("stalled_closed")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=10)
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=60, help="each of four times")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="chronicast-chat-fleet-")) / "home"
    result = asyncio.run(measured(asked.gateways, asked.viewers, asked.seconds, home))
    home.parent.rmdir()
    if asked.json:
        print(json.dumps(result, indent=2))
        return
    print("| | deliveries | p50 | p99 | first to last, p50 | p99 | lost | closed | the stalled one |")
    print("|---" * 9 + "|")
    for name in ("alone", "beside_one_stalled"):
        for row in result[name]:
            times = " | ".join(f"{row[key]} ms" for key in ("p50_ms", "p99_ms", "spread_p50_ms", "spread_p99_ms"))
            print(f"| {name.replace('_', ' ')} | {row['deliveries']:,} | {times} | {row['lost']} | {row['closed']} | {said(row)} |")
    print(f"{result['gateways']} gateways, {result['viewers']:,} viewers of one channel, on {result['machine']}")


if __name__ == "__main__":
    main()
