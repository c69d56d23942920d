"""How long to wait before trying again what failed."""

from collections.abc import Iterator


def backoff(first: float, most: float) -> Iterator[float]:
    """Seconds to wait before each further try: doubled from the first to the most."""
    wait = first
    while True:
        yield wait
        wait = min(2 * wait, most)
