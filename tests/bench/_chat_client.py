"""Many viewers of one chat in one process, as lean as Python can be: `python -m tests.bench._chat_client NAME PORT COUNT`.

Prints `ready` once all are in; a line on standard input ends it, and it prints a JSON object of what came.
"""

import json
import os
import re
import select
import socket
import struct
import sys
import time
from array import array
from typing import NamedTuple

import numpy as np

MESSAGE = re.compile(rb'"text":"#(\d+) (\d+) ')
PATHS = {"ours": "/chat", "websockets": "/", "centrifuge": "/connection/websocket"}
FIRST = {"ours": b'{"type":"join","channel":"ana"}', "websockets": b"", "centrifuge": b'{"id":1,"connect":{}}'}
"""What a viewer says once connected."""
FRAMES = 4_096
"""Newest frames known by their bytes: all viewers get the same."""
PING, PONG = 0x89, bytes((0x8A, 0x80)) + bytes(4)
"""RFC 6455, 5.5: a gateway gives up who has not answered for 90 s. Our pings are empty, and so is their answer, masked by 0."""


class Said(NamedTuple):
    """What a frame says."""

    number: int
    first: int
    last: int


def masked(payload: bytes) -> bytes:
    """A client's text frame, its mask 0."""
    return bytes((0x81, 0x80 | len(payload))) + bytes(4) + payload if payload else b""


class Viewers:
    """All of them."""

    def __init__(self, name: str, port: int, count: int) -> None:
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._sockets: dict[int, socket.socket] = {}
        self._rest: dict[int, bytes] = {}
        self._last: dict[int, int] = {}
        self._known: dict[bytes, Said | None] = {}
        self._messages: list[tuple[int, ...]] = []
        """By number of a frame the times of its messages."""
        self._firsts: list[int] = []
        """And the number of its first message; the others' follow on it."""
        self.when, self.what = array("d"), array("l")
        self.lost = self.repeated = self.closed = 0
        request = (
            f"GET {PATHS[name]} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        for begin in range(0, count, 200):
            group = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(200, count - begin))]
            for one in group:
                one.sendall(request)
            for one in group:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += one.recv(4_096)
                if b" 101 " not in head.split(b"\r\n")[0]:
                    raise SystemExit(head.decode(errors="replace"))
                self._rest[one.fileno()] = head.partition(b"\r\n\r\n")[2]
                one.sendall(masked(FIRST[name]))
                one.setblocking(False)
                self._sockets[one.fileno()] = one
                self._poll.register(one.fileno(), select.EPOLLIN)

    def run(self) -> None:
        """Receives until told to stop on standard input."""
        stdin = sys.stdin.fileno()
        known, rest = self._known, self._rest
        while True:
            for fd, _ in self._poll.poll():
                if fd == stdin:
                    return
                try:
                    data = os.read(fd, 262_144)
                except BlockingIOError:
                    continue
                now = time.monotonic()
                if not data:
                    self.closed += 1
                    self._poll.unregister(fd)
                    continue
                if not rest[fd] and data in known:  # one whole frame, which others got too
                    self._take(fd, known[data], now)
                else:
                    self._parse(fd, rest[fd] + data, now)

    def _parse(self, fd: int, data: bytes, now: float) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            size, head = data[at + 1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                if end - at < head:
                    break
                size = struct.unpack_from(">H" if head == 4 else ">Q", data, at + 2)[0]
            if end - at < head + size:
                break
            frame = data[at : at + head + size]
            at += head + size
            if frame[0] == PING:
                self._sockets[fd].send(PONG)
                continue
            if frame not in self._known:
                if len(self._known) >= FRAMES:
                    self._known.clear()
                self._known[frame] = self._read(frame)
            self._take(fd, self._known[frame], now)
        self._rest[fd] = data[at:]

    def _read(self, frame: bytes) -> Said | None:
        found = [(int(sequence), int(sent)) for sequence, sent in MESSAGE.findall(frame)]
        if not found:
            return None
        self._messages.append(tuple(sent for _, sent in found))
        self._firsts.append(found[0][0])
        return Said(len(self._messages) - 1, found[0][0], found[-1][0])

    def _take(self, fd: int, said: Said | None, now: float) -> None:
        if said is None:
            return
        number, first, last = said
        before = self._last.get(fd)
        if before is not None and first != before + 1:
            if first > before:
                self.lost += first - before - 1
            else:
                self.repeated += before - first + 1
        self._last[fd] = last
        self.when.append(now)
        self.what.append(number)

    def figures(self) -> dict[str, object]:
        """What came."""
        if not len(self.when):
            return {"deliveries": 0, "lost": self.lost, "repeated": self.repeated, "closed": self.closed}
        sizes = np.array([len(messages) for messages in self._messages])
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        sent = np.concatenate([np.array(messages) for messages in self._messages]) / 1e9
        what, when = np.frombuffer(self.what, dtype=np.int64), np.frombuffer(self.when)
        each = sizes[what]
        places = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        arrivals = np.repeat(when, each)
        delays = arrivals - sent[np.repeat(starts[what], each) + places]
        p50, p95, p99 = (float(round(value * 1e3, 2)) for value in np.percentile(delays, (50, 95, 99)))
        spread = _spread(np.repeat(np.array(self._firsts)[what], each) + places, arrivals)
        ends = np.array(list(self._last.values()))
        return {
            "deliveries": len(delays),
            "seconds": round(float(when[-1] - when[0]), 3),
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "max_ms": float(round(delays.max() * 1e3, 2)),
            "spread_p50_ms": float(round(np.percentile(spread, 50) * 1e3, 2)),
            "spread_p99_ms": float(round(np.percentile(spread, 99) * 1e3, 2)),
            "lost": self.lost + int((ends.max() - ends).sum()),
            "repeated": self.repeated,
            "closed": self.closed,
            "frames": len(when),
        }


def _spread(numbers: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
    """By message the time between the first viewer who has it and the last, seconds."""
    order = np.lexsort((arrivals, numbers))
    begins = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    ends = np.append(begins[1:], len(order)) - 1
    return arrivals[order][ends] - arrivals[order][begins]


if __name__ == "__main__":
    viewers = Viewers(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    print("ready", flush=True)
    while True:
        viewers.run()
        line = sys.stdin.readline()
        if not line:
            break
        print(json.dumps(viewers.figures()), flush=True)
        viewers.when, viewers.what = array("d"), array("l")
        viewers.lost = viewers.repeated = 0
