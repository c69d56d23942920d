"""Whatever is written is read again, by its key alone."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import MessagePosted
from schemas.privacy import Cipher, Opened, UnopenableError, open_event, parse, personal_fields, seal_event

NAME = "abcdefghijk"
TEXT = st.text(st.characters(exclude_categories=("Cs",)))
FIELDS = personal_fields()[MessagePosted]


class Ring:
    def __init__(self, key: bytes) -> None:
        self.key = key

    def sealing(self, subject: str) -> Cipher:
        return Cipher(subject, NAME, self.key)

    def opening(self, subject: str, name: str) -> Cipher | None:
        return Cipher(subject, name, self.key)


@given(st.binary(min_size=32, max_size=32), TEXT, TEXT, TEXT, TEXT)
def test_any_text_comes_back_and_looks_sealed_in_between(key: bytes, subject: str, event_id: str, text: str, name: str) -> None:
    event = MessagePosted(
        event_id=event_id, channel_id="1", message_id="m", user_id=subject, user_login=name, display_name=text + name, text=text
    )
    sealed = seal_event(event, event_id, FIELDS, Ring(key), outside=True)
    assert all(parse(getattr(sealed, f.name)) or getattr(event, f.name) in ("", "[erased]") for f in FIELDS)
    assert seal_event(event, event_id, FIELDS, Ring(key), outside=True) == sealed
    opened = open_event(sealed, FIELDS, Ring(key))
    assert opened == event
    assert all(isinstance(getattr(opened, f.name), Opened) or getattr(sealed, f.name) == getattr(event, f.name) for f in FIELDS)
    assert seal_event(opened, event_id, FIELDS, Ring(key), outside=False) == sealed
    assert open_event(sealed, FIELDS, Ring(bytes(b ^ 1 for b in key))).text in ("[erased]", "")


@given(TEXT, TEXT, TEXT, st.integers(0), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(event_id: str, field: str, text: str, at: int, bit: int) -> None:
    cipher = Cipher("7", NAME, bytes(32))
    body = bytearray(parse(cipher.seal(field, event_id, text + "x")).body)
    body[at % len(body)] ^= 1 << bit
    try:
        cipher.open(field, bytes(body))
    except UnopenableError:
        return
    raise AssertionError("a changed text was opened")
