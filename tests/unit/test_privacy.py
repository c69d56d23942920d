"""Sealing personal fields: what is bound, what is the same, what is refused."""

import json
import re
from base64 import urlsafe_b64encode
from pathlib import Path

import msgspec
import pytest

from schemas.contract import Contract
from schemas.errors import InvalidSchemaError, KeysUnavailableError, UnencodableError
from schemas.events import Followed, MessagePosted, UserBanned, UserTimedOut
from schemas.privacy import ERASED, PERSONAL, Cipher, Opened, UnopenableError, parse, personal_fields, personal_fields_of
from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.registry import LocalRegistry
from schemas.released import AVRO, load
from schemas.wire import Codec
from streams.errors import FatalError
from streams.privacy.folds import fold_codec
from streams.rows import ENCODER

CHAT = "chat.message.events.v1"
NAME = "abcdefghijk"
POSTED = MessagePosted(
    event_id="e-1", channel_id="1", message_id="m", user_id="7", user_login="ada", display_name="Ada", text="where are the keys?"
)


class OneKey:
    """Keys of subject 7, until they are shredded."""

    def __init__(self) -> None:
        self.cipher: Cipher | None = Cipher("7", NAME, bytes(range(32)))

    def sealing(self, subject: str) -> Cipher:
        if subject != "7" or self.cipher is None:
            raise KeysUnavailableError(subject)
        return self.cipher

    def opening(self, subject: str, name: str) -> Cipher | None:
        return self.cipher if (subject, name) == ("7", NAME) else None


@pytest.fixture
def registry() -> LocalRegistry:
    return LocalRegistry()


def sealed(registry: LocalRegistry, event: MessagePosted = POSTED) -> tuple[bytes, MessagePosted]:
    value = SealedCodec(registry, OneKey()).encode(CHAT, event)
    decoded = SealedCodec(registry).decode(value)
    assert isinstance(decoded, MessagePosted)
    return value, decoded


def test_the_personal_fields_of_this_build() -> None:
    said = [("user_login", "user_id"), ("display_name", "user_id"), ("text", "user_id")]
    assert {event.__name__: [(f.name, f.subject) for f in fields] for event, fields in personal_fields().items()} == {
        **dict.fromkeys(("Announce", "MessageHeld", "MessagePosted", "NoticePosted", "PostMessage"), said),
        **{name: [("reason", "user_id")] for name in ("BanState", "SanctionUser", "UserBanned", "UserTimedOut")},
        "EventSubscription": [("secret", "user_id")],
        **{name: [("title", "creator_id")] for name in ("ClipRequested", "CreateClip")},
    }


@pytest.mark.parametrize("declared", [("color", "channel"), ("badges", "user_id"), ("text", "reply_to")])
def test_a_declaration_must_stand_at_a_text_and_name_its_subject(declared: tuple[str, str], tmp_path: Path) -> None:
    schema = load(AVRO / "chat" / "message_posted.v1.avsc")
    next(field for field in schema["fields"] if field["name"] == declared[0])[PERSONAL] = declared[1]
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "message_posted.v1.avsc").write_text(json.dumps(schema))
    with pytest.raises(InvalidSchemaError, match=f"MessagePosted.{declared[0]}"):
        personal_fields_of(Contract.of([MessagePosted], tmp_path, {}))


@pytest.mark.row("E10")
def test_on_the_wire_there_is_no_text_and_everything_else_is_as_it_was(registry: LocalRegistry) -> None:
    value, decoded = sealed(registry)
    for text in (b"ada", b"Ada", b"keys"):
        assert text not in value
    assert all(parse(getattr(decoded, name)) for name in ("user_login", "display_name", "text"))
    assert msgspec.structs.replace(decoded, user_login="ada", display_name="Ada", text=POSTED.text) == POSTED


