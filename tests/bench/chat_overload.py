"""Chat that is offered more than it can decide: `./chronicast bench chat_overload [--rate 4000] [--seconds 60]`.

The running system, and a chat edge in this process, whose people write in a few rooms and heed no refusal. A flooder writes from one
address beside them. The chat worker is stopped for a part of each tenth of a second, so that it is too slow for sure. What was handed in
is looked for on the log: each message has one answer, however late.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import msgspec
import numpy as np

from infra.apps.chat_edge import chat_edge
from infra.settings import Settings
from schemas.events import MessagePosted, MessageRefused, ModeChanged
from schemas.wire import Codec
from streams.edges.accounts import TOPICS, Accounts
from streams.edges.chat.edge import ChatEdge
from streams.edges.chat.request import Origin, Person, ShedError
from streams.follower import Follower
from streams.log import Record
from streams.topics import OF_EVENT
from tests.bench._machine import machine
from tests.chat_system import Chat, chatting, make

ROOMS = 8
PAUSE_S = 1.6
"""Between two messages of one person: below 20 in 30 s."""
FLOOD = 500
"""Messages a second of the flooder, of which an address may hand in 100."""
FLOODER = Origin("203.0.113.9", 0)
EVERY_S = 5.0
"""Between two rows."""
DRAIN_S = 300.0
"""For the last answers."""
TURN_S = 0.02
AT_ONCE = 200
"""Messages until others on this loop have their turn; what the loop is late with is not offered."""
CYCLE_S = 0.1
MESSAGES = OF_EVENT[MessagePosted].name


class Answers:
    """What the chat view decided, and when this process read it. Written on the tail's thread."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.at: dict[str, float] = {}
        self.order: list[str] = []
        """Messages as they were answered."""
        self.outcomes: Counter[str] = Counter()
        self.contradicted = 0
        """Messages that two different things came of."""
        self.slowed = 0
        """Times that a room became slow by itself."""
        self._found: dict[str, str] = {}

    def take(self, records: Sequence[Record]) -> None:
        """Notes the first answer to each message; a worker's restart may repeat it."""
        now = time.monotonic()
        for record in records:
            event = self._codec.decode(record.value or b"")
            if isinstance(event, ModeChanged):
                self.slowed += event.moderator_id is None and bool(event.slow_seconds)
            elif isinstance(event, MessagePosted | MessageRefused):
                outcome = "posted" if isinstance(event, MessagePosted) else event.reason
                if self._found.setdefault(event.message_id, outcome) != outcome:
                    self.contradicted += 1
                elif event.message_id not in self.at:
                    self.at[event.message_id] = now
                    self.order.append(event.message_id)
                    self.outcomes[outcome] += 1


