"""What a word of a chat is by its looks: an emote's code, a link."""

import re

_EMOTE = re.compile(
    r"[a-z][a-z0-9]{1,11}[A-Z][A-Za-z0-9]{0,19}|(?:[A-Z][a-z0-9]{1,11}){2,3}|[:;=8xX]'?-?[()DPpOo/|3*]|<3|o7",
    re.ASCII,
)
"""A channel's prefix with a capital behind it, words joined by capitals, the classical faces: how codes are built on Twitch."""
_PICTURES = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f1e6-\U0001faff\u200d\ufe0f]+")
"""Emoji: symbols, dingbats, the pictograph planes, and what joins them."""
_DOMAINS = "com|net|org|gg|tv|io|ru|xyz|shop|store|live|me|ly|co|info|link|site|online|top|gl|gd"
_LINK = re.compile(rf"(?:https?://|www\.)\S|\b[a-z0-9-]{{2,}}\.(?:{_DOMAINS})\b(?:/|\b)", re.IGNORECASE)
"""An address with its scheme, or a name under one of the domains that spam uses most."""


def is_emote(word: str) -> bool:
    """Whether a word is written like an emote's code, or is emoji alone."""
    return _EMOTE.fullmatch(word) is not None or _PICTURES.fullmatch(word) is not None


def is_link(word: str) -> bool:
    """Whether a word leads somewhere."""
    return "." in word and _LINK.search(word) is not None
