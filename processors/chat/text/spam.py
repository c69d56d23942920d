"""How much a text looks like spam."""


def spam_score(text: str) -> float:
    """0 is not at all, 1 is surely."""
    return 1.0 if text.count("http") > 3 else 0.0
