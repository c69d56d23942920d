"""Terms as a tree of letters, walked by a text in all its readings at once."""

import re
from collections.abc import Iterable, Iterator, Sequence

from processors.chat.text.letters import in_word, readings

ANY = "*"
"""In a text it hides one letter or none: `f*ck`."""
_MOST_HIDDEN = 4
"""Of these in a word; more are ornament, and would fit too much."""
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no space between words (Thai to Khmer, kana, Han), or bind endings to them (Hangul)."""


class Node:
    """Where a spelling of some terms has come to."""

    __slots__ = ("children", "letter", "open", "whole")

    def __init__(self, letter: str = "") -> None:
        self.letter = letter
        self.children: dict[str, Node] = {}
        self.whole: str | None = None
        """Term that ends here, at a word's end."""
        self.open: str | None = None
        """Term that ends here, whatever follows."""


Alive = dict[Node, int]
"""Where spellings have come to, and where each began."""


class Trie:
    """Terms in canonical form, with a `*` at either end for any beginning or ending."""

    def __init__(self) -> None:
        self._words = Node()
        self._inner = Node()
        """Of the terms that may begin within a word."""

    def add(self, term: str) -> None:
        """Adds a term; nothing where there is no letter in it."""
        spelt = term.strip(ANY).strip()
        if not spelt:
            return
        joined = _SPACELESS.search(spelt) is not None
        node = self._inner if joined or term.startswith(ANY) else self._words
        for letter in spelt:
            node = node.children.setdefault(letter, Node(letter))
        if joined or term.endswith(ANY):
            node.open = node.open or term
        else:
            node.whole = node.whole or term

    def walk(self, text: str) -> list[Alive]:
        """Behind each character of a canonical text: where spellings have come to, and where each began.

        A letter may be repeated and signs may stand between letters. A space is only where a term has one, and may be left out there.
        The work grows with the text, not with the number of readings.
        """
        passed: list[Alive] = []
        alive: Alive = {}
        begins = True
        hides = text.count(ANY) <= _MOST_HIDDEN
        for at, character in enumerate(text):
            inside = in_word(character)
            starting = (self._words, self._inner) if begins else (self._inner,)
            alive = _after(alive, starting, at, character, stays=not (inside or character == " "), hides=hides and character == ANY)
            passed.append(alive)
            # A word begins behind what is no letter, and behind digits that begin a word: 123term.
            begins = not inside or (begins and character.isdigit())
        return passed


def spelt(text: str, walk: Iterable[Alive]) -> Iterator[tuple[int, int, str]]:
    """First and last place (exclusive) of what may be a term in a text that was walked, and the term; the caller judges."""
    for at, alive in enumerate(walk):
        for node, first in alive.items():
            if node.open is not None:
                yield first, at + 1, node.open
            if node.whole is not None and _only_digits(text, at + 1):
                yield first, at + 1, node.whole


def begins(text: str, walk: Sequence[Alive]) -> bool:
    """Whether more words could make a term that begins in the first one."""
    word = text.find(" ") % (len(text) + 1)
    return any(node.letter == " " and first < word for node, first in walk[-1].items())


def _after(alive: Alive, starting: Iterable[Node], at: int, character: str, *, stays: bool, hides: bool) -> Alive:
    """Where spellings come to by a character: on by one letter, or nowhere where it repeats one, stands between two, or hides one."""
    after: Alive = {}
    letters = readings(character)
    for node, first in alive.items():
        for letter in letters:
            if (child := node.children.get(letter)) is not None:
                _reach(after, child, first)
    for root in starting:
        for letter in letters:
            if (child := root.children.get(letter)) is not None:
                _reach(after, child, at)
    for node, first in alive.items():
        if stays or node.letter in letters:
            _reach(after, node, first)
        if hides:
            for child in node.children.values():
                _reach(after, child, first)
    return after


def _reach(after: Alive, node: Node, first: int) -> None:
    """Comes to a node. Of several beginnings the last: the shortest spelling is what a reader sees."""
    if after.get(node, -1) < first:
        after[node] = first
        if (space := node.children.get(" ")) is not None:
            _reach(after, space, first)


def _only_digits(text: str, at: int) -> bool:
    """Whether a word ends here, digits apart: term123."""
    while at < len(text) and text[at].isdigit():
        at += 1
    return at == len(text) or not in_word(text[at])
