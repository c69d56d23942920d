"""Personal fields: which fields of which events are personal, and how their texts are sealed, one key or more a subject.

A sealed text is still a text, so that schema, tools and sinks take it as any other:

    pii1:<key>:<base64url of nonce, ciphertext and tag>

AES-256-GCM (NIST SP 800-38D). The nonce is the first 96 bits of HMAC-SHA256 over event id, field and text under a key of its own
(a synthetic IV, as in RFC 5297 and RFC 8452): the same event sealed again is the same bytes, which the runner's repeats need, and
two nonces of one key meet only where all three are equal, when the ciphertexts are equal too, or by chance after some 2^48 texts of
one subject. AES-GCM-SIV would give the same by itself; it needs OpenSSL 3.2 and is in no FIPS module.

Authenticated beside the text are subject and field name: a sealed text cannot be moved to another person or another field. Not
the event: a view that copies `text` from one event into the next needs no key then, and copies the same bytes after an erasure too.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.contract import Contract, released
from schemas.errors import InvalidSchemaError, UnencodableError
from schemas.event import Event

PERSONAL = "chronicast.personal"
"""Property of a field in an `.avsc` file: the name of the field that holds the subject."""
ERASED = "[erased]"
"""What a personal field reads as once no key opens it."""
SCHEME = "pii1"
_LOOKS_SEALED = re.compile(r"pii1:[A-Za-z0-9_-]{11}:[A-Za-z0-9_-]{39,}").fullmatch
"""What `parse` takes, without taking it apart: key's name, and more than nonce and tag in base64."""
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_NAME = 11
"""Characters of a key's name: 64 random bits in base64url."""
_BODY = len(SCHEME) + KEY_NAME + 2
"""Where the base64 of a sealed text begins."""

E = TypeVar("E", bound=Event)


class Personal(NamedTuple):
    """A personal field of an event."""

    name: str
    subject: str
    """Name of the field that holds the subject."""


class Sealed(NamedTuple):
    """The parts of a sealed text."""

    key: str
    body: bytes
    """Nonce, ciphertext, tag."""


class UnopenableError(ValueError):
    """A sealed text is not what this key sealed for this subject and field."""


class Opened(str):
    """An opened text that remembers its sealed form, so that a fold which passes it on writes the same bytes, erased or not.

    Rows cannot hold it: msgspec encodes no subclass of `str`. A view's rows are for the sealed text or a fingerprint.
    """

    __slots__ = ("field", "sealed", "subject")
    sealed: str
    subject: str
    field: str

    @classmethod
    def of(cls, text: str, sealed: str, subject: str, field: str) -> "Opened":
        """A text as it was opened."""
        made = cls(text)
        made.sealed, made.subject, made.field = sealed, subject, field
        return made


class Cipher:
    """Seals and opens with one key of one subject. Safe to use from any thread."""

    __slots__ = ("_aead", "_nonces", "_prefix", "_subject")

    def __init__(self, subject: str, name: str, key: bytes) -> None:
        """`key`: 32 random bytes, from which the two keys in use are derived."""
        self._aead = AESGCM(hmac.digest(key, b"chronicast pii1 seal", "sha256"))
        self._nonces = hmac.digest(key, b"chronicast pii1 nonce", "sha256")
        self._subject = subject.encode()
        self._prefix = f"{SCHEME}:{name}:"

    def seal(self, field: str, event_id: str, text: str) -> str:
        """The sealed text; the same for the same arguments.

        Raises:
            UnicodeEncodeError: a lone surrogate, which is no text.
        """
        plain, name, identity = text.encode(), field.encode(), event_id.encode()
        # Lengths keep apart what is written one after the other.
        distinct = b"%d %d %s%s%s" % (len(identity), len(name), identity, name, plain)
        nonce = hmac.digest(self._nonces, distinct, "sha256")[:NONCE_BYTES]
        body = nonce + self._aead.encrypt(nonce, plain, self._bound(name))
        return self._prefix + urlsafe_b64encode(body).rstrip(b"=").decode()

    def open(self, field: str, body: bytes) -> str:
        """The text of a sealed one's body.

        Raises:
            UnopenableError: another key, subject or field, or it was changed.
        """
        try:
            return self._aead.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], self._bound(field.encode())).decode()
        except (InvalidTag, ValueError) as cause:
            raise UnopenableError(f"not sealed by this key for this subject's {field}") from cause

    def _bound(self, field: bytes) -> bytes:
        return b"%d %s%s" % (len(self._subject), self._subject, field)


class Keys(Protocol):
    """The subjects' keys. Safe to use from any thread."""

    def sealing(self, subject: str) -> Cipher:
        """The key to seal with.

        Raises:
            KeysUnavailableError: there is none yet; one is being made.
        """

    def opening(self, subject: str, name: str) -> Cipher | None:
        """A key by its name; None once it is shredded.

        Raises:
            KeysUnavailableError: whether there is one could not be asked; try again.
        """

    def fingerprints(self, purpose: str) -> Callable[[str], str]:
        """A keyed hash for a fold's rows. Blocks until there is a key.

        Raises:
            KeysUnavailableError: there is none and none could be made.
        """