def test_the_same_event_is_the_same_bytes_and_another_one_has_another_nonce(registry: LocalRegistry) -> None:
    value, decoded = sealed(registry)
    assert sealed(registry)[0] == value
    _, other = sealed(registry, msgspec.structs.replace(POSTED, event_id="e-2"))
    assert parse(other.text).body[:12] != parse(decoded.text).body[:12]
    assert decoded.user_login != sealed(registry, msgspec.structs.replace(POSTED, display_name="ada"))[1].display_name


def test_an_edge_that_shows_texts_opens_them(registry: LocalRegistry) -> None:
    value, _ = sealed(registry)
    assert OpeningCodec(registry, OneKey()).decode(value) == POSTED
    assert OpeningCodec(registry, OneKey(), (UserBanned,)).decode(value) == SealedCodec(registry).decode(value)


def test_after_the_key_is_gone_the_marker_is_read_and_nothing_raises(registry: LocalRegistry) -> None:
    value, _ = sealed(registry)
    keys = OneKey()
    keys.cipher = None
    read = OpeningCodec(registry, keys).decode(value)
    assert (read.text, read.user_login, read.user_id, read.message_id) == (ERASED, ERASED, "7", "m")


@pytest.mark.parametrize("change", ["subject", "field", "bit", "nonce"])
def test_a_sealed_text_that_was_moved_or_changed_is_not_read(change: str, registry: LocalRegistry) -> None:
    _, decoded = sealed(registry)
    body = bytearray(parse(decoded.text).body)
    if change in ("bit", "nonce"):
        body[-1 if change == "bit" else 0] ^= 1
    forged = f"pii1:{NAME}:{urlsafe_b64encode(body).decode().rstrip('=')}"
    moved = {
        "subject": {"user_id": "8", "text": decoded.text},
        "field": {"text": decoded.display_name},
        "bit": {"text": forged},
        "nonce": {"text": forged},
    }[change]
    value = Codec(registry).encode(CHAT, msgspec.structs.replace(decoded, **moved))
    keys = OneKey()
    keys.opening = lambda subject, name: Cipher(subject, name, bytes(range(32)))  # even a thief who gave 8 the key of 7
    assert OpeningCodec(registry, keys).decode(value).text == ERASED


def test_another_key_does_not_open_it() -> None:
    body = parse(Cipher("7", NAME, bytes(32)).seal("text", "e", "secret")).body
    with pytest.raises(UnopenableError):
        Cipher("7", NAME, b"\1" * 32).open("text", body)


@pytest.mark.parametrize(
    "text", ["pii1:", "pii1:abcdefghijk:", "pii1:abcdefghijk:AAAA", "pii1:abcdefghijk:" + "A" * 39 + " x", "pii1:short:" + "A" * 40, "pii1"]
)
def test_what_only_begins_like_a_sealed_text_is_none(text: str) -> None:
    assert parse(text) is None


def test_a_person_who_writes_what_looks_sealed_is_sealed_like_any_other(registry: LocalRegistry) -> None:
    text = f"pii1:{NAME}:{'A' * 60}"
    assert parse(text) is not None
    value, decoded = sealed(registry, msgspec.structs.replace(POSTED, text=text))
    assert decoded.text != text
    assert OpeningCodec(registry, OneKey()).decode(value).text == text


def test_without_keys_sealed_texts_pass_and_others_are_refused(registry: LocalRegistry) -> None:
    value, decoded = sealed(registry)
    assert SealedCodec(registry).encode(CHAT, decoded) == value
    with pytest.raises(UnencodableError, match=r"text of e-1 is personal and not sealed"):
        SealedCodec(registry).encode(CHAT, msgspec.structs.replace(decoded, text="hello"))
    empty = UserTimedOut(event_id="e", channel_id="1", user_id="7", moderator_id="9", seconds=1)
    assert SealedCodec(registry).decode(SealedCodec(registry).encode(CHAT, empty)) == empty


