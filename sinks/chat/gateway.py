"""The gateway's process part: listeners, the reading of the log, the ends of connections."""

import asyncio
import contextlib
import itertools
import random
import socket
import time
from collections.abc import Callable

import structlog

from schemas.event import Event
from schemas.wire import Codec
from sinks.chat.affinity import Fleet
from sinks.chat.client import Client
from sinks.chat.config import ChatConfig
from sinks.chat.dialect import Dialect
from sinks.chat.hall import MESSAGES, ROOM_STATES, Hall
from sinks.chat.lines import Lines
from sinks.chat.metrics import CONNECTIONS
from sinks.chat.missed import Missed
from sinks.chat.sending import Sending
from sinks.chat.websocket import Doors, WebSocket
from streams.edges.accounts import TOPICS as ACCOUNT_TOPICS
from streams.edges.accounts import Accounts
from streams.fold import At
from streams.follower import Follower
from streams.log import Log, Record
from streams.repeats import Repeats
from streams.topics import PARTITIONS

logger = structlog.get_logger()
BACKLOG = 4_096
"""Connections that wait to be accepted, as the kernel allows by default: clients of a gateway that died come at once."""
SWEEP_S = 1.0
"""Between two looks at slow and silent connections."""
GRACE = 0.25
"""Of `drain_s`, between a client's being told to come back and its end: some clients do it by themselves, and lose their way where the
close comes first (TwitchIO, twitchAPI)."""
FAREWELL_S = 3.0
"""For the last close frames at a stop."""
STARTS_S = 30.0
"""Between two questions where the log begins now."""


class Gateway:
    """One gateway. On one event loop."""

    def __init__(
        self,
        config: ChatConfig,
        log: Log,
        codec: Codec,
        sending: Sending,
        *,
        json: Dialect,
        irc: Dialect,
        accounts: Accounts | None = None,
    ) -> None:
        """`codec` opens texts: an `OpeningCodec` in production.

        `accounts` are kept here, and read by others too.
        """
        self._config = config
        self._log = log
        self.accounts = Accounts() if accounts is None else accounts
        fleet = Fleet(config.name, config.fleet, config.replicas, PARTITIONS[MESSAGES])
        self.hall = Hall(config, fleet, self.accounts, sending, Missed(log, codec, MESSAGES))
        self._doors = Doors(json, irc, register=self._register, lost=self._lost)
        self._clients: dict[Client, None] = {}
        self._numbers = itertools.count(1)
        self._servers: list[asyncio.Server] = []
        self._repeats = Repeats()
        self._caught_up = False
        self._closing = False
        self._empty = asyncio.Event()
        self._tending: asyncio.Task[None] | None = None
        self._follower = Follower(
            log,
            codec,
            (*ACCOUNT_TOPICS, ROOM_STATES, MESSAGES),
            self._apply,
            deleted=self.hall.deleted,
            partitions={MESSAGES: fleet.served},
            newest=config.newest,
            wanted=self._wanted,
        )

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._clients)

    def lacks(self) -> str:
        """Why it is not ready; empty where it is."""
        if self._closing:
            return "draining"
        return "" if self._caught_up else "reading the log"

    def lag(self) -> int:
        """Records on the log that have not been applied."""
        return self._follower.lag()

    def erased(self, subject: str) -> None:
        """A person's texts may not be shown any more. From any thread: for `KeyRing.watch`."""
        self._loop.call_soon_threadsafe(self.hall.forget, subject)

    async def start(self) -> None:
        """Reads what is on the log; then it may listen."""
        self._loop = asyncio.get_running_loop()
        self.hall.log_starts = await asyncio.to_thread(self._log.starts_at, MESSAGES, None)
        await self._follower.start()
        self._begin()
        self._caught_up = True
        self._tending = asyncio.create_task(self._tend())
        logger.info("the gateway is up to date", gateway=self._config.name)

    async def listen(self, host: str, port: int) -> int:
        """Takes WebSocket connections; the port."""
        return await self._listen(host, port, lambda: WebSocket(self.hall, next(self._numbers), self._doors))

    async def listen_lines(self, host: str, port: int) -> int:
        """Takes TCP connections of IRC; the port."""
        return await self._listen(host, port, lambda: Lines(self.hall, next(self._numbers), self._doors))

    async def close(self) -> None:
        """Takes no more connections, ends the ones there are over `drain_s`, each told a while before it is closed, stops reading."""
        self._closing = True
        if not self._clients:
            self._empty.set()
        for server in self._servers:
            server.close()
        clients = list(self._clients)
        random.shuffle(clients)
        grace = self._config.drain_s * GRACE
        for number, client in enumerate(clients):
            ahead = (self._config.drain_s - grace) * number / len(clients)
            self._loop.call_later(ahead, client.forewarn)
            self._loop.call_later(ahead + grace, client.close, 1012, "the gateway restarts")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain_s + FAREWELL_S):
                await self._empty.wait()
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        await self._follower.close()

    async def _listen(self, host: str, port: int, made: Callable[[], Client]) -> int:
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._config.reuse_port:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._config.send_buffer)
        listening.bind((host, port))
        listening.setblocking(False)
        self._servers.append(await asyncio.get_running_loop().create_server(made, sock=listening, backlog=BACKLOG))
        return int(listening.getsockname()[1])

    def _wanted(self, record: Record) -> bool:
        return record.topic != MESSAGES or self._repeats.fresh(record)

    def _apply(self, event: Event, at: At) -> None:
        if not self.hall.began:
            self._begin()
        self.hall.apply(event, at)

    def _begin(self) -> None:
        self.hall.began = {partition: offset for (topic, partition), offset in self._follower.starts.items() if topic == MESSAGES}

    def _register(self, client: Client) -> bool:
        """Whether there is room for it; it counts until it is lost."""
        full = len(self._clients) >= self._config.capacity or self._closing
        if not full:
            self._clients[client] = None
            CONNECTIONS.labels(client.kind).inc()
        return not full

    def _lost(self, client: Client) -> None:
        if client in self._clients:
            del self._clients[client]
            CONNECTIONS.labels(client.kind).dec()
            if self._closing and not self._clients:
                self._empty.set()

    async def _tend(self) -> None:
        """Every second: who is too slow, who is silent; now and then: where the log begins."""
        for turn in itertools.count(1):
            await asyncio.sleep(SWEEP_S)
            try:
                self._sweep(turn)
                if turn % STARTS_S == 0:
                    self.hall.sweep()
                    self.hall.log_starts = await asyncio.to_thread(self._log.starts_at, MESSAGES, None)
            except Exception:
                logger.exception("a sweep failed")

    def _sweep(self, turn: int) -> None:
        now, config = time.monotonic(), self._config
        for client in list(self.hall.slow):
            if client.slow_since is None:
                self.hall.slow.pop(client, None)
            elif client.slow(now, config.slow_s):
                client.close(4008, "too slow")
        slices = max(1, int(config.silent_s / SWEEP_S))
        for client in [client for client in self._clients if client.number % slices == turn % slices]:
            silent = now - client.heard
            if silent > 3 * config.silent_s:
                client.transport.abort()
            elif silent > config.silent_s and client.session is not None:
                client.ping()
                client.session.silent()
