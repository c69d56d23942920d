"""What AutoMod's model sees of a text: words, their neighbours, and their letters by threes to fives, each as the number of a weight."""

import re
from typing import NamedTuple
from zlib import crc32

from processors.chat.text.canonical import canonical
from processors.chat.text.letters import in_word, likeliest
from processors.chat.text.shapes import is_emote, is_link

BUCKETS = 2**17
"""Weights. Two features that share one blur each other; the training corpus has a seventh as many."""
LENGTHS = (3, 4, 5)
"""Letters of a piece of a word, its ends marked."""
SPELT = 4
"""Letters from which a word's pieces say more than the word."""
EMOTE, MENTION, LINK, NUMBER, SIGN = "\x01emote", "\x01mention", "\x01link", "\x01number", "\x01sign"
"""Classes: one word each, whatever is written."""
START = "\x01start"

_SPELLED = re.compile(r"(?<!\S)\w(?: \w){2,}(?!\S)")
_ROW = 3
"""Letters that `_SPELLED` takes, at least."""
_SINGLES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_HUMPS = re.compile(r"[a-z0-9]+|[A-Z][a-z0-9]*")
_LONG_RUN = re.compile(r"(.)\1{2,}")
_EDGES = ".,!?:;'\"()[]{}<>~*_-/|…"


class Word(NamedTuple):
    """A word's features."""

    whole: int
    grams: tuple[int, ...]
    """Of its letters: each counts for a share of the word."""
    left: int
    """As the first of a pair; combined with another's `right`."""
    right: int


def tokens(text: str) -> list[str]:
    """A text's tokens; letters that stand alone, three or more in a row, are one."""
    found = text.split()
    if _SINGLES.isdisjoint(found) or [len(token) for token in found].count(1) < _ROW:
        return found
    return _SPELLED.sub(lambda run: run.group().replace(" ", ""), " ".join(found)).split(" ")


def words(token: str) -> list[str]:
    """The words and classes in a token, read as a person would: disguises off."""
    if is_emote(token):
        return [EMOTE]
    plain = canonical(token)
    if plain.startswith("@") and len(plain) > 1 and plain[1:].replace("_", "").isalnum():
        return [MENTION]
    if is_link(plain):
        return [LINK]
    core = plain.strip(_EDGES)
    if not core:
        return [SIGN]
    if core.isdigit():
        return [NUMBER]
    parts = "".join(character if in_word(character) or character in "@$!|'*" else " " for character in core).split()
    if len(parts) > 2 and all(len(part) == 1 for part in parts):
        parts = ["".join(parts)]
    return [_read(part) for part in parts] or [SIGN]


def spelled_out(code: str) -> list[str]:
    """What an emote's code says: killBill -> kill, bill."""
    return [hump.lower() for hump in _HUMPS.findall(code)]


def word(spelling: str) -> Word:
    """A word's features."""
    number = _number(spelling)
    grams: tuple[int, ...] = ()
    if spelling[0] != "\x01" and len(spelling) >= SPELT:
        marked = f"<{spelling[:24]}>"
        grams = tuple(_number(f"\x02{marked[at : at + size]}") for size in LENGTHS for at in range(len(marked) - size + 1))
    # Odd factors (of Knuth's and xxHash's multiplicative hashing), so that a pair is not its reverse.
    left, right = number * 0x9E3779B1 >> 7, number * 0x85EBCA77 >> 9
    return Word(number % BUCKETS, tuple(gram % BUCKETS for gram in grams), left % BUCKETS, right % BUCKETS)


def _number(feature: str) -> int:
    """CRC-32, the same on every machine, its upper bits folded into those that are used."""
    code = crc32(feature.encode("utf-8", "surrogatepass"))
    return code ^ code >> 15


def _read(part: str) -> str:
    """A word with digits and signs as the letters that they stand for, and no letter more than twice."""
    if not part.isascii() or not part.isalpha():
        bare = part.rstrip("0123456789")
        if any(character.isalpha() for character in bare):
            part = "".join(likeliest(character) for character in bare)
    return _LONG_RUN.sub(r"\1", part)