def test_events_without_personal_fields_are_the_same_bytes_as_without_sealing(registry: LocalRegistry) -> None:
    event = Followed(event_id="e", channel_id="1", user_id="7")
    topic = "channel.social.events.v1"
    codec = SealedCodec(registry, OneKey())
    assert codec.encode(topic, event) == Codec(registry).encode(topic, event)
    envelope = ("e", 0, "", "", None)
    assert codec.encoder(topic, Followed)(event, envelope) == Codec(registry).encoder(topic, Followed)(event, envelope)


def test_an_encoder_seals_under_the_id_that_it_is_given(registry: LocalRegistry) -> None:
    codec = SealedCodec(registry, OneKey())
    envelope = ("e-1", 7, "view.v1", "c", None)
    value = codec.encoder(CHAT, MessagePosted)(msgspec.structs.replace(POSTED, event_id=""), envelope)
    stamped = msgspec.structs.replace(POSTED, occurred_at=7, producer="view.v1", correlation_id="c")
    assert value == codec.encode(CHAT, stamped)


def test_a_fold_that_passes_an_opened_text_on_writes_the_same_bytes_erased_or_not(registry: LocalRegistry) -> None:
    value, decoded = sealed(registry)
    keys = OneKey()
    written = []
    for _ in range(2):
        codec = OpeningCodec(registry, keys)
        read = codec.decode(value)
        written.append(codec.encode(CHAT, msgspec.structs.replace(read, event_id="output", badges=("vip/1",))))
        keys.cipher = None
    assert written[0] == written[1]
    assert SealedCodec(registry).decode(written[0]).text == decoded.text


def test_an_opened_text_in_another_field_is_sealed_anew(registry: LocalRegistry) -> None:
    value, _ = sealed(registry)
    codec = OpeningCodec(registry, OneKey())
    ban = UserBanned(event_id="e", channel_id="1", user_id="7", moderator_id="9", reason=codec.decode(value).text)
    assert codec.decode(codec.encode(CHAT, ban)).reason == POSTED.text


def test_a_row_cannot_hold_an_opened_text() -> None:
    with pytest.raises(TypeError, match="Opened"):
        ENCODER.encode({"last": Opened.of("secret", "pii1:...", "7", "text")})


def test_a_lone_surrogate_is_no_text(registry: LocalRegistry) -> None:
    with pytest.raises(UnencodableError, match="no Unicode"):
        SealedCodec(registry, OneKey()).encode(CHAT, msgspec.structs.replace(POSTED, text="\ud800"))


def test_no_process_is_given_a_codec_that_writes_texts_as_they_are() -> None:
    """What seals nothing may read slices of a log, and describe routes that nobody calls."""
    root = Path(__file__).parents[2]
    plain = [path for folder in ("infra", "sinks", "processors", "streams") for path in (root / folder).rglob("*.py")]
    assert {path.stem for path in plain if re.search(r"(?<![A-Za-z])Codec\(", path.read_text())} <= {"folding", "pins", "openapi"}


class Counting:
    name, version, inputs, outputs, tables = "counting", 1, (CHAT,), (), ()

    def apply(self, rows, event, at):
        return ()


class Reading(Counting):
    opens = (MessagePosted,)


def test_a_fold_gets_opened_what_it_declares(registry: LocalRegistry) -> None:
    value, decoded = sealed(registry)
    keys = OneKey()
    assert fold_codec(Counting(), SealedCodec(registry, keys)).decode(value) == decoded
    assert fold_codec(Reading(), SealedCodec(registry, keys)).decode(value) == POSTED
    with pytest.raises(FatalError, match="has a key ring"):
        fold_codec(Reading(), SealedCodec(registry))
    with pytest.raises(UnencodableError):
        fold_codec(Counting(), SealedCodec(registry, keys)).encode(CHAT, POSTED)
    plain = Codec(registry)
    assert fold_codec(Reading(), plain) is plain
