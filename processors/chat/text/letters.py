"""Which letters a character can stand for: look-alikes of other scripts, accents, digits and signs in place of letters."""

from functools import lru_cache
from unicodedata import category, normalize

_SIGNS = {
    "0": "o",
    "1": "il",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "gb",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "il",
    "|": "il",
    "+": "t",
    "(": "c",
    "€": "e",
    "£": "l",
    "¥": "y",
    "¢": "c",
}
"""Leetspeak, by shape; the likeliest reading first."""
_LETTERS = {
    "cyrillic": ("авсԁеёғһніїјкӏмпорԛгѕтуѵԝшхᴦ", "abcdeefhhiijklmnopqrstyvwwxr"),
    "greek": ("αβςδεηικνορτυχγω", "abcdenikvoptuxyw"),
    "armenian": ("օոսհցզ", "onuhgq"),
    "latin": ("øđłıħŧƒɑɡɩɪʀʏɢʜʟɴʙⱥɇɨɵʉƀɓɗɛɠɦɱɲŋɔʋʌʍ", "odlihtfagiiryghlnbaeioubbdeghmnnovvm"),
    "small capitals": ("ᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢ", "acdefjkmopstuvwz"),
}
"""By shape, after Unicode's list of confusables (UTS 39): those that chats are known for, not all."""
_ALPHABETS = (0x1F1E6, 0x1F130, 0x1F150, 0x1F170)
"""Regional indicators, squared and dark letters: 26 each, which NFKC leaves as they are."""


def _likenesses() -> dict[str, str]:
    found = {odd: plain for odds, plains in _LETTERS.values() for odd, plain in zip(odds, plains, strict=True)}
    for first in _ALPHABETS:
        found |= {chr(first + at): chr(ord("a") + at) for at in range(26)}
    return found


LIKE = _likenesses()
"""Character -> the Latin letter it looks like."""
_REVERSE: dict[str, str] = {}
for _script in ("cyrillic", "greek"):
    for _odd, _plain in zip(*_LETTERS[_script], strict=True):
        _REVERSE[_plain] = _REVERSE.get(_plain, "") + _odd


@lru_cache(8192)
def readings(character: str) -> str:
    """All that a character of a canonical text may be read as, itself first."""
    if character.isascii():
        return character + _SIGNS.get(character, "") + _REVERSE.get(character, "")
    return character + _SIGNS.get(character, "") + plain_letter(character)


@lru_cache(8192)
def plain_letter(character: str) -> str:
    """The Latin letter that a character of another alphabet looks like, or its letter without accent; itself where there is none."""
    base = normalize("NFD", character)[0]
    return LIKE.get(character) or LIKE.get(base, base)


@lru_cache(8192)
def in_word(character: str) -> bool:
    """Whether a character is part of a word: letters, digits and the marks that scripts write vowels with."""
    return character.isalnum() or category(character)[0] == "M"


@lru_cache(8192)
def likeliest(character: str) -> str:
    """One reading: what a model of words is given."""
    return _SIGNS.get(character, "")[:1] or plain_letter(character)
