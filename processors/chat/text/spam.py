"""How much a text looks like spam: links, invitations, repetition, capitals, signs, walls of emotes."""

import re
from functools import lru_cache
from typing import NamedTuple

from processors.chat.text.canonical import canonical
from processors.chat.text.letters import in_word
from processors.chat.text.lists import words
from processors.chat.text.shapes import is_emote, is_link

_INVITE = re.compile(r"(?:discord\.(?:gg|com/invite)|t\.me|chat\.whatsapp\.com|wa\.me|bit\.ly|tinyurl\.com|cutt\.ly|is\.gd)/")
"""Invitations to other places, and addresses that hide where they lead."""
_OFFERS = frozenset(words("offers.txt"))
_RUN = re.compile(r"(\S)\1{3,}")

LINK, MORE_LINKS = 0.3, 0.45
"""A link; each further one."""
INVITE = 0.45
OFFER = 0.22
"""Each different advertising word behind the first."""
STRETCH = 0.05, 0.6
"""Each character that repeats the three before it beyond six, and the most that this counts."""
REPETITION = 0.75
"""Times the share of words that were in the message before, from six words on; for emotes half of it."""
CAPITALS = 0.35
"""Times the share of capitals above a half, doubled; from twelve letters on."""
SIGNS = 0.7
"""Times the share of characters that are no letters, digits or blanks above a half, doubled; from twelve characters on."""
EMOTES = 0.05, 0.5
"""Each emote from the seventh on, and the most that this counts."""


_LONG, _LONG_LETTERS = 6, 12
"""Words from which repetition counts; characters from which shares of them do."""


class _Word(NamedTuple):
    links: int = 0
    invites: int = 0
    offer: str = ""
    stretched: int = 0
    capitals: int = 0
    signs: int = 0
    emotes: int = 0


_PLAIN = _Word()


def spam_score(text: str) -> float:
    """0 for a text that looks like talk, up to 1; independent evidences add up as probabilities do (noisy or).

    The constants above are the weights: chosen by hand, held against a generated corpus by the bench.
    """
    tokens = text.split()
    marked = [word for word in map(_word, tokens) if word is not _PLAIN]
    if not marked and (len(tokens) < _LONG or len(set(tokens)) == len(tokens)):
        return 0.0
    clean = 1.0
    for evidence in _evidences(tokens, marked):
        clean *= 1.0 - evidence
    return 1.0 - clean


def _evidences(tokens: list[str], marked: list[_Word]) -> list[float]:
    count, emotes = len(tokens), sum(word.emotes for word in marked)
    found = []
    if count >= _LONG:
        found.append(REPETITION * (1 - len(set(tokens)) / count) * (1 - 0.5 * emotes / count))
    if not marked:
        return found
    if links := sum(word.links for word in marked):
        found += [LINK] + [MORE_LINKS] * (min(links, 6) - 1)
    found += [INVITE] * min(sum(word.invites for word in marked), 4)
    offers = {word.offer for word in marked if word.offer}
    found += [OFFER] * (len(offers) - 1)
    if stretched := sum(word.stretched for word in marked):
        found.append(_capped(STRETCH, stretched))
    if emotes > _LONG:
        found.append(_capped(EMOTES, emotes - _LONG))
    letters = sum(map(len, tokens))
    if letters >= _LONG_LETTERS:
        found.append(CAPITALS * _above_half(sum(word.capitals for word in marked) / letters))
        found.append(SIGNS * _above_half(sum(word.signs for word in marked) / letters))
    return found


def _capped(weight: tuple[float, float], times: int) -> float:
    return min(weight[0] * times, weight[1])


def _above_half(share: float) -> float:
    return max(0.0, 2 * share - 1)


@lru_cache(30_000)
def _word(token: str) -> _Word:
    """What a word adds; the vocabulary of a busy hour is remembered."""
    if is_emote(token):
        return _Word(emotes=1)
    plain = canonical(token)
    bare = plain.strip(".,!?:;'\"()[]")
    links = int(is_link(plain))
    run = max((len(match.group()) for match in _RUN.finditer(plain)), default=0)
    word = _Word(
        links=links,
        invites=int(_INVITE.search(plain) is not None),
        offer=bare if bare in _OFFERS else "",
        stretched=max(0, run - 6),
        capitals=sum(map(str.isupper, token)) if sum(map(str.isupper, token)) > 1 else 0,
        signs=0 if links else sum(not in_word(character) for character in plain),
    )
    return _PLAIN if word == _PLAIN else word
