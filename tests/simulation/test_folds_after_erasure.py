"""An erasure, with views: what a fold keeps, what a replay gives afterwards, and what the proof says where something can still be read."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from schemas.events import MessagePosted, UserBanned
from schemas.privacy import ERASED
from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.fold import Table
from streams.log_memory import MemoryLog
from streams.privacy import erasure as privacy_erasure
from streams.privacy.compaction import Compaction
from streams.privacy.erasure import Erasure, Place, Progressing, unseen
from streams.privacy.folds import fold_codec
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher
from streams.runner import Runner
from streams.store_memory import MemoryStores
from streams.store_rocksdict import ReadOnlyStore, RocksStores
from streams.telling import Told
from streams.views.store_reading import partitions_of
from tests.folding import fold_silently

CHAT = "chat.message.events.v1"
KEYS = "privacy.key.state.v1"
ADA, BOB = "7", "8"
SECRET = "meet me behind the observatory at nine"


class Talk(msgspec.Struct, frozen=True):
    messages: int = 0
    last: str = ""


TALK = Table("talk", Talk)


class TalkFold:
    """Messages of each user, and the last text of each, sealed: it never sees another."""

    name, version, inputs, outputs, tables = "talk", 1, (CHAT,), (), (TALK,)

    def apply(self, rows, event, at):
        if isinstance(event, MessagePosted):
            talk = rows[TALK].get(event.user_id, Talk())
            rows[TALK][event.user_id] = Talk(talk.messages + 1, event.text)
        return ()


class Shout(msgspec.Struct, frozen=True):
    loud: int = 0
    prints: tuple[str, ...] = ()


SHOUT = Table("shout", Shout)


class ShoutFold:
    """Reads texts: bans who shouts, and says why; its rows hold fingerprints."""

    name, version, inputs, outputs, tables = "shout", 1, (CHAT,), (UserBanned,), (SHOUT,)
    opens = (MessagePosted,)

    def __init__(self, fingerprint: Callable[[str], str]) -> None:
        self._fingerprint = fingerprint

    def apply(self, rows, event, at):
        if isinstance(event, MessagePosted) and event.text.isupper():
            shout = rows[SHOUT].get(event.user_id, Shout())
            rows[SHOUT][event.user_id] = Shout(shout.loud + 1, (*shout.prints, self._fingerprint(event.text)))
            yield UserBanned(channel_id=event.channel_id, user_id=event.user_id, moderator_id="0", reason=f"shouted: {event.text}")


class Telling:
    """Says something of each author to each message, without reading it."""

    name, version, inputs, outputs, tables = "telling", 1, (CHAT,), (UserBanned,), ()
    opens = (UserBanned,)

    def apply(self, rows, event, at):
        if isinstance(event, MessagePosted):
            yield UserBanned(channel_id=event.channel_id, user_id=event.user_id, moderator_id="0", reason=f"heard of {event.user_id}")


async def run_once(runner: Runner, log: MemoryLog, ends: dict[int, int]) -> None:
    for partition, end in ends.items():
        start = await runner.open(partition)
        for batch in log.read(CHAT, partition, start, end):
            await runner.run_batch(partition, batch)
        await runner.close(partition)


class MemoryCompactor:
    """What a cleaner does to a log in memory: older values of a key go."""

    def __init__(self, log: MemoryLog, *, works: bool = True) -> None:
        self._log, self._works = log, works

    def compact(self, topic, nudge, gone, timeout) -> Compaction:
        nudge()
        [records] = self._log._topics[topic]
        newest = {record.key: record.offset for record in records}
        if self._works:
            records[:] = [r if newest[r.key] == r.offset else r._replace(value=None) for r in records]
        return Compaction(gone(), 0.0)


class Stage:
    """Ada and Bob talk; a ring follows."""

    def __init__(self, folder: Path) -> None:
        self.log, self.registry = MemoryLog(), LocalRegistry()
        self.opaque = SealedCodec(self.registry)
        self.masters = MasterKeys.at(folder / "master.key")
        self.ring = KeyRing(self.log, self.opaque, self.masters, "edge-1")
        self.ring.start()
        self.sealing = SealedCodec(self.registry, self.ring)
        for user in (ADA, BOB):
            self.ring.ready(user).result(5)
        for i in range(30):
            for user, name in ((ADA, "Ada Lovelace"), (BOB, "Bobby Tables")):
                text = f"{SECRET} {i}" if user == ADA else f"LISTEN, EVERYBODY, NUMBER {i}"
                self.say(user, name, text.upper() if i % 10 == 0 else text, self.sealing)

    def say(self, user: str, name: str, text: str, codec: Codec) -> None:
        message = MessagePosted(channel_id="1", message_id="m", user_id=user, user_login=name.lower(), display_name=name, text=text)
        Publisher(self.log, codec, "edge-1").publish(message).result(5)

    def fold(self, fold, stores=None) -> list:
        stores = stores or MemoryStores()
        codec = fold_codec(fold, self.sealing)
        asyncio.run(fold_silently(fold, self.log, codec, stores))
        return [(dict(s.scan(b"")), s.progress()) for s in (stores.open(f"{fold.name}.v1", p) for p in range(4))]

    def shred(self, user: str) -> None:
        [held] = self.ring._held[user]
        self.log.append(KEYS, f"{user}.{held.name}".encode(), None)
        until(lambda: user not in self.ring._held)

    def erasure(self, places=(), *, compacts: bool = True, progressing: Progressing = unseen) -> Erasure:
        compactor = MemoryCompactor(self.log, works=compacts)
        return Erasure(self.log, self.opaque, self.masters, compactor, places=places, progressing=progressing)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(privacy_erasure, "RINGS_S", 0.2)
    made = Stage(tmp_path)
    yield made
    made.ring.close()
    made.log.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def rows_in(folder: Path) -> Iterator[bytes]:
    for partition in partitions_of(folder):
        store = ReadOnlyStore(folder / str(partition))
        yield from (address + row for address, row in store.scan(b""))
        store.close()


@pytest.mark.row("E10")
def test_counts_rows_and_digest_of_a_view_are_the_same_before_and_after(stage: Stage) -> None:
    before = stage.fold(TalkFold())
    proof = stage.erasure().erase(ADA, "asked")
    assert proof.holds
    assert stage.fold(TalkFold()) == before
    assert sum(progress.watermark + 1 for _, progress in before) == 60
    assert (proof.records_before, proof.records_after, proof.unreadable, proof.readable) == (30, 30, 90, 0)


@pytest.mark.row("E10")
def test_a_views_store_holds_no_text_before_or_after(stage: Stage, tmp_path: Path) -> None:
    stores = RocksStores(tmp_path / "views")
    codec = fold_codec(TalkFold(), stage.sealing)
    asyncio.run(fold_silently(TalkFold(), stage.log, codec, stores))
    folder = tmp_path / "views" / "talk.v1"
    assert b"pii1:" in contents(folder)
    assert not [text for text in (SECRET, SECRET.upper(), "Ada Lovelace") if text.encode() in contents(folder)]
    proof = stage.erasure([Place("view talk.v1", lambda: rows_in(folder))]).erase(ADA, "asked")
    assert (proof.holds, proof.places, proof.searched) == (True, {"view talk.v1": []}, 32)


def test_a_fold_that_reads_texts_seals_what_it_writes_and_keeps_fingerprints(stage: Stage) -> None:
    fingerprint = stage.ring.fingerprints("shouting")
    rows = stage.fold(ShoutFold(fingerprint))
    assert rows == stage.fold(ShoutFold(fingerprint))
    assert not [row for held, _ in rows for row in held.values() if b"OBSERVATORY" in row]
    runner_codec = fold_codec(ShoutFold(fingerprint), stage.sealing)
    ban = UserBanned(event_id="e", channel_id="1", user_id=ADA, moderator_id="0", reason=f"shouted: {SECRET}")
    value = runner_codec.encode(CHAT, ban)
    assert value == runner_codec.encode(CHAT, ban)
    assert SECRET.encode() not in value
    stage.erasure().erase(ADA, "asked")
    until(lambda: ADA not in stage.ring._held)
    assert OpeningCodec(stage.registry, stage.ring).decode(value).reason == ERASED
    stage.fold(ShoutFold(fingerprint))  # a replay past an erasure reads the marker and goes on


def test_outputs_that_are_sent_again_are_the_same_bytes_and_a_missing_key_is_waited_for(stage: Stage) -> None:
    stage.shred(BOB)  # who shouts; the ban names somebody without a key
    ends = stage.log.ends(CHAT)
    fold = Telling()
    for _ in range(2):
        runner = Runner(fold, stage.log, stage.sealing, MemoryStores())
        asyncio.run(run_once(runner, stage.log, ends))
    bans: dict[str, set[bytes]] = {}
    for records in stage.log._topics[CHAT]:
        for record in records:
            event = stage.opaque.decode(record.value)
            if isinstance(event, UserBanned):
                bans.setdefault(event.event_id, set()).add(record.value)
                assert OpeningCodec(stage.registry, stage.ring).decode(record.value).reason == f"heard of {event.user_id}"
    assert len(bans) == 60
    assert {len(contents) for contents in bans.values()} == {1}


def test_a_text_that_was_never_sealed_is_found(stage: Stage) -> None:
    stage.say(ADA, "Ada Lovelace", "written by an old release", Codec(stage.registry))
    proof = stage.erasure().erase(ADA, "asked")
    assert (proof.holds, proof.readable, proof.unreadable) == (False, 3, 90)
    assert b"old release" not in msgspec.json.encode(proof)


def test_a_text_in_another_persons_record_or_in_a_place_is_found(stage: Stage) -> None:
    stage.log.append("channel.social.events.v1", b"1", b"somebody copied: " + f"{SECRET} 3".encode(), headers=())
    stage.log.append("media.stream.events.v1", b"1", b"x", headers=(("note", f"{SECRET} 4".encode()),))
    place = Place("export", lambda: [b"nothing", f"{SECRET} 5".encode()])
    proof = stage.erasure([place]).erase(ADA, "asked")
    leaks = {found.source: found.leaks for found in proof.topics if found.leaks}
    assert {source: len(found) for source, found in leaks.items()} == {
        "log channel.social.events.v1": 1,
        "log media.stream.events.v1": 1,
    }
    assert proof.places == {"export": ["entry 1"]}
    assert (proof.holds, proof.readable) == (False, 3)


@pytest.mark.row("U4")
def test_an_erasure_tells_how_far_its_long_steps_are(stage: Stage) -> None:
    heard: list[tuple[str, list[tuple[int, int]]]] = []

    @contextmanager
    def progressing(label: str) -> Iterator[Told]:
        told: list[tuple[int, int]] = []
        heard.append((label, told))
        yield lambda done, total: told.append((done, total))

    places = [Place(name, lambda: [b"nothing"]) for name in ("view", "snapshots")]
    assert stage.erasure(places, progressing=progressing).erase(ADA, "asked").holds
    (_, before), (_, waited), (_, after), (_, searched) = heard
    for told in (before, after):
        assert [done for done, _ in told] == sorted({done for done, _ in told})
        assert told[-1][0] == told[-1][1] > 0, "all is read, and no more than was announced"
    assert after[-1][1] > before[-1][1], "at first only the topics that can hold a person's texts"
    assert waited == [(0, 60)]
    assert searched == [(0, 2), (1, 2)]


def test_a_key_that_is_still_on_the_disk_counts_as_readable(stage: Stage) -> None:
    proof = stage.erasure(compacts=False).erase(ADA, "asked")
    assert (proof.compacted, proof.holds, proof.readable, proof.unreadable) == (False, False, 90, 0)
    done = stage.erasure().erase(ADA, "asked again")
    assert (done.compacted, done.holds, done.readable, done.unreadable) == (True, True, 0, 90)


def test_a_record_that_was_changed_meanwhile_is_noticed(stage: Stage) -> None:
    erasure = stage.erasure()
    compact = erasure._compactor.compact

    def meddle(*given) -> Compaction:
        records = next(records for records in stage.log._topics[CHAT] if records)
        ada = next(i for i, r in enumerate(records) if stage.opaque.decode(r.value).user_id == ADA)
        records[ada] = records[ada]._replace(value=records[ada].value.replace(b"pii1", b"pii2", 1))
        return compact(*given)

    erasure._compactor.compact = meddle
    proof = erasure.erase(ADA, "asked")
    assert proof.sha256_before != proof.sha256_after
    assert not proof.holds


def test_the_other_people_are_as_they_were_and_who_comes_back_is_somebody_new(stage: Stage) -> None:
    stage.erasure().erase(ADA, "asked")
    until(lambda: ADA not in stage.ring._held)
    stage.ring.ready(ADA).result(5)
    stage.say(ADA, "Ada Byron", "it is me again", stage.sealing)
    shown = fold_codec(ShoutFold(str), stage.sealing)
    texts: dict[str, list[str]] = {ADA: [], BOB: []}
    for records in stage.log._topics[CHAT]:
        for event in (shown.decode(record.value) for record in records):
            texts[event.user_id].append(event.text)
    assert texts[ADA] == [ERASED] * 30 + ["it is me again"]
    assert texts[BOB][1:3] == ["LISTEN, EVERYBODY, NUMBER 1", "LISTEN, EVERYBODY, NUMBER 2"]
    proof = stage.erasure().erase("nobody-known", "asked")
    assert (proof.holds, proof.keys, proof.records_before) == (True, [], 0)
