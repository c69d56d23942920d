"""Blocked terms in a text, however they are disguised."""

import re
from collections.abc import Iterable
from functools import cache

from processors.chat.text.canonical import canonical
from processors.chat.text.letters import LIKE, in_word
from processors.chat.text.lists import lines, words
from processors.chat.text.trie import ANY, Trie, begins, spelt

_BETWEEN = ".,_/-"
_SPELLED = re.compile(rf"(?<!\S)\S[{_BETWEEN}]?(?: \S[{_BETWEEN}]?)+(?!\S)")
"""Single characters in a row: f u c k."""
_LOOSE = frozenset("aiurnyk&")
"""Letters that chat uses as words: before or behind a spelled word they do not belong to it (i f u c k u)."""
_LONG_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)
"""No word has more than three of a letter; longer runs are read as three."""
_APOSTROPHES = re.compile("['’`´]")
_MOST_WORDS = 16
"""Words of a text that one term is looked for in, interspersed signs included."""
_WORDS = 4_000
"""Words that a channel's terms remember: half a megabyte. All channels' together remember ten times that."""


class Terms:
    """A set of blocked terms, compiled once.

    A term is one or more words, and matches whole words; `*` at its begin or end lets any letters precede or follow.
    """

    def __init__(self, terms: Iterable[str], remembered: int = _WORDS) -> None:
        self._trie = Trie()
        for term in terms:
            self._trie.add(_runs(canonical(term)))
        self._most = remembered
        self._clean: set[str] = set()
        self._guilty: dict[str, tuple[str | None, bool]] = {}
        """Word -> the term in it, and whether it may begin a term of several words."""

    def found(self, text: str) -> str | None:
        """The first blocked term that a text holds, in canonical form."""
        tokens = canonical(text).split()
        if not self._clean.issuperset(tokens) and (term := self._in(tokens)) is not None:
            return term
        alone = [token for token in tokens if len(token) < 3 and token[1:] in _BETWEEN]
        return self._spelled(" ".join(tokens)) if len(alone) > 1 else None

    def _in(self, tokens: list[str]) -> str | None:
        for at, token in enumerate(tokens):
            if token in self._clean:
                continue
            term, begins = self._word(token)
            phrase, behind = token, at + 1
            while term is None and begins and behind < min(len(tokens), at + _MOST_WORDS):
                phrase = f"{phrase} {tokens[behind]}"
                term, begins = self._word(phrase)
                behind += 1
            if term is not None:
                return term
        return None

    def _word(self, token: str) -> tuple[str | None, bool]:
        if token in self._clean:
            return None, False
        known = self._guilty.get(token)
        if known is None:
            known = self._read(token)
            if len(self._clean) + len(self._guilty) >= self._most:
                self._clean.clear()
                self._guilty.clear()
            if known == (None, False) and not (len(token) == 2 and token[1] in _BETWEEN):
                self._clean.add(token)
            else:
                self._guilty[token] = known
        return known

    def _read(self, token: str) -> tuple[str | None, bool]:
        text = _runs(token)
        walk = self._trie.walk(text)
        term = next((term for first, last, term in spelt(text, walk) if _meant(text, first, last, term)), None)
        return term, begins(text, walk)

    def _spelled(self, text: str) -> str | None:
        """A term whose letters stand alone; what surrounds them may be words of one letter."""
        for run in _SPELLED.findall(text):
            letters = [part[0] for part in run.split(" ") if part[0] not in _BETWEEN]
            for first in _loose(letters):
                for last in _loose(letters[::-1]):
                    word = "".join(letters[first : len(letters) - last])
                    if len(word) > 1 and (term := self._word(word)[0]) is not None:
                        return term
        return None


def _loose(letters: list[str]) -> range:
    """How many letters at the begin may be words: none, one or two."""
    return range(1 + next((at for at, letter in enumerate(letters[:2]) if letter not in _LOOSE), min(2, len(letters))))


def _runs(text: str) -> str:
    return _LONG_RUN.sub(r"\1\1\1", text)


def _meant(text: str, first: int, last: int, term: str) -> bool:
    """Whether a reader would take a spelling for the term."""
    spelling, plain = text[first:last], term.strip(ANY).strip()
    if spelling == plain:
        # 11488 and 14880 are other numbers than 1488.
        return not ((term[0].isdigit() and text[:first][-1:].isdigit()) or (term[-1].isdigit() and text[last : last + 1].isdigit()))
    begin, end = first, last
    while begin and in_word(text[begin - 1]):
        begin -= 1
    while end < len(text) and in_word(text[end]):
        end += 1
    if text[begin:end] in ordinary() or not any(letter.isalpha() or letter in LIKE for letter in spelling):
        return False  # good for god; 455 is a number
    if spelling.count(ANY) * 2 > len(plain):
        return False
    if _APOSTROPHES.search(spelling) and any(len(part) > 1 for part in _APOSTROPHES.split(spelling)):
        return False  # he'll
    parts = re.split(r"[^\w*@$!|+(€£¥¢]+", spelling)
    return len(parts) < 2 or " " in plain or not all(len(part) > 1 and part in ordinary() for part in parts)


@cache
def ordinary() -> frozenset[str]:
    """Words that are what they are, however near they come to a term."""
    return frozenset(words("ordinary.txt"))


@cache
def GLOBAL() -> Terms:  # noqa: N802 - the one set that all channels share
    """Terms that are blocked on every channel."""
    return everywhere()


def everywhere(allowed: Iterable[str] = ()) -> Terms:
    """The packaged list without some of its terms, compiled anew."""
    spared = set(map(canonical, allowed))
    return Terms((term for term in lines("global_terms.txt") if canonical(term) not in spared), 10 * _WORDS)
