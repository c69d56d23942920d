"""Passes of signed playback URLs: what is read back, what is refused, and how keys change."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_origin import profile

from streams.edges.passes import LIFE_S, PATTERN, Pass, Passes, admits, required, restricted

NOW = 1_800_000_000


def derive(purpose: str) -> bytes:
    """As a master key does."""
    return hashlib.sha256(b"secret" + purpose.encode()).digest()


def passes(generation: int = 2, now: int = NOW) -> Passes:
    return Passes(derive, generation, lambda: now * 1_000_000)


@pytest.mark.row("P13")
def test_a_pass_is_read_until_its_end_and_not_a_second_longer() -> None:
    made = passes().issue("42", "ms")
    assert passes().read(made) == Pass("42", "ms", NOW + LIFE_S)
    assert passes(now=NOW + LIFE_S).read(made) is not None
    assert passes(now=NOW + LIFE_S + 1).read(made) is None


@pytest.mark.row("P13")
def test_the_key_before_the_present_one_is_accepted_and_no_other() -> None:
    made = {generation: passes(generation).issue("42", "s") for generation in (1, 2, 3, 4)}
    assert [generation for generation, one in made.items() if passes(3).read(one) is not None] == [2, 3]
    assert list(passes(3).keys) == ["3", "2"]
    assert list(passes(1).keys) == ["1"]
    assert Passes(lambda _: bytes(32), 2, lambda: NOW * 1_000_000).read(made[2]) is None


@given(st.from_regex(r"[0-9]{1,20}", fullmatch=True), st.sampled_from(["m", "s", "ms"]), st.integers(0, 200), st.characters(codec="utf-8"))
@pytest.mark.row("P13")
def test_a_pass_that_is_altered_anywhere_is_none(channel: str, grants: str, place: int, letter: str) -> None:
    made = passes().issue(channel, grants)
    assert PATTERN.fullmatch(made)
    assert passes().read(made) == Pass(channel, grants, NOW + LIFE_S)
    place %= len(made) - 1  # the last letter has four bits without meaning
    altered = made[:place] + letter + made[place + 1 :]
    assert altered == made or passes().read(altered) is None
    assert passes().read(made[:place]) is None
    assert passes().read(made + letter) is None


@given(st.text(max_size=120))
def test_any_text_is_no_pass(text: str) -> None:
    assert passes().read(text) is None


@pytest.mark.row("P13")
def test_what_a_channel_requires_is_what_its_owner_said() -> None:
    ana = profile()
    assert required(ana) == ""
    mature = restricted(ana, mature=True, subscribers_only=None)
    assert (required(mature), mature.event_id) == ("m", "")
    both = restricted(mature, mature=None, subscribers_only=True)
    assert required(both) == "ms"
    assert required(restricted(both, mature=False, subscribers_only=None)) == "s"
    assert [granted for granted in ("", "m", "s", "ms") if admits("ms", granted)] == ["ms"]
    assert all(admits("", granted) for granted in ("", "m"))
