"""Chat moderated again: what another policy decides, beside what was recorded, and not a byte more on the log."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from infra.remoderation import COMMANDS, EVENTS, Plan, remoderate
from processors.chat import CHAT
from processors.chat.policy import LIVE, Policy
from processors.chat.shares import Share
from processors.chat.text.automod import FILE, LEVELS, Model
from processors.chat.whatif import HELD, PASSED, PASSED_WRONGLY, STOPPED_RIGHTLY, Report
from schemas.events import ChangeTerm, DeleteMessage, MessageHeld, MessagePosted, PostMessage, ReviewMessage, SanctionUser
from schemas.privacy_codec import SealedCodec
from schemas.registry import LocalRegistry
from sinks.lake.lake import Lake
from streams.lake.shelf import Shelf
from streams.log_joined import JoinedLog
from streams.log_lake import LakeLog
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KEYS, KeyRing
from streams.publisher import Publisher
from streams.replay.partition import Connection
from streams.replay.ranges import Moment, ranges
from streams.runner import Runner
from streams.snapshots import Snapshots
from streams.store_rocksdict import RocksStores
from streams.topics import PARTITIONS
from tests.cut_log import CutLog

pytestmark = pytest.mark.row("E11", "M3")
BEGAN = 1_700_000_000_000_000
SECOND = 1_000_000
CHANNELS, USERS, MESSAGES = 3, 12, 600
TEXTS = (
    "good game",
    "what a play",
    "shut up you idiot",
    "you are the worst, idiot",
    "buy my pancakes",
    "nice hat",
    "kys loser",
    "so tired of this idiot",
)


class Reading:
    """A log that can be read and nothing else: what has no producer and no group."""

    def __init__(self, log: MemoryLog) -> None:
        self.read, self.starts_at, self.ends = log.read, log.starts_at, log.ends


class Stage:
    """Rooms in which people talk, with moderators who answer, decided by the live view."""

    def __init__(self, folder: Path) -> None:
        self.log, self.registry, self.folder = CutLog(), LocalRegistry(), folder
        self.ring = KeyRing(self.log, SealedCodec(self.registry), MasterKeys.at(folder / "master.key"), "edge-1")
        self.ring.start()
        self.codec = SealedCodec(self.registry, self.ring)
        self.said: dict[str, PostMessage] = {}
        self._publisher = Publisher(self.log, self.codec, "edge-1")
        self.snapshots: Snapshots | None = None

    def command(self, event, second: float) -> None:
        name = f"e{second}"
        self._publisher.publish(msgspec.structs.replace(event, event_id=name, occurred_at=BEGAN + round(second * SECOND))).result(5)

    def talk(self) -> None:
        rng = Random(7)
        users = [str(1_000 + number) for number in range(USERS)]
        for user in users:
            self.ring.ready(user).result(5)
        for channel in range(1, CHANNELS + 1):
            self.command(
                ChangeTerm(channel_id=str(channel), moderator_id=str(channel), term="pancakes", blocked=channel == 1), channel / 10
            )
        for number in range(MESSAGES):
            channel, user = str(1 + number % CHANNELS), users[number % USERS]
            text = f"{rng.choice(TEXTS)} {number}"
            about = {"user_login": f"u{user}", "display_name": f"U{user}", "text": text}
            message = PostMessage(channel_id=channel, message_id=f"m{number}", user_id=user, **about)
            self.said[message.message_id] = message
            self.command(message, 10 + number * 2)

    def fold(self, *, every: int = 10_000_000) -> None:
        """The live view over all commands; its outputs go on the log."""
        self.snapshots = Snapshots(StoredObjects.at((self.folder / "objects").as_uri()), [CHAT])

        async def run() -> None:
            runner = Runner(CHAT, self.log, self.codec, RocksStores(self.folder / "live", snapshots=self.snapshots, every=every))
            for partition, end in self.log.ends(COMMANDS).items():
                start = await runner.open(partition)
                for batch in self.log.read(COMMANDS, partition, start, end):
                    for low in range(0, len(batch), 50):
                        await runner.run_batch(partition, batch[low : low + 50])
                await runner.close(partition)

        asyncio.run(run())

    def recorded(self, kind: type) -> list:
        """Events of a kind that the live view sent."""
        records = (r for p, end in self.log.ends(EVENTS).items() for batch in self.log.read(EVENTS, p, 0, end) for r in batch)
        return [event for event in (self.codec.decode(record.value) for record in records) if isinstance(event, kind)]

    def again(self, policy: Policy, since: float | None = None, snapshots: Snapshots | None = None) -> Report:
        connection = Connection(Reading(self.log), self.codec, self.registry, snapshots)
        start = None if since is None else Moment((BEGAN + round(since * SECOND)) // 1_000)
        return remoderate(Plan(ranges(connection.source, COMMANDS, start, None), policy, samples=4), lambda: connection, processes=1)

    def contents(self) -> dict:
        return {(topic, partition): list(records) for topic, all_of in self.log._topics.items() for partition, records in enumerate(all_of)}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("chat"))
    made.talk()
    made.fold(every=60)
    yield made
    made.ring.close()
    made.log.close()


@pytest.mark.parametrize("since", [None, 700.0])
@pytest.mark.parametrize("from_snapshot", [False, True])
def test_the_live_policy_decides_again_as_was_recorded_wherever_the_period_begins(
    stage: Stage, since: float | None, from_snapshot: bool
) -> None:
    report = stage.again(LIVE, since, stage.snapshots if from_snapshot else None)
    assert report.messages == (MESSAGES if since is None else MESSAGES - 345)
    assert report.as_recorded == report.messages
    assert report.before == report.after
    assert min(report.before[HELD], report.before[PASSED], report.before["refused: blocked_term"]) > 0
    assert not report.changes
    assert (report.unreadable, report.unrecorded) == (0, 0)


def test_a_term_is_blocked_in_every_channel_and_where_it_was_it_may_be_allowed(stage: Stage) -> None:
    pancakes = [message for message in stage.said.values() if "pancakes" in message.text]
    elsewhere = Counter(message.channel_id for message in pancakes if message.channel_id != "1")
    blocked = stage.again(Policy(blocked=("pancakes",)))
    kind = (PASSED, "refused: blocked_term")
    assert blocked.changes[kind] == elsewhere.total()
    # What is refused counts no more for what AutoMod thinks of the room, so others are held that were not; nothing else follows.
    assert set(blocked.changes) <= {kind, (PASSED, HELD), (HELD, PASSED)}
    assert blocked.channels["1"].meant == 0
    assert all(blocked.channels[name].meant >= count for name, count in elsewhere.items())
    assert {sample.message_id for sample in blocked.samples[kind]} <= {message.message_id for message in pancakes}
    assert len(blocked.samples[kind]) == 4
    allowed = stage.again(Policy(allowed=("Pancakes",)))
    assert allowed.before["refused: blocked_term"] == len(pancakes) - elsewhere.total()
    assert allowed.after["refused: blocked_term"] == 0


def test_what_has_left_kafka_is_moderated_from_the_lake(stage: Stage) -> None:
    expected = stage.again(Policy(level=4))
    partitions = {topic: PARTITIONS[topic] for topic in (COMMANDS, EVENTS)}
    shelf = Shelf.at((stage.folder / "lake").as_uri())
    lake = Lake(stage.log, stage.registry, shelf, partitions)
    lake.open()
    assert lake._tail is not None
    while lake._tail.lag():
        time.sleep(0.002)
    lake.close()
    stage.log.kept = 60
    try:
        joined = Connection(JoinedLog(stage.log, LakeLog(shelf, partitions)), stage.codec, stage.registry)
        plan = Plan(ranges(joined.source, COMMANDS, None, None), Policy(level=4), samples=4)
        assert remoderate(plan, lambda: joined, processes=1) == expected
        assert stage.again(Policy(level=4)).messages < expected.messages
    finally:
        stage.log.kept = 0


def test_thresholds_and_models_hold_what_their_scores_say(stage: Stage) -> None:
    scores = [event.automod_score for event in stage.recorded((MessagePosted, MessageHeld)) if event.automod_model]
    strict = stage.again(Policy(level=4))
    assert strict.after[HELD] == sum(score >= LEVELS[4] for score in scores)
    assert strict.after[HELD] > strict.before[HELD]
    assert stage.again(Policy(levels=(*LEVELS[:2], LEVELS[4], *LEVELS[3:]))).after == strict.after  # rooms are at level 2
    assert stage.again(Policy(level=0)).after[HELD] == 0
    packed = FILE.read_bytes()
    mild = packed[:4] + (-3_000).to_bytes(4, "little", signed=True) + packed[8:]  # the bias: nothing scores high
    assert Model(mild).version != Model(packed).version
    assert stage.again(Policy(model=mild)).changes == {(HELD, PASSED): strict.before[HELD]}


def test_nothing_is_sent_and_no_snapshot_written(stage: Stage) -> None:
    before, objects = stage.contents(), sorted(stage.folder.glob("objects/**/*"))
    stage.again(Policy(level=4), None, stage.snapshots)
    assert stage.contents() == before
    assert sorted(stage.folder.glob("objects/**/*")) == objects
    assert not hasattr(Reading(stage.log), "append")


def test_what_moderators_did_says_whether_a_change_is_for_the_better(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.ring.ready("1000").result(5)
    stage.ring.ready("1001").result(5)

    def say(number: int, user: str, text: str, second: float) -> None:
        stage.command(
            PostMessage(channel_id="1", message_id=f"m{number}", user_id=user, user_login="u", display_name="U", text=text), second
        )

    say(0, "1000", "shut up you idiot", 1)  # held, and approved
    say(1, "1001", "shut up you idiot loser", 2)  # held, and denied
    say(2, "1000", "my hat", 10)  # deleted
    say(3, "1000", "your hat", 20)  # nothing
    say(4, "1001", "a hat", 30)  # its author is timed out
    say(5, "1001", "hats", 40)  # the same
    for number in (0, 1):
        stage.command(ReviewMessage(channel_id="1", message_id=f"m{number}", moderator_id="1", approved=number == 0), 50 + number)
    stage.command(DeleteMessage(channel_id="1", message_id="m2", user_id="1000", moderator_id="1"), 60)
    stage.command(SanctionUser(channel_id="1", user_id="1001", moderator_id="1", seconds=600, reason="hats"), 61)
    stage.fold()
    report = stage.again(Policy(level=0, blocked=("hat", "hats")))
    assert report.changes == {(HELD, PASSED): 2, (PASSED, "refused: blocked_term"): 4}
    stopped, passed = report.shares[STOPPED_RIGHTLY], report.shares[PASSED_WRONGLY]
    assert (stopped.all, stopped.meant, stopped.groups) == (4, 3, 2)
    assert (passed.all, passed.meant) == (2, 1)
    stage.ring.close()


def test_texts_of_an_erased_subject_are_counted_and_neither_judged_nor_shown(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.talk()
    stage.fold()
    [held] = stage.ring._held["1000"]
    stage.log.append(KEYS, f"1000.{held.name}".encode(), None)
    deadline = 500
    while "1000" in stage.ring._held and deadline:
        deadline -= 1
        asyncio.run(asyncio.sleep(0.01))
    report = stage.again(Policy(level=4, blocked=("idiot", "hat")))
    assert report.unreadable == MESSAGES // USERS
    assert report.messages == MESSAGES - report.unreadable
    shown = [sample for kept in report.samples.values() for sample in kept]
    assert shown
    assert all(sample.text == stage.said[sample.message_id].text and sample.user_id != "1000" for sample in shown)
    stage.ring.close()


def test_an_interval_counts_authors_and_holds_the_share_as_often_as_it_says() -> None:
    alike, apart = Share(), Share()
    for author in range(20):
        alike.add(50, 50 if author < 4 else 0)
        apart.add(50, 10)
    assert alike.estimate().value == apart.estimate().value == 0.2
    wide, narrow = alike.estimate(), apart.estimate()
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    rng, hit, logs, truth = Random(3), 0, 400, 0.1
    for _ in range(logs):
        share = Share()
        for _ in range(200):
            count, habit = rng.randint(1, 20), rng.betavariate(0.5, 4.5)
            share.add(count, sum(rng.random() < habit for _ in range(count)))
        found = share.estimate()
        hit += found.low <= truth <= found.high
    assert 0.92 <= hit / logs <= 0.98
