"""The model that says which messages a moderator would remove."""

from functools import cache

LEVELS: tuple[float, ...] = (2.0, 0.9, 0.8, 0.7, 0.6)


class Model:
    """Scores texts."""

    version = "words-0"

    def score(self, text: str, context: float) -> float:
        """0 to 1."""
        return 0.95 if "idiot" in text else context / 10


@cache
def model() -> Model:
    """The packaged one."""
    return Model()
