"""The form in which two texts are compared."""

import unicodedata


def canonical(text: str) -> str:
    """Compatibility forms, cases and blanks made one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
