"""The running system with people who chat."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from infra.accounts import Account, Accounts
from infra.parts import Parts
from schemas.event import Event
from streams.reading import whole
from streams.topics import OF_EVENT
from tests.chat_client import ChatClient
from tests.system import System, running


class Chat(NamedTuple):
    """The running system, and people."""

    system: System
    parts: Parts
    url: str
    """Of the JSON protocol."""
    owl: Account
    """A broadcaster."""
    people: list[Account]

    def at(self, who: Account | None = None) -> AbstractAsyncContextManager[ChatClient]:
        """A connection for a block."""
        return ChatClient.at(self.url, who.access_token if who else None)

    def events(self, kind: type[Event]) -> list:
        """All events of a type on the log, texts sealed."""
        decoded = (self.parts.codec.decode(record.value) for record in whole(self.parts.log, OF_EVENT[kind].name))
        return [event for event in decoded if isinstance(event, kind)]


def make(parts: Parts, *logins: str) -> list[Account]:
    """New accounts."""
    book = Accounts(parts.log, parts.codec, "account")
    return [book.create(login, "regular") for login in logins]


@asynccontextmanager
async def chatting(home: Path) -> AsyncIterator[Chat]:
    """The system for the block, with the broadcaster owl and with ann, bob and cat."""
    async with running(home) as system:
        with Parts(system.settings) as parts:
            owl, *people = make(parts, "owl", "ann", "bob", "cat")
            yield Chat(system, parts, f"ws://127.0.0.1:{system.settings.ports.edge}/chat", owl, people)
