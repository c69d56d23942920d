"""Blocked terms."""

from collections.abc import Iterable
from functools import cache

from processors.chat.text.canonical import canonical


class Terms:
    """Some terms, ready to be looked for."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms = {f" {canonical(term)} ": term for term in terms}

    def found(self, text: str) -> str | None:
        """The first of them that a text holds as whole words."""
        padded = f" {canonical(text)} "
        return next((term for form, term in self._terms.items() if form in padded), None)


@cache
def GLOBAL() -> Terms:  # noqa: N802
    """Those blocked in every channel."""
    return Terms(("slurword",))
