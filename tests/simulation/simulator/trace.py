"""What happened, step by step: hashed always, kept as text only where somebody reads it."""

from collections.abc import Callable
from hashlib import blake2b


class Trace:
    """The steps of a run."""

    def __init__(self, clock: Callable[[], float], keep: bool) -> None:
        self._clock = clock
        self._hash = blake2b(digest_size=16)
        self._keep = keep
        self.lines: list[str] = []
        self.steps = 0

    def __call__(self, who: str, what: str, *details: object) -> None:
        """Notes a step."""
        self.steps += 1
        line = f"{self._clock():10.4f}  {who:8} {what:10} {' '.join(map(str, details))}"
        self._hash.update(line.encode())
        if self._keep:
            self.lines.append(line)

    def digest(self) -> str:
        """Equal for equal runs."""
        return self._hash.hexdigest()
