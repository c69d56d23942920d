"""Templates of chat messages, and messages from them."""

import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

from processors.chat.text.lists import words

_CHOICE = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
"""An innermost (a|b) or [a]."""
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\ba(?= [aeiou])")
"""Before a vowel, by spelling: an idiot."""
HELD_OUT = 4
"""Every so manieth template is for the curve alone: it is measured on phrases that the trainer never saw."""


WORD = "word"
"""Slot of any ordinary word that no hostile template uses: most of what chat says was never in a template."""
HOSTILE_SLOTS = ("insult", "nasty", "harm", "hurt", "body")


class Template(NamedTuple):
    """A pattern with choices and slots."""

    pattern: str
    register: str
    hostile: bool

    @property
    def held_out(self) -> bool:
        """Whether it is kept from training."""
        return crc32(f"held out: {self.pattern}".encode()) % HELD_OUT == 0

    def message(self, rng: Random, slots: Mapping[str, list[str]]) -> str:
        """One message of it."""
        text = self.pattern
        while match := _CHOICE.search(text):
            choices = match[1].split("|") if match[1] is not None else ["", match[2]]
            text = text[: match.start()] + rng.choice(choices) + text[match.end() :]
        return _ARTICLE.sub("an", " ".join(_SLOT.sub(lambda slot: rng.choice(slots[slot[1]]), text).split()))


def templates(name: str, *, hostile: bool) -> list[Template]:
    """Those of a file beside this one, by its registers."""
    found: list[Template] = []
    register = ""
    for line in _lines(name):
        if line.startswith("## "):
            register = line[3:]
        elif not line.startswith("# "):
            found.append(Template(line, register, hostile))
    return found


def slots() -> dict[str, list[str]]:
    """Name -> what it may stand for."""
    named = (line.split(": ", 1) for line in _lines("slots.txt") if not line.startswith("# "))
    found = {name: values.split(" | ") for name, values in named}
    charged = {word for template in templates("hostile.txt", hostile=True) for word in re.findall(r"\w+", template.pattern)}
    charged |= {word for name in HOSTILE_SLOTS for value in found[name] for word in value.split()}
    return {**found, WORD: [word for word in words("ordinary.txt") if word not in charged and len(word) > 2]}


def _lines(name: str) -> list[str]:
    return [line for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines() if line]
