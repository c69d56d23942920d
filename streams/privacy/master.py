"""Master keys: what wraps the subjects' keys, kept in a file outside the log."""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.privacy import KEY_BYTES, NONCE_BYTES
from streams.errors import FatalError

LINE = re.compile(r"[0-9a-f]{64}")


class MasterKeyError(FatalError):
    """The master key is missing, is none, or is not the one that a key was wrapped by.

    Operator action: bring back the file that the message names, or set CHRONICAST_MASTER_KEY to it.
    """


class MasterKeys:
    """The newest key wraps; older ones still unwrap. Safe to use from any thread."""

    def __init__(self, keys: list[bytes]) -> None:
        """`keys`: 32 bytes each, the newest first."""
        self._ciphers = {master_id(key): AESGCM(key) for key in keys}
        self.newest = master_id(keys[0])
        self._newest = keys[0]

    @classmethod
    def at(cls, path: Path) -> "MasterKeys":
        """The keys in a file, 64 hex digits a line, the newest first. A file that is not there is made, with one random key.

        Two processes that start at once have the same key: the first file stays.

        Raises:
            MasterKeyError: the file can be read by others, or holds something else.
        """
        _make(path)
        found = path.stat()
        # A secret that is mounted for us belongs to root, and our group may read it.
        if found.st_mode & (0o077 if found.st_uid == os.geteuid() else 0o037):
            raise MasterKeyError(f"{path} can be read by others: chmod 600 {path}")
        lines = [line for line in path.read_text().split() if line]
        if not lines or not all(LINE.fullmatch(line) for line in lines):
            raise MasterKeyError(f"{path} holds no master key: 64 lower-case hex digits a line, the newest first")
        return cls([bytes.fromhex(line) for line in lines])

    def has(self, master: str) -> bool:
        """Whether a master key is here."""
        return master in self._ciphers

    def derived(self, purpose: str) -> bytes:
        """A key of its own for something else that all processes share (HKDF's expansion, RFC 5869 section 2.3)."""
        return hmac.digest(self._newest, purpose.encode() + b"\x01", "sha256")

    def wrap(self, key_id: str, key: bytes) -> tuple[str, bytes]:
        """(master key's id, wrapped key) of a subject's key."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self.newest, nonce + self._ciphers[self.newest].encrypt(nonce, key, _bound(key_id, self.newest))

    def unwrap(self, key_id: str, master: str, wrapped: bytes) -> bytes:
        """A subject's key.

        Raises:
            MasterKeyError: it was wrapped by a master key that is not here, or was changed.
        """
        cipher = self._ciphers.get(master)
        if cipher is None:
            raise MasterKeyError(f"key {key_id} is wrapped by master key {master}; here are {', '.join(self._ciphers)}")
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound(key_id, master))
        except (InvalidTag, ValueError) as cause:
            raise MasterKeyError(f"key {key_id} cannot be unwrapped: it was changed on the log") from cause


def master_id(key: bytes) -> str:
    """What the log calls a master key; it tells nothing of it."""
    return hashlib.sha256(b"chronicast master key\0" + key).hexdigest()[:16]


def _bound(key_id: str, master: str) -> bytes:
    """Authenticated beside a wrapped key: it cannot be given to another subject."""
    return f"{master} {key_id}".encode()


def _make(path: Path) -> None:
    """Makes the file with its key whole or not at all."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
