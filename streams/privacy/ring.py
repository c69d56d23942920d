"""The key ring: the subjects' keys as the key topic has them, followed by every process that seals or opens texts."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from sys import intern
from threading import Event as Flag
from threading import RLock
from typing import NamedTuple

import structlog

from schemas.errors import KeysUnavailableError, RegistryUnavailableError, SchemaError
from schemas.events import KeyDropped, SubjectKeyCreated
from schemas.privacy import KEY_BYTES, Cipher
from schemas.wire import Codec
from streams.errors import StreamingError
from streams.log import Log, Position, Record, Tail
from streams.privacy.master import MasterKeyError, MasterKeys
from streams.publisher import Publisher
from streams.topics import OF_EVENT

logger = structlog.get_logger()
KEYS = OF_EVENT[SubjectKeyCreated].name
RETRY_S = 0.5
"""Between two questions to a registry that does not answer."""
CIPHERS = 10_000
"""Unwrapped keys at hand, some 2 KiB each; making one takes about ten microseconds."""
GONE = 100_000
"""Names of shredded keys that are not asked for again; beyond, they are."""
FINGERPRINT_BYTES = 16
"""Two texts of a channel share one by chance once in 2^128."""


class Held(NamedTuple):
    """A key of a subject, wrapped."""

    name: str
    master: str
    wrapped: bytes


class KeyRing:
    """Every key that is not shredded, some 350 bytes each. Safe to use from any thread.

    A subject may have several keys: two edges that each make one at the same time both keep it, since compaction leaves the
    newest record of a record key, and a rule by which the first wins would lose the first. The oldest one seals.
    """

    def __init__(self, log: Log, codec: Codec, masters: MasterKeys, name: str) -> None:
        """`name`: the producer that its events carry. Reads nothing yet."""
        self._log = log
        self._codec = codec
        self._masters = masters
        self._name = name
        self._publisher = Publisher(log, codec, name)
        self._lock = RLock()
        self._held: dict[str, tuple[Held, ...]] = {}
        """By subject, in the order of the log."""
        self._ciphers: dict[tuple[str, str], Cipher] = {}
        self._gone: set[tuple[str, str]] = set()
        self._making: dict[str, Future[None]] = {}
        self._next: dict[int, int] = {}
        """By partition the offset up to which everything is applied."""
        self._watchers: list[Callable[[str], None]] = []
        self._live = False
        self._closing = Flag()
        self._tail: Tail | None = None

    def start(self) -> None:
        """Returns once every key on the log is known; blocks for that.

        Raises:
            MasterKeyError: keys are wrapped by a master key that is not here.
            StreamingError: the log did not answer.
        """
        caught_up = Flag()
        self._next = self._log.starts_at(KEYS, None)
        self._tail = self._log.tail({(KEYS, p): offset for p, offset in self._next.items()}, self._deliver, caught_up.set)
        caught_up.wait()
        self._live = True
        for subject, keys in list(self._held.items()):
            for key in keys:
                if not self._masters.has(key.master):
                    raise MasterKeyError(f"keys on the log are wrapped by master key {key.master}, such as that of {subject}")

    def close(self) -> None:
        """Stops following; keys in memory are let go."""
        self._closing.set()
        if self._tail is not None:
            self._tail.close()
        with self._lock:
            self._held.clear()
            self._ciphers.clear()

    def watch(self, erased: Callable[[str], None]) -> None:
        """`erased(subject)` is called, on the ring's thread, when a key is shredded: whoever holds opened texts drops them."""
        self._watchers.append(erased)

    def ready(self, subject: str) -> Future[None]:
        """Done once the subject has a key, which is made where there is none: what an edge awaits before it takes texts."""
        with self._lock:
            future = self._making.get(subject)
            if future is None:
                future = Future()
                if subject in self._held:
                    future.set_result(None)
                else:
                    self._making[subject] = future
                    self._make(subject)
            return future

    def sealing(self, subject: str) -> Cipher:
        """The key to seal with.

        Raises:
            KeysUnavailableError: there is none yet; one is being made. Await `ready`, or try again.
        """
        held = self._held.get(subject)
        if held is None:
            self.ready(subject)
            raise KeysUnavailableError(f"a key for {subject} is being made: await `ready` before")
        return self._cipher(subject, held[0])

    def opening(self, subject: str, name: str) -> Cipher | None:
        """A key by its name; None once it is shredded.

        A name that is not known is looked for up to the log's end first: its record lies there before any text that it sealed.

        Raises:
            KeysUnavailableError: the log did not answer, or the key is there and its master key is not here.
        """
        cipher = self._ciphers.get((subject, name))  # a shredded key has none
        if cipher is not None:
            return cipher
        found = self._find(subject, name)
        if found is None and (subject, name) not in self._gone:
            self._catch_up()
            found = self._find(subject, name)
            if found is None:
                if len(self._gone) >= GONE:
                    self._gone.clear()
                self._gone.add((subject, name))
        if found is None:
            return None
        if not self._masters.has(found.master):
            raise KeysUnavailableError(f"a key of {subject} is wrapped by master key {found.master}: start this process anew with it")
        try:
            return self._cipher(subject, found)
        except MasterKeyError:
            logger.exception("a key cannot be used", subject=subject)
            return None

    def fingerprints(self, purpose: str) -> Callable[[str], str]:
        """A keyed hash for a fold's rows, where texts must be compared and may not be kept: HMAC-SHA256, 128 bits in hex.

        The key belongs to the purpose, such as `unique-chat`, and lies on the key topic like a subject's: every replay has the same
        hashes, and shredding it makes all of them meaningless. Blocks until there is one.

        Raises:
            KeysUnavailableError: the log did not take the key.
        """
        subject = f"purpose:{purpose}"
        try:
            self.ready(subject).result()
        except StreamingError as cause:
            raise KeysUnavailableError(f"the key of {subject} could not be made: {cause}") from cause
        secret = self._unwrapped(subject, self._held[subject][0])
        return lambda text: hmac.digest(secret, text.encode(), "sha256")[:FINGERPRINT_BYTES].hex()

    def _find(self, subject: str, name: str) -> Held | None:
        return next((key for key in self._held.get(subject, ()) if key.name == name), None)

    def _cipher(self, subject: str, key: Held) -> Cipher:
        found = self._ciphers.get((subject, key.name))
        if found is None:
            made = Cipher(subject, key.name, self._unwrapped(subject, key))
            with self._lock:
                if len(self._ciphers) >= CIPHERS:
                    self._ciphers.pop(next(iter(self._ciphers)))
                if key in self._held.get(subject, ()):  # not shredded meanwhile
                    self._ciphers[subject, key.name] = made
            return made
        return found

    def _unwrapped(self, subject: str, key: Held) -> bytes:
        return self._masters.unwrap(f"{subject}.{key.name}", key.master, key.wrapped)

    def _make(self, subject: str) -> None:
        """Appends a new key; reading it back completes what waits for it."""
        key_id = f"{subject}.{key_name()}"
        master, wrapped = self._masters.wrap(key_id, secrets.token_bytes(KEY_BYTES))

        def appended(position: Future[Position]) -> None:
            if cause := position.exception():
                with self._lock:
                    waiting = self._making.pop(subject, None)
                if waiting is not None:
                    waiting.set_exception(cause)

        try:
            made = SubjectKeyCreated(key_id=key_id, subject_id=subject, master_key_id=master, wrapped_key=wrapped)
            self._publisher.publish(made).add_done_callback(appended)
        except (StreamingError, SchemaError) as cause:
            self._making.pop(subject).set_exception(cause)

    def _catch_up(self) -> None:
        """Applies what is on the log and has not been delivered yet."""
        try:
            for partition, end in self._log.ends(KEYS).items():
                if self._next[partition] < end:
                    for batch in self._log.read(KEYS, partition, self._next[partition], end):
                        self._apply(batch)
                    with self._lock:
                        self._next[partition] = max(end, self._next[partition])
        except StreamingError as cause:
            raise KeysUnavailableError(f"the keys could not be asked for: {cause}") from cause

    def _deliver(self, records: Sequence[Record]) -> None:
        """On the tail's thread, which nothing may end: a key that was passed over would be one that is lost."""
        while not self._closing.is_set():
            try:
                self._apply(records)
            except RegistryUnavailableError as cause:
                logger.warning("waiting for the registry", cause=str(cause))
                self._closing.wait(RETRY_S)
            else:
                return

    def _apply(self, records: Sequence[Record]) -> None:
        """Applies records once, in the order of their partition, whoever read them.

        Raises:
            RegistryUnavailableError: nothing of them is applied.
        """
        decoded = [(record, None if record.value is None else self._decoded(record.value)) for record in records]
        done: list[Future[None]] = []
        dropped: list[tuple[str, str]] = []
        with self._lock:
            for record, key in decoded:
                if record.offset < self._next[record.partition]:
                    continue
                self._next[record.partition] = record.offset + 1
                subject, _, name = record.key.decode().rpartition(".")
                if key is not None:
                    self._hold(key)
                    done += [self._making.pop(subject)] if subject in self._making else []
                elif record.value is None and self._drop(subject, name):
                    dropped.append((subject, name))
        for waiting in done:
            waiting.set_result(None)
        for subject, name in dropped if self._live else ():
            self._tell(subject, name)

    def _decoded(self, value: bytes) -> SubjectKeyCreated | None:
        """The key in a record; nothing where it is none."""
        try:
            event = self._codec.decode(value)
        except RegistryUnavailableError:
            raise
        except SchemaError:
            logger.exception("a key cannot be read")
            return None
        return event if isinstance(event, SubjectKeyCreated) else None

    def _hold(self, event: SubjectKeyCreated) -> None:
        """Takes a key up, in the place of the same one wrapped by another master key."""
        key = Held(event.key_id.rpartition(".")[2], intern(event.master_key_id), event.wrapped_key)
        keys = self._held.get(event.subject_id, ())
        again = any(each.name == key.name for each in keys)
        self._held[event.subject_id] = tuple(key if each.name == key.name else each for each in keys) if again else (*keys, key)

    def _tell(self, subject: str, name: str) -> None:
        """Says on the log and in this process that a key is no longer held."""
        try:
            self._publisher.publish(KeyDropped(subject_id=subject, key_id=f"{subject}.{name}", ring=self._name))
            for erased in self._watchers:
                erased(subject)
        except Exception:  # the key is gone, whoever cannot be told
            logger.exception("a shredded key could not be told of", subject=subject)

    def _drop(self, subject: str, name: str) -> bool:
        """Forgets a key; whether it was held."""
        keys = self._held.get(subject, ())
        left = tuple(key for key in keys if key.name != name)
        self._ciphers.pop((subject, name), None)
        if left:
            self._held[subject] = left
        else:
            self._held.pop(subject, None)
        return len(left) < len(keys)


def key_name() -> str:
    """A new key's name: 64 random bits."""
    return urlsafe_b64encode(secrets.token_bytes(8)).rstrip(b"=").decode()
