"""Fixtures of the broker tests: the system that chat is tried on, started once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chat_system import Chat, chatting


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chat(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chat]:
    """The running system with its people."""
    async with chatting(tmp_path_factory.mktemp("chat") / "home") as chat:
        yield chat
