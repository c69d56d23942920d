"""Terms as a tree of letters, walked by a text in all its readings at once."""

import re
from collections.abc import Iterator

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

    def spelt(self, text: str) -> Iterator[tuple[int, int, str]]:
        """First and last place (exclusive) of what may be a term in a canonical text, and the term; the caller judges.

        A letter may be repeated and signs may stand between letters. A space is only where a term has one, and may be left out there.
        The work grows with the text, not with the number of readings.
        """
        for at, alive in enumerate(self._walk(text)):
            ends = _only_digits(text, at + 1)
            for node, first in alive.items():
                if node.open is not None:
                    yield first, at + 1, node.open
                if ends and node.whole is not None:
                    yield first, at + 1, node.whole

    def begins(self, text: str) -> bool:
        """Whether more words could make a term that begins in the first one."""
        *_, alive = self._walk(text)
        word = text.find(" ") % (len(text) + 1)
        return any(node.letter == " " and first < word for node, first in alive.items())

    def _walk(self, text: str) -> Iterator[dict[Node, int]]:
        """Behind each character: where spellings have come to, and where each began."""
        alive: dict[Node, int] = {}
        begins = True
        hides = text.count(ANY) <= _MOST_HIDDEN
        for at, character in enumerate(text):
            inside = in_word(character)
            starting = {self._words: at, self._inner: at} if begins else {self._inner: at}
            alive = _after(alive, starting, character, stays=not (inside or character == " "), hides=hides and character == ANY)
            # A word begins behind what is no letter, and behind digits that begin a word: 123term.
            begins = not inside or (begins and character.isdigit())
            yield alive


def _after(alive: dict[Node, int], starting: dict[Node, int], character: str, *, stays: bool, hides: bool) -> dict[Node, int]:
    """Where spellings come to by a character: on by one letter, or nowhere where it repeats one, stands between two, or hides one."""
    after: dict[Node, int] = {}
    letters = readings(character)

    def reach(node: Node, first: int) -> None:
        # Of several beginnings the last: the shortest spelling is what a reader sees.
        if after.get(node, -1) < first:
            after[node] = first
            if (space := node.children.get(" ")) is not None:
                reach(space, first)

    for node, first in (*alive.items(), *starting.items()):
        for letter in letters:
            if (child := node.children.get(letter)) is not None:
                reach(child, first)
    for node, first in alive.items():
        if stays or node.letter in letters:
            reach(node, first)
        if hides:
            for child in node.children.values():
                reach(child, first)
    return after


def _only_digits(text: str, at: int) -> bool:
    """Whether a word ends here, digits apart: term123."""
    while at < len(text) and text[at].isdigit():
        at += 1
    return at == len(text) or not in_word(text[at])
