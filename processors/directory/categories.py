"""Categories: a name in events, an id that follows from it in addresses."""

import hashlib
from functools import lru_cache
from typing import NamedTuple

COMMON = (
    "Just Chatting",
    "Art",
    "Animals",
    "Board Games",
    "Chess",
    "Cooking",
    "DJs",
    "Fitness",
    "Fighting Games",
    "Game Development",
    "Makers and Crafting",
    "Music",
    "News",
    "Podcasts",
    "Programming",
    "Puzzle Games",
    "Racing",
    "Retro",
    "Role-Playing Games",
    "Science and Technology",
    "Shooters",
    "Sim Games",
    "Special Events",
    "Speedruns",
    "Sports",
    "Strategy Games",
    "Tabletop",
    "Talk Shows",
    "Travel and Outdoors",
    "Variety",
)
"""Those that a channel can take from the first day; others come with the channels that name them."""
KEPT = 4_096
"""Ids that are kept: more categories than are on at one time."""


class Category(NamedTuple):
    """A category."""

    id: str
    name: str


@lru_cache(KEPT)
def category_id(name: str) -> str:
    """The id of a category's name in any case: decimal, below 2^53 so that JavaScript holds it as a number; empty for none."""
    if not name:
        return ""
    return str(int.from_bytes(hashlib.sha256(name.casefold().encode()).digest()[:8]) >> 11)