class Crowd:
    """People who write at an even rate, whatever they are told, and the flooder."""

    def __init__(self, edge: ChatEdge, channels: Sequence[str], rate: float) -> None:
        self._edge, self._channels, self._rate = edge, channels, rate
        self.people = [Person(str(1_000_000 + n), f"person_{n}", f"Person_{n}", "#35a7ff") for n in range(round(rate * PAUSE_S) + 1)]
        self.handed_in: dict[str, float] = {}
        self.shed: Counter[str] = Counter()
        self.offered = 0
        self._turns = self._everybody()

    def _everybody(self) -> Iterator[tuple[Person, str, Origin]]:
        while True:
            for n, who in enumerate(self.people):
                yield who, self._channels[n % ROOMS], Origin(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", n + 2)

    async def write(self, seconds: float) -> None:
        """For so long."""
        end, before, owed, flood = time.monotonic() + seconds, time.monotonic(), 0.0, 0.0
        while (now := time.monotonic()) < end:
            owed, flood = min(owed + (now - before) * self._rate, AT_ONCE), min(flood + (now - before) * FLOOD, AT_ONCE)
            before = now
            for _ in range(int(owed)):
                await self._say(*next(self._turns))
            for _ in range(int(flood)):
                await self._say(self.people[0], self._channels[0], FLOODER)
            owed, flood = owed % 1, flood % 1
            await asyncio.sleep(TURN_S)

    async def _say(self, who: Person, channel: str, origin: Origin) -> None:
        self.offered += 1
        began = time.monotonic()
        try:
            self.handed_in[await self._edge.say(who, channel, f"word {self.offered}", origin=origin)] = began
        except ShedError as cause:
            self.shed[str(cause).partition(".")[0]] += 1


class Slowed:
    """A process that may run for a share of the time, as on a slower machine; a context manager."""

    def __init__(self, pid: int, share: float) -> None:
        self._pid, self._share = pid, share
        self._over = Event()
        self._thread = Thread(target=self._turn, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _turn(self) -> None:
        while not self._over.wait(CYCLE_S * self._share):
            os.kill(self._pid, signal.SIGSTOP)
            self._over.wait(CYCLE_S * (1 - self._share))
            os.kill(self._pid, signal.SIGCONT)


class Book:
    """Rows of what happened between two looks."""

    def __init__(self, crowd: Crowd, answers: Answers) -> None:
        self._crowd, self._answers = crowd, answers
        self.rows: list[dict[str, Any]] = []
        self._before = Counter[str]()
        self._read = 0

    async def keep(self, edge: ChatEdge) -> None:
        """A row now and then, until cancelled; the edge hears of the answers meanwhile."""
        last, begun = time.monotonic(), 0
        while True:
            await asyncio.sleep(0.1)
            end = len(self._answers.order)
            for message_id in self._answers.order[self._read : end]:
                edge.answered(message_id)
            self._read = end
            if (passed := time.monotonic() - last) >= EVERY_S:
                self._row(self._answers.order[begun:end], passed)
                last, begun = time.monotonic(), end

    def _row(self, ids: Sequence[str], passed: float) -> None:
        crowd, answers = self._crowd, self._answers
        now = Counter({"offered": crowd.offered, "handed_in": len(crowd.handed_in), "posted": answers.outcomes["posted"]})
        delays = [answers.at[each] - crowd.handed_in[each] for each in ids if each in crowd.handed_in]
        self.rows.append(
            {
                **{name: round((now[name] - self._before[name]) / passed) for name in now},
                "answered": round(len(ids) / passed),
                "waiting": len(crowd.handed_in) - len(answers.at),
                "delay_p50_s": round(float(np.median(delays)), 2) if delays else None,
                "delay_max_s": round(max(delays), 2) if delays else None,
            }
        )
        self._before = now


async def offered(chat: Chat, rate: float, seconds: float, share: float) -> dict[str, Any]:
    """Overload, then the wait for the last answer."""
    settings: Settings = msgspec.structs.replace(chat.system.settings, node="overload")
    parts = chat.parts
    channels = [account.id for account in await asyncio.to_thread(make, parts, *(f"room_{n}" for n in range(ROOMS)))]
    keys = await asyncio.to_thread(parts.keys, "overload")
    publisher = await asyncio.to_thread(parts.publisher, "overload", keys)
    accounts = Accounts()
    following = Follower(parts.log, parts.codec, TOPICS, accounts.apply, deleted=accounts.deleted)
    await following.start()
    edge = chat_edge(settings, publisher, keys, accounts, "overload")
    edge.start()
    answers = Answers(parts.codec)
    crowd = Crowd(edge, channels, rate)
    await asyncio.gather(*(asyncio.wrap_future(keys.ready(who.user_id)) for who in crowd.people))
    ends = await asyncio.to_thread(parts.log.ends, MESSAGES)
    tail = parts.log.tail({(MESSAGES, partition): end for partition, end in ends.items()}, answers.take)
    book = Book(crowd, answers)
    keeping = asyncio.create_task(book.keep(edge))
    [worker] = chat.system.pids("moderation")
    with Slowed(worker, share):
        await crowd.write(seconds)
    over = time.monotonic()
    while len(answers.at) < len(crowd.handed_in) and time.monotonic() < over + DRAIN_S:
        await asyncio.sleep(0.2)
    drained = time.monotonic() - over
    await asyncio.sleep(EVERY_S)
    keeping.cancel()
    await asyncio.to_thread(tail.close)
    await edge.close()
    await following.close()
    delays = [answers.at[each] - began for each, began in crowd.handed_in.items() if each in answers.at]
    return {
        "rate": rate,
        "share": share,
        "seconds": seconds,
        "offered": crowd.offered,
        "shed": dict(crowd.shed),
        "handed_in": len(crowd.handed_in),
        "outcomes": dict(answers.outcomes),
        "lost": sum(each not in answers.at for each in crowd.handed_in),
        "contradicted": answers.contradicted,
        "rooms_slowed": answers.slowed,
        "delay_s": dict(
            zip(("p50", "p99", "max"), (round(float(value), 2) for value in np.percentile(delays, (50, 99, 100))), strict=True)
        ),
        "drained_s": round(drained, 1),
        "rows": book.rows,
        "machine": machine(),
    }


async def measured(rate: float, seconds: float, share: float, home: Path) -> dict[str, Any]:
    """The same on a system of its own."""
    async with chatting(home) as chat:
        return await offered(chat, rate, seconds, share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=4_000, help="messages a second that people offer")
    parser.add_argument("--seconds", type=float, default=60, help="of overload; 300 is the requirement's")
    parser.add_argument("--share", type=float, default=0.2, help="of the time that the chat worker may run")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="chronicast-chat-overload-")) / "home"  # stays where the run fails, with the logs
    result = asyncio.run(measured(asked.rate, asked.seconds, asked.share, home))
    home.parent.rmdir()
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        print("| offered/s | handed in/s | answered/s | posted/s | waiting | delay p50 s | at most |\n" + "|---" * 7 + "|")
        names = ("offered", "handed_in", "answered", "posted", "waiting", "delay_p50_s", "delay_max_s")
        for row in result["rows"]:
            print("| " + " | ".join("-" if row[name] is None else f"{row[name]:,}" for name in names) + " |")
        print(
            f"\n{result['offered']:,} offered in {result['seconds']:g} s, {result['handed_in']:,} handed in, shed {result['shed']}; "
            f"{result['lost']} lost, {result['contradicted']} answered in two ways; outcomes {result['outcomes']}; "
            f"rooms slowed {result['rooms_slowed']} times; delay {result['delay_s']} s; "
            f"the last answer {result['drained_s']} s after the end; on {result['machine']}"
        )
    if result["lost"] or result["contradicted"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
