"""What is killed under a running chat, and what came of it."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from infra.accounts import Account
from schemas.privacy_codec import OpeningCodec
from tests.broker.chat_verifying import Verdict, verify
from tests.chat_load import Attempt, Load, Sender, Watcher
from tests.chat_system import Chat, make
from tests.system import System

logger = structlog.get_logger()
SERVICES = {"moderation worker": "moderation", "gateway": "chat", "broker": "kafka"}
"""What is killed, and the process that it is."""
HEALTHY_S = 60.0
"""For the killed process to be ready again."""


class Fault(NamedTuple):
    """One kill."""

    name: str
    at: float
    """By time.monotonic()."""
    recovery_s: float
    """Until a message that was sent after it was accepted."""


class Run(NamedTuple):
    """What came of a load with faults."""

    verdict: Verdict
    attempts: list[Attempt]
    faults: list[Fault]
    resumed: int
    """Times that a viewer came back and went on where the token was."""
    not_resumed: int
    seconds: float

    @property
    def failed(self) -> list[Attempt]:
        """Messages that were not accepted though nothing was wrong with them."""
        return [attempt for attempt in self.attempts if attempt.outcome != "accepted"]


async def suffer(chat: Chat, senders: int, watchers: int, plan: Sequence[str], calm_s: float) -> Run:
    """Kills one after another while `senders` accounts write in three channels and as many viewers watch each."""
    channels = await asyncio.to_thread(make, chat.parts, *(f"hall_{n}" for n in range(3)))
    people = await asyncio.to_thread(make, chat.parts, *(f"writer_{n}" for n in range(senders)))
    load = Load(
        [Sender(chat.url, who, channels[n % 3].login, n) for n, who in enumerate(people)],
        [Watcher(chat.url, channel.login, n) for channel in channels for n in range(watchers)],
    )
    began = time.monotonic()
    load.start()
    await load.recovered(began)
    faults = []
    for name in plan:
        await asyncio.sleep(calm_s)
        faults.append(await kill(chat.system, load, name))
    await asyncio.sleep(calm_s)
    await load.stop()
    seconds = time.monotonic() - began
    verdict = await asyncio.to_thread(compare, chat, load, channels)
    resumed, not_resumed = (sum(getattr(w, name) for w in load.watchers) for name in ("resumed", "not_resumed"))
    return Run(verdict, load.attempts(), faults, resumed, not_resumed, seconds)


async def kill(system: System, load: Load, name: str) -> Fault:
    """SIGKILL, and the wait until messages are accepted again and the process is ready."""
    service = SERVICES[name]
    [pid] = system.pids(service)
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    logger.info("killed", what=name, process=pid)
    recovery = await load.recovered(began)
    while not any(state.name == service and state.phase == "ready" and state.pid != pid for state in system.run().services):
        assert time.monotonic() < began + HEALTHY_S, f"{service} is not ready again: {system.log(service)[-2000:]}"
        await asyncio.sleep(0.1)
    logger.info("recovered", what=name, seconds=round(recovery, 2))
    return Fault(name, began, recovery)


def compare(chat: Chat, load: Load, channels: Sequence[Account]) -> Verdict:
    """The verdict of the log, with a key ring of its own."""
    ring = chat.parts.keys("verifier")
    attempts = load.attempts()
    seen = {channel.id: [w.seen for w in load.watchers if w.channel == channel.login] for channel in channels}
    return verify(
        chat.parts.log,
        OpeningCodec(chat.parts.registry, ring),
        [attempt.message_id for attempt in attempts if attempt.outcome == "accepted" and attempt.message_id],
        [attempt.text for attempt in attempts if attempt.outcome == "unknown"],
        seen,
    )
