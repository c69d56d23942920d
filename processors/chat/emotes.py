"""Emotes: which codes stand for which pictures, and where they are in a text."""

from collections.abc import Mapping

from schemas.events.chat import EmoteSpan

GLOBAL: Mapping[str, str] = {
    ":)": "smile",
    ":(": "frown",
    ":D": "grin",
    ":P": "tongue",
    ":O": "gasp",
    ";)": "wink",
    "B)": "shades",
    ":/": "unsure",
    "<3": "heart",
    "o7": "salute",
    "chroniHype": "hype",
    "chroniGG": "gg",
    "chroniLol": "lol",
    "chroniWow": "wow",
    "chroniCry": "cry",
    "chroniRage": "rage",
    "chroniLove": "love",
    "chroniWave": "wave",
    "chroniClap": "clap",
    "chroniThink": "think",
    "chroniSleep": "sleep",
    "chroniLurk": "lurk",
    "chroniRaid": "raid",
    "chroniPog": "pog",
}
"""For everybody: code -> id. Codes are words between blanks, in exactly this writing."""
SUBSCRIBERS: Mapping[str, str] = {
    "chroniCrown": "crown",
    "chroniGem": "gem",
    "chroniFire": "fire",
    "chroniRocket": "rocket",
    "chroniParty": "party",
    "chroniToast": "toast",
    "chroniStar": "star",
    "chroniGhost": "ghost",
}
"""For subscribers of the channel: code -> id."""
ALL: Mapping[str, str] = {**GLOBAL, **SUBSCRIBERS}


def spans(text: str, *, subscriber: bool) -> tuple[EmoteSpan, ...]:
    """The emotes in a text, by position in code points, the last character included."""
    known = ALL if subscriber else GLOBAL
    words = text.split(" ")
    if known.keys().isdisjoint(words):
        return ()
    found = []
    at = 0
    for word in words:
        emote_id = known.get(word)
        if emote_id is not None:
            found.append(EmoteSpan(emote_id=emote_id, begin=at, end=at + len(word) - 1))
        at += len(word) + 1
    return tuple(found)


def only_emotes(text: str, *, subscriber: bool) -> bool:
    """Whether a text is emotes and blanks, with one emote at least."""
    known = ALL if subscriber else GLOBAL
    words = text.split()
    return bool(words) and all(word in known for word in words)
