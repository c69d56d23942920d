"""The key ring and the master keys, over a log in memory."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import KeysUnavailableError, RegistryUnavailableError
from schemas.events import KeyDropped, SubjectKeyCreated
from schemas.privacy import parse
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.log_memory import MemoryLog
from streams.privacy.master import MasterKeyError, MasterKeys
from streams.privacy.ring import KEYS, KeyRing


class Stage:
    """A log, a master key, and rings that follow it."""

    def __init__(self, folder: Path) -> None:
        self.log, self.codec = MemoryLog(), Codec(LocalRegistry())
        self.masters = MasterKeys.at(folder / "master.key")
        self.rings: list[KeyRing] = []

    def ring(self, name: str = "edge-1") -> KeyRing:
        ring = KeyRing(self.log, self.codec, self.masters, name)
        ring.start()
        self.rings.append(ring)
        return ring

    def records(self, topic: str = KEYS) -> list:
        return [r for batch in self.log.read(topic, 0, 0, self.log.ends(topic)[0]) for r in batch]

    def shred(self, subject: str) -> None:
        for key in {record.key for record in self.records() if record.key.startswith(f"{subject}.".encode())}:
            self.log.append(KEYS, key, None)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    for ring in made.rings:
        ring.close()
    made.log.close()


def until(holds) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_key_is_made_once_and_every_ring_opens_what_it_sealed(stage: Stage) -> None:
    one, two = stage.ring(), stage.ring("edge-2")
    one.ready("7").result(5)
    one.ready("7").result(5)
    sealed = parse(one.sealing("7").seal("text", "e", "hello"))
    assert len(stage.records()) == 1
    assert two.opening("7", sealed.key).open("text", sealed.body) == "hello"
    assert two.sealing("7").seal("text", "e", "hello") == one.sealing("7").seal("text", "e", "hello")
    assert stage.ring("late").opening("7", sealed.key).open("text", sealed.body) == "hello"


def test_without_a_key_sealing_asks_to_be_tried_again_and_one_is_made(stage: Stage) -> None:
    ring = stage.ring()
    with pytest.raises(KeysUnavailableError, match="a key for 7 is being made"):
        ring.sealing("7")
    ring.ready("7").result(5)
    assert ring.sealing("7")


def test_two_edges_that_make_a_key_at_once_seal_with_the_same_one_and_lose_neither(stage: Stage) -> None:
    one, two = KeyRing(stage.log, stage.codec, stage.masters, "a"), KeyRing(stage.log, stage.codec, stage.masters, "b")
    making = [one.ready("7"), two.ready("7")]  # neither has read the log yet
    for ring in (one, two):
        ring.start()
        stage.rings.append(ring)
    for waiting in making:
        waiting.result(5)
    until(lambda: len(one._held["7"]) == len(two._held["7"]) == 2)
    assert len({record.key for record in stage.records()}) == 2
    assert (
        one.sealing("7").seal("text", "e", "x")
        == two.sealing("7").seal("text", "e", "x")
        == stage.ring().sealing("7").seal("text", "e", "x")
    )


def test_a_shredded_key_opens_nothing_and_each_ring_says_so_once(stage: Stage) -> None:
    rings = [stage.ring("a"), stage.ring("b")]
    told: list[str] = []
    rings[0].watch(told.append)
    rings[0].ready("7").result(5)
    rings[0].ready("8").result(5)
    sealed = parse(rings[0].sealing("7").seal("text", "e", "hello"))
    assert rings[1].opening("7", sealed.key)
    stage.shred("7")
    topic = "privacy.erasure.events.v1"
    until(lambda: len(stage.records(topic)) == 2)
    dropped = [stage.codec.decode(record.value) for record in stage.records(topic)]
    assert {event.ring for event in dropped if isinstance(event, KeyDropped)} == {"a", "b"}
    until(lambda: told == ["7"])
    assert [ring.opening("7", sealed.key) for ring in rings] == [None, None]
    assert stage.ring("late").opening("7", sealed.key) is None
    assert rings[0].sealing("8")
    assert len(stage.records(topic)) == 2


def test_who_comes_back_gets_a_new_key_that_opens_nothing_old(stage: Stage) -> None:
    ring = stage.ring()
    ring.ready("7").result(5)
    old = parse(ring.sealing("7").seal("text", "e", "hello"))
    stage.shred("7")
    until(lambda: ring.opening("7", old.key) is None)
    ring.ready("7").result(5)
    new = parse(ring.sealing("7").seal("text", "e", "hello"))
    assert new.key != old.key
    assert ring.opening("7", old.key) is None


def test_a_key_that_has_not_been_delivered_yet_is_read_before_it_counts_as_shredded(stage: Stage) -> None:
    made = stage.ring()
    made.ready("7").result(5)
    sealed = parse(made.sealing("7").seal("text", "e", "hello"))
    behind = KeyRing(stage.log, stage.codec, stage.masters, "behind")
    behind._next = {0: 0}  # its tail has delivered nothing
    assert behind.opening("7", sealed.key).open("text", sealed.body) == "hello"
    assert behind.opening("7", "AAAAAAAAAAA") is None


def test_a_key_that_was_changed_on_the_log_opens_nothing_and_stops_nobody(stage: Stage) -> None:
    ring = stage.ring()
    stage.log.append(KEYS, b"7.garbage", b"no event at all")
    forged = SubjectKeyCreated(
        event_id="e", key_id="7.abcdefghijk", subject_id="7", master_key_id=stage.masters.newest, wrapped_key=bytes(60)
    )
    stage.log.append(KEYS, b"7.abcdefghijk", stage.codec.encode(KEYS, forged))
    until(lambda: "7" in ring._held)
    assert ring.opening("7", "abcdefghijk") is None
    ring.ready("8").result(5)


def test_keys_wait_for_a_registry_that_is_away(stage: Stage) -> None:
    stage.ring().ready("7").result(5)

    class Away(LocalRegistry):
        asked = 0

        def schema(self, id):  # noqa: A002
            self.asked += 1
            if self.asked == 1:
                raise RegistryUnavailableError("no answer")
            return stage.codec._registry.schema(id)

    late = KeyRing(stage.log, Codec(Away()), stage.masters, "late")
    stage.rings.append(late)
    late.start()
    assert late.sealing("7")


def test_who_cannot_be_told_of_a_shredded_key_does_not_keep_it(stage: Stage) -> None:
    ring = stage.ring()

    def fails(subject: str) -> None:
        raise RuntimeError(subject)

    ring.watch(fails)
    ring.ready("7").result(5)
    stage.shred("7")
    until(lambda: "7" not in ring._held)
    ring.ready("8").result(5)


def test_fingerprints_are_the_same_in_every_process_until_their_key_is_shredded(stage: Stage) -> None:
    one, two = stage.ring().fingerprints("unique-chat"), stage.ring().fingerprints("unique-chat")
    assert one("hello") == two("hello") != one("hello!")
    assert len(one("hello")) == 32
    stage.shred("purpose:unique-chat")
    assert stage.ring().fingerprints("unique-chat")("hello") != one("hello")


def test_an_edge_whose_key_was_not_taken_is_told(stage: Stage) -> None:
    ring = stage.ring()
    del stage.log._topics[KEYS]
    with pytest.raises(KeysUnavailableError, match="no topic"):
        ring.fingerprints("x")


def test_the_log_holds_no_key_in_the_clear(stage: Stage) -> None:
    ring = stage.ring()
    ring.ready("7").result(5)
    secret = ring._unwrapped("7", ring._held["7"][0])
    [record] = stage.records()
    assert secret not in record.value
    assert record.key.startswith(b"7.")


def test_another_master_key_stops_the_start_with_its_name(stage: Stage, tmp_path: Path) -> None:
    stage.ring().ready("7").result(5)
    other = KeyRing(stage.log, stage.codec, MasterKeys.at(tmp_path / "other.key"), "x")
    stage.rings.append(other)
    with pytest.raises(MasterKeyError, match=f"wrapped by master key {stage.masters.newest}"):
        other.start()


def test_a_key_that_came_with_another_master_key_is_not_taken_for_shredded(stage: Stage, tmp_path: Path) -> None:
    ring = stage.ring()
    other = KeyRing(stage.log, stage.codec, MasterKeys.at(tmp_path / "other.key"), "x")
    stage.rings.append(other)
    other.start()
    other.ready("7").result(5)
    name = other._held["7"][0].name
    with pytest.raises(KeysUnavailableError, match="start this process anew"):
        ring.opening("7", name)


def test_a_wrapped_key_cannot_be_given_to_another_subject(stage: Stage) -> None:
    master, wrapped = stage.masters.wrap("7.abcdefghijk", bytes(32))
    assert stage.masters.unwrap("7.abcdefghijk", master, wrapped) == bytes(32)
    with pytest.raises(MasterKeyError, match="was changed"):
        stage.masters.unwrap("8.abcdefghijk", master, wrapped)


def test_the_master_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "master.key"
    assert MasterKeys.at(path).newest == MasterKeys.at(path).newest
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["master.key"]
    with ThreadPoolExecutor(8) as pool:
        assert len({keys.newest for keys in pool.map(MasterKeys.at, [tmp_path / "raced.key"] * 8)}) == 1
    older = path.read_text()
    path.write_text("ab" * 32 + "\n" + older)
    rotated = MasterKeys.at(path)
    assert rotated.has(MasterKeys([bytes.fromhex(older.strip())]).newest)
    assert rotated.newest == MasterKeys([bytes.fromhex("ab" * 32)]).newest
    path.write_text("secret\n")
    with pytest.raises(MasterKeyError, match="64 lower-case hex digits") as refused:
        MasterKeys.at(path)
    assert "secret" not in str(refused.value)
    for mode in (0o644, 0o640):
        path.chmod(mode)
        with pytest.raises(MasterKeyError, match="chmod 600"):
            MasterKeys.at(path)


def test_a_mounted_secret_is_roots_and_its_group_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "master.key"
    path.write_text("ab" * 32)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    path.chmod(0o440)
    assert MasterKeys.at(path)
    for mode in (0o444, 0o460):
        path.chmod(mode)
        with pytest.raises(MasterKeyError, match="chmod 600"):
            MasterKeys.at(path)
