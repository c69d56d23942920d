"""Live channels on a running system."""

import asyncio
import time
from datetime import datetime
from typing import Any, NamedTuple

import aiohttp

from tests.glass import Publisher
from tests.system import Account, System

LADDER = ["source", "480p30", "360p30", "160p30"]
"""What a partner gets from a 720p30 source."""


class Live(NamedTuple):
    """A channel that is live."""

    system: System
    login: str
    access_token: str
    """Its owner's."""

    @property
    def page(self) -> str:
        """Its page."""
        return f"{self.system.url}/{self.login}"

    def playlist(self, name: str = "master.m3u8") -> str:
        """One of its playlists."""
        return f"{self.system.url}/live/{self.login}/{name}"

    async def aged(self, seconds: float) -> None:
        """Waits until it has been live for so long."""
        began = datetime.fromisoformat((await self.channel())["started_at"]).timestamp()
        await asyncio.sleep(began + seconds - time.time())

    async def channel(self) -> dict[str, Any]:
        """What the API says of it."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.system.url}/api/channels/{self.login}") as answer:
            told: dict[str, Any] = await answer.json()
            return told


class Stage:
    """Channels of a test's own."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._publishers: list[Publisher] = []
        self._number = 0

    async def account(self, tier: str = "regular") -> Account:
        """A new channel, not live."""
        self._number += 1
        return await self.system.account(f"channel{self._number}_{time.time_ns() % 1_000_000}", tier)

    async def publish(self, account: Account) -> Publisher:
        """Brings it live; stopped at the test's end."""
        publisher = await Publisher.start(account.rtmp_url)
        self._publishers.append(publisher)
        await answers(f"{self.system.url}/live/{account.login}/master.m3u8", "#EXT-X-STREAM-INF")
        return publisher

    async def end(self) -> None:
        """Stops its publishers."""
        await asyncio.gather(*(publisher.stop() for publisher in self._publishers))


async def answers(url: str, text: str, seconds: float = 60) -> None:
    """Waits until an address answers with a text in it."""
    deadline = time.monotonic() + seconds
    async with aiohttp.ClientSession() as client:
        while time.monotonic() < deadline:
            async with client.get(url) as answer:
                if text in await answer.text():
                    return
            await asyncio.sleep(0.1)
    raise TimeoutError(f"{url} had no {text!r} within {seconds} s")
