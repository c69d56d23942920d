"""The whole system and a browser, once for all browser tests, with a partner's channel that is live all the time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.chromium import chromium
from tests.glass import publishing
from tests.live import LADDER, Live, Stage, answers
from tests.system import System, running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Everything, as `./chronicast up --no-demo` starts it."""
    async with running(tmp_path_factory.mktemp("system") / "home") as system:
        yield system


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def live(system: System) -> AsyncIterator[Live]:
    """A partner's channel with its whole ladder, live through all tests."""
    account = await system.account("demo", "partner")
    async with publishing(account.rtmp_url):
        await answers(f"{system.url}/live/{account.login}/master.m3u8", LADDER[-1])
        yield Live(system, account.login, account.access_token)


@pytest_asyncio.fixture(loop_scope="session")
async def stage(system: System) -> AsyncIterator[Stage]:
    """Channels of a test's own."""
    stage = Stage(system)
    yield stage
    await stage.end()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go, to be looked at."""
    folder = Path(__file__).resolve().parents[2] / ".chronicast" / "shots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
