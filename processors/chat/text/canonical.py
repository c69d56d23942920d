"""The form in which two chat texts are compared."""

import re
from functools import lru_cache
from unicodedata import normalize

_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
"""Categories Cc of Unicode, without what str.split takes for white space."""
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt), with the interlinear annotation marks: nothing is seen of them."""
_BLANK = "\u2800"
"""Braille without dots: looks like a space and is none."""
_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
"""Combining marks of no script of their own: what is still there after composition stacks on letters that have no such form."""

_CONTROL = re.compile(f"[{_CONTROLS}]+")
_UNSEEN = re.compile(f"[{_CONTROLS}{_IGNORABLE}]+")
_MARK = re.compile(f"[{_MARKS}]+")


def canonical(text: str) -> str:
    """A text without what readers cannot see: NFKC, case folded, no invisible characters nor stacked marks, single spaces.

    A letter with an accent keeps it where Unicode has the pair as one letter. Applied again it changes nothing.
    """
    if text.isascii():
        if not text.isprintable():
            text = _CONTROL.sub("", text)
        return " ".join(text.lower().split())
    return _general(text)


@lru_cache(1024)
def _general(text: str) -> str:
    """The same for any text. Several readers ask for one message's."""
    folded = _once(text)
    # What goes away can bring together what composes, and case folding can undo a composition: mostly one more round.
    while (again := _once(folded)) != folded:
        folded = again
    return folded


def _once(text: str) -> str:
    seen = _UNSEEN.sub("", text.replace(_BLANK, " "))
    folded = normalize("NFKC", normalize("NFKC", seen).casefold())
    return " ".join(_MARK.sub("", folded).split())
