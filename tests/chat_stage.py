"""Chat in one process on a log in memory: accounts, the edge, and the folds that decide, live."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra.accounts import Account
from infra.accounts import Accounts as AccountBook
from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.edges.accounts import TOPICS, Accounts
from streams.edges.chat.edge import ChatEdge
from streams.fold import Fold
from streams.follower import Follower
from streams.log import Record
from streams.log_memory import MemoryLog
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher
from streams.runner import Runner
from streams.store_memory import MemoryStores
from streams.topics import PARTITIONS


class LiveFold:
    """A fold that follows a log in memory."""

    def __init__(self, fold: Fold, log: MemoryLog, codec: Codec) -> None:
        self._log = log
        self._runner = Runner(fold, log, codec, MemoryStores())
        self._delivered: asyncio.Queue[Sequence[Record]] = asyncio.Queue()

    async def start(self) -> None:
        """Folds what is there, and then what comes."""
        loop = asyncio.get_running_loop()
        topic = self._runner.topic
        starts = {(topic, partition): await self._runner.open(partition) for partition in range(PARTITIONS[topic])}
        self._tail = self._log.tail(starts, lambda records: loop.call_soon_threadsafe(self._delivered.put_nowait, records) and None)
        self._work = asyncio.create_task(self._fold())

    async def close(self) -> None:
        """Ends; raises what the fold failed by."""
        await asyncio.to_thread(self._tail.close)
        self._work.cancel()
        [ended] = await asyncio.gather(self._work, return_exceptions=True)
        if ended is not None and not isinstance(ended, asyncio.CancelledError):
            raise ended

    async def _fold(self) -> None:
        while True:
            records = await self._delivered.get()
            for partition in dict.fromkeys(record.partition for record in records):
                await self._runner.run_batch(partition, [record for record in records if record.partition == partition])


class ChatStage:
    """Everything that a gateway or the API works with."""

    def __init__(self, folder: Path) -> None:
        self.registry = LocalRegistry()
        self.log = MemoryLog()
        self.ring = KeyRing(self.log, Codec(self.registry), MasterKeys.at(folder / "master.key"), "chat-1")
        self.codec = OpeningCodec(self.registry, self.ring)
        """Opens everything."""
        self.publisher = Publisher(self.log, SealedCodec(self.registry, self.ring), "chat-1")
        self.book = AccountBook(self.log, SealedCodec(self.registry), "account")
        self.accounts = Accounts()
        self.edge = ChatEdge(self.publisher, self.ring, self.accounts, "chat-1")

    async def account(self, login: str) -> Account:
        """A new account, known to the edge."""
        made = self.book.create(login, "regular")
        while self.accounts.by_login(login) is None:
            await asyncio.sleep(0.005)
        return made


@asynccontextmanager
async def staged(folder: Path, folds: Iterable[Fold]) -> AsyncIterator[ChatStage]:
    """The stage for the block, with some folds that decide."""
    stage = ChatStage(folder)
    stage.ring.start()
    follower = Follower(stage.log, stage.codec, TOPICS, stage.accounts.apply, deleted=stage.accounts.deleted)
    await follower.start()
    stage.edge.start()
    lives = [LiveFold(fold, stage.log, stage.codec) for fold in folds]
    for live in lives:
        await live.start()
    try:
        yield stage
    finally:
        for live in lives:
            await live.close()
        await stage.edge.close()
        await follower.close()
        stage.ring.close()
        stage.log.close()
