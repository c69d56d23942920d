"""Messages a second that one process decides: `./chronicast bench chat_fold [--messages N] [--batch N]`.

Through the runner as the chat worker has it: sealed records in, texts opened, all rules, outputs sealed, rows in RocksDB. The log is in
memory, so that the broker's and its client's share, which `bench runner` measures, is left out.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

from processors.chat import CHAT
from schemas.events import ChangeMode, ChangeTerm, PostMessage
from schemas.privacy_codec import SealedCodec
from schemas.registry import LocalRegistry
from streams.log import Outgoing, Record
from streams.log_memory import MemoryLog
from streams.privacy.folds import fold_codec, keyed_fold
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KeyRing
from streams.runner import Runner
from streams.store_rocksdict import RocksStores
from tests.bench._machine import machine
from tests.simulation.counting import preloaded

TOPIC = "chat.message.commands.v1"
BEGAN = 1_700_000_000_000_000
SECOND_US = 1_000_000
USERS = 5_000
COLLECT_AFTER = 50_000
"""As the worker sets it (infra/apps/folds.py)."""
VOCABULARY = (
    "the a to is and you that it of for in on this was my so but just have not with be he what are do we at me like no if can all get one "
    "go good how his they your now from too out game play stream team win lose nice wow lol chat here there who when why think time love "
    "hate really never always again back up down left right run jump shoot boss level song music sound video quality lag today tomorrow "
    "tonight morning everybody hello hi thanks please sorry ok okay yeah yes nope maybe chroniHype chroniLol chroniGG :) <3"
)
WORDS = VOCABULARY.split()
"""What the texts are made of, the likeliest first."""
WEIGHTS = [1 / rank for rank in range(1, len(WORDS) + 1)]


class Case(NamedTuple):
    """What is measured."""

    name: str
    channels: int
    unique: bool = False


CASES = (Case("1 channel", 1), Case("200 channels", 200), Case("200 channels, terms and unique chat", 200, unique=True))


class Bench:
    """Records as an edge appends them."""

    def __init__(self, messages: int) -> None:
        self.registry = preloaded(LocalRegistry())
        self.log = MemoryLog()
        self.ring = KeyRing(self.log, SealedCodec(self.registry), MasterKeys([secrets.token_bytes(32)]), "bench-1")
        self.ring.start()
        self.codec = SealedCodec(self.registry, self.ring)
        self._rng = Random(7)
        self._weights = list(accumulate(WEIGHTS))
        self.users = [str(100_000 + n) for n in range(USERS)]
        for user in self.users:
            self.ring.ready(user).result(10)
        self.messages = messages

    def text(self) -> str:
        """A few words; one message in ten has one that was never said."""
        words = self._rng.choices(WORDS, cum_weights=self._weights, k=1 + min(19, int(self._rng.expovariate(1 / 6))))
        if self._rng.random() < 0.1:
            words.append(f"{self._rng.choice(WORDS)}{self._rng.randrange(10_000)}")
        return " ".join(words)

    def records(self, case: Case) -> list[Record]:
        """A partition of commands. Each user writes every USERS/1,000 s, so nearly all is taken."""
        events: list[tuple[str, int, object]] = []
        channels = [str(n + 1) for n in range(case.channels)]
        if case.unique:
            for channel in channels:
                mode = ChangeMode(event_id=f"u{channel}", channel_id=channel, moderator_id=channel, unique_chat=True)
                term = ChangeTerm(event_id=f"t{channel}", channel_id=channel, moderator_id=channel, term="bananarama", blocked=True)
                events += [(channel, BEGAN, mode), (channel, BEGAN, term)]
        for n in range(self.messages):
            user, channel = self.users[n % USERS], self._rng.choice(channels)
            message = PostMessage(
                event_id=f"0b0f9a1e-1b1c-4c1c-8c1c-{n:012x}",
                occurred_at=BEGAN + n * 1_000,
                producer="edge-1",
                correlation_id=f"0b0f9a1e-1b1c-4c1c-8c1c-{n:012x}",
                channel_id=channel,
                message_id=f"0b0f9a1e-1b1c-4c1c-8c1c-{n:012x}",
                user_id=user,
                user_login=f"login_{user}",
                display_name=f"Login_{user}",
                text=self.text(),
                color="#ff4f6d",
            )
            events.append((channel, message.occurred_at, message))
        return [
            Record(TOPIC, 0, offset, key.encode(), self.codec.encode(TOPIC, event), (), time // 1_000)  # type: ignore[arg-type]
            for offset, (key, time, event) in enumerate(events)
        ]

    def decode(self, records: Sequence[Record]) -> float:
        """Seconds for decoding and opening alone."""
        codec = fold_codec(keyed_fold(CHAT, self.codec), self.codec)
        began = time.process_time()
        for record in records:
            codec.decode(record.value or b"")
        return time.process_time() - began

    async def fold(self, records: Sequence[Record], batch: int, folder: Path) -> tuple[float, float, Counter[str]]:
        """Wall seconds, processor seconds, outputs by type."""
        sent: list[Outgoing] = []

        async def append(outputs: Sequence[Outgoing]) -> None:
            sent.extend(outputs)

        runner = Runner(CHAT, self.log, self.codec, RocksStores(folder), append=append)
        await runner.open(0)
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        for at in range(0, len(records), batch):
            await runner.run_batch(0, records[at : at + batch])
        took = time.perf_counter() - began, time.process_time() - cpu
        await runner.close(0)
        kinds = Counter(dict(one.headers)["ce_type"].decode().rpartition(".")[2] for one in sent)
        return *took, kinds


def main() -> None:
    """Measures each case."""
    arguments = argparse.ArgumentParser(prog="bench chat_fold")
    arguments.add_argument("--messages", type=int, default=60_000)
    arguments.add_argument("--batch", type=int, default=500, help="records a batch: what comes within 25 ms at 20,000/s")
    arguments.add_argument("--profile", action="store_true", help="where the time goes, of the second case")
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    gc.set_threshold(COLLECT_AFTER)
    bench = Bench(asked.messages)
    found = {}
    print("| | messages/s | us of processor a message | of it decoding and opening | refused or held |\n|---|---|---|---|---|")
    for case in CASES:
        records = bench.records(case)
        with tempfile.TemporaryDirectory() as folder:
            if asked.profile and case is CASES[1]:
                profiler = cProfile.Profile()
                profiler.enable()
            wall, cpu, kinds = asyncio.run(bench.fold(records, asked.batch, Path(folder)))
            if asked.profile and case is CASES[1]:
                profiler.disable()
                pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
        opening = bench.decode(records)
        other = sum(count for kind, count in kinds.items() if kind in ("MessageRefused", "MessageHeld"))
        count = len(records)
        found[case.name] = {
            "messages_per_s": round(count / wall),
            "cpu_us": round(cpu / count * 1e6, 1),
            "decode_us": round(opening / count * 1e6, 1),
            "outputs": kinds,
        }
        print(f"| {case.name} | {count / wall:,.0f} | {cpu / count * 1e6:.1f} | {opening / count * 1e6:.1f} | {other / count:.1%} |")
    print(f"\n{asked.messages:,} messages of {USERS:,} users in batches of {asked.batch}. {machine()}.")
    bench.ring.close()
    bench.log.close()
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
