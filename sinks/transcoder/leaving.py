"""Renditions that were taken from a job and go on for a while, so that players can leave them."""

import asyncio
from collections.abc import Callable, Collection, Sequence

Select = Callable[[Sequence[str], Collection[str]], object]
"""Is given what is to be made, and which of it stays."""
Later = Callable[[float, Callable[[str], None], str], asyncio.TimerHandle]
"""`call_later` of an event loop."""


class Leaving:
    """What a job makes: what was decided last, and what was taken away until its own time is over, whatever is decided meanwhile.

    The scheduler counts each of them for just as long (processors/transcode/): one that went on longer would be room given twice.
    """

    def __init__(self, made: Sequence[str], select: Select, later: Later) -> None:
        """`made`: what the job makes from its beginning on. `select` is told of each change."""
        self._made, self._select, self._later = tuple(made), select, later
        self._until: dict[str, asyncio.TimerHandle] = {}

    def decide(self, renditions: Sequence[str], grace_s: float = 0.0) -> None:
        """These from now on. What is not among them ends after `grace_s` seconds, or has been leaving already."""
        for name in renditions:
            if name in self._until:
                self._until.pop(name).cancel()
        if grace_s:
            for name in self._made:
                if name not in renditions and name not in self._until:
                    self._until[name] = self._later(grace_s, self._end, name)
        self._make((*renditions, *self._until))

    def close(self) -> None:
        """Nothing is to be told any more."""
        for handle in self._until.values():
            handle.cancel()

    def _end(self, name: str) -> None:
        del self._until[name]
        self._make(tuple(each for each in self._made if each != name))

    def _make(self, renditions: tuple[str, ...]) -> None:
        self._made = renditions
        self._select(renditions, [name for name in renditions if name not in self._until])
