"""What people write, made fit for the log: one line, no control characters, one spelling of each character."""

import re
import unicodedata

from streams.edges.chat.request import InvalidCommandError

LONGEST = 500
"""Code points of a message, as Twitch has it (IRC allows 500 of them too)."""
DECOMPOSED = 4
"""Code points that NFC makes one of at most (UAX 15, table of expansion factors): a text of more than so many times the limit is too
long in any spelling, and is not normalised, which for a run of combining marks takes time by its square."""
BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
"""What separates words or lines and would tear a line of IRC: shown as a space."""
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Controls, halves of surrogate pairs (no UTF-8), and what Unicode says is no character."""


def clean(text: str, longest: int = LONGEST) -> str:
    """The text as it goes onto the log: NFC, without what is unfit, trimmed; may be empty.

    Raises:
        InvalidCommandError: it is too long.
    """
    fit = UNFIT.sub("", BREAKS.sub(" ", text)).strip()
    if len(fit) <= DECOMPOSED * longest:
        fit = unicodedata.normalize("NFC", fit)
    if len(fit) > longest:
        raise InvalidCommandError(f"The text has {len(fit)} characters and may have {longest}. Shorten it, or send it in parts.")
    return fit