def parse(text: str) -> Sealed | None:
    """The parts of a text that looks sealed; None for any other."""
    if not text.startswith(f"{SCHEME}:"):
        return None
    parts = text.split(":")
    if len(parts) != 3 or len(parts[1]) != KEY_NAME:
        return None
    try:
        # Strict: the lenient decoder drops what is no base64, and a text with blanks would look sealed.
        body = a2b_base64(parts[2].replace("-", "+").replace("_", "/") + "=" * (-len(parts[2]) % 4), strict_mode=True)
    except ValueError:
        return None
    return Sealed(parts[1], body) if len(body) > NONCE_BYTES + TAG_BYTES else None


def looks_sealed(text: str) -> bool:
    """Whether `parse` would find the parts of a sealed text; in a fifth of the time, for most texts that a fold writes pass on."""
    return _LOOKS_SEALED(text) is not None and (len(text) - _BODY) % 4 != 1


def passed_on(text: str) -> str:
    """The form in which a fold keeps a text or writes it on: the sealed one of an opened text, any other as it is."""
    return text.sealed if isinstance(text, Opened) else text


@cache
def personal_fields() -> Mapping[type[Event], tuple[Personal, ...]]:
    """The personal fields of this build's events; types without any are left out."""
    return personal_fields_of(released())


def personal_fields_of(contract: Contract) -> dict[type[Event], tuple[Personal, ...]]:
    """The personal fields by the newest schema of each type.

    Raises:
        InvalidSchemaError: a declaration names no text, or no subject.
    """
    found = {event: tuple(_declared(contract.current(name))) for name, event in contract.types.items()}
    return {event: fields for event, fields in found.items() if fields}


def _declared(schema: dict[str, Any]) -> list[Personal]:
    """What a record declares."""
    types = {field["name"]: field["type"] for field in schema["fields"]}
    found = []
    for field in schema["fields"]:
        if PERSONAL in field:
            if types[field["name"]] not in ("string", ["null", "string"]) or types.get(field[PERSONAL]) != "string":
                raise InvalidSchemaError(
                    f"{schema['name']}.{field['name']}: {PERSONAL} stands at a string field and names the string field of its subject"
                )
            found.append(Personal(field["name"], field[PERSONAL]))
    return found


def seal_event(event: E, event_id: str, fields: tuple[Personal, ...], keys: Keys | None, *, outside: bool) -> E:
    """The event with its personal fields sealed. What is empty or erased stays, and so does an opened text, in its sealed form.

    `outside`: its texts come from people, who may write what looks sealed; otherwise what looks sealed is. Without keys nothing
    can be sealed: a text that does not look sealed is refused, so that none slips through.

    Raises:
        UnencodableError: there are no keys, and a field holds a text; or the text is no Unicode.
        KeysUnavailableError: the subject has no key yet.
    """
    changed: dict[str, str] = {}
    for name, subject_field in fields:
        text = getattr(event, name)
        if not text:
            continue
        subject = getattr(event, subject_field)
        if isinstance(text, Opened) and (text.subject, text.field) == (subject, name):
            changed[name] = text.sealed
        elif text != ERASED and (outside or not looks_sealed(text)):
            changed[name] = _seal(keys, subject, name, event_id, text)
    return msgspec.structs.replace(event, **changed) if changed else event


def _seal(keys: Keys | None, subject: str, field: str, event_id: str, text: str) -> str:
    if keys is None:
        raise UnencodableError(
            f"{field} of {event_id} is personal and not sealed, and there are no keys here: publish it with a codec that has them, "
            "or have the fold declare in `opens` which events it reads the texts of"
        )
    try:
        return keys.sealing(subject).seal(field, event_id, text)
    except UnicodeEncodeError as cause:
        raise UnencodableError(f"{field} of {event_id} is no Unicode text: {cause}") from cause


def open_event(event: E, fields: tuple[Personal, ...], keys: Keys) -> E:
    """The event with its personal fields opened; ERASED where no key does. A text that was never sealed stays.

    Raises:
        KeysUnavailableError: whether a key is there could not be asked; try again.
    """
    changed: dict[str, Opened] = {}
    for name, subject_field in fields:
        text = getattr(event, name)
        sealed = parse(text) if text else None
        if sealed is not None:
            subject = getattr(event, subject_field)
            cipher = keys.opening(subject, sealed.key)
            opened = None if cipher is None else _open(cipher, name, sealed)
            changed[name] = Opened.of(ERASED if opened is None else opened, text, subject, name)
    return msgspec.structs.replace(event, **changed) if changed else event


def _open(cipher: Cipher, field: str, sealed: Sealed) -> str | None:
    try:
        return cipher.open(field, sealed.body)
    except UnopenableError:
        return None
