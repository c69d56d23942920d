"""Words found by their beginning, and by one that is a typing error away. A data structure in memory, pure.

Words are kept sorted, so that those with a beginning lie side by side. An error is forgiven by asking for every beginning that is one error
away: some 80 for each letter, a microsecond each, whatever the number of words.
"""

import string
from bisect import bisect_left, insort
from collections.abc import Iterator

LETTERS = string.ascii_lowercase + string.digits
"""That may have been meant: those of logins."""
SHORTEST = 4
"""Letters from which on an error is forgiven: of shorter words too many are one apart."""
LONGEST = 32
"""Letters of a word that are looked at: above the longest login."""


LAST = "\U0010ffff"
"""Behind every letter: words with a beginning lie before the beginning and this."""


class Search:
    """Words and the ids that have them."""

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}
        self._sorted: list[str] = []

    def add(self, word: str, one: str) -> None:
        """Has an id found by a word."""
        word = word[:LONGEST]
        ids = self._ids.get(word)
        if ids is None:
            self._ids[word] = {one}
            insort(self._sorted, word)
        else:
            ids.add(one)

    def remove(self, word: str, one: str) -> None:
        """Has it found by it no more."""
        word = word[:LONGEST]
        ids = self._ids[word]
        ids.discard(one)
        if not ids:
            del self._ids[word]
            del self._sorted[bisect_left(self._sorted, word)]

    def beginning(self, word: str) -> set[str]:
        """Ids of all words that begin with one."""
        return set().union(*self._side_by_side(word[:LONGEST]))

    def alike(self, word: str) -> set[str]:
        """Ids of words whose beginning is one error away from a word: a letter too many, too few, another one, or two exchanged."""
        word = word[:LONGEST]
        if len(word) < SHORTEST:
            return set()
        return set().union(*(ids for near in one_apart(word) for ids in self._side_by_side(near)))

    def _side_by_side(self, beginning: str) -> Iterator[set[str]]:
        words = self._sorted
        begin = bisect_left(words, beginning)
        if begin < len(words) and words[begin].startswith(beginning):  # most of what may have been meant is no word's beginning
            yield from map(self._ids.__getitem__, words[begin : bisect_left(words, beginning + LAST, begin)])


def one_apart(word: str) -> set[str]:
    """What may have been meant by a word with one error in it."""
    parts = [(word[:n], word[n:]) for n in range(len(word) + 1)]
    return {
        *(begin + rest[1:] for begin, rest in parts if rest),
        *(begin + rest[1] + rest[0] + rest[2:] for begin, rest in parts if len(rest) > 1),
        *(begin + letter + rest[1:] for begin, rest in parts if rest for letter in LETTERS),
        *(begin + letter + rest for begin, rest in parts if rest for letter in LETTERS),
    }
