"""Word lists that are packaged with the readers of chat texts. A line that begins with # is a remark."""

from pathlib import Path


def lines(name: str) -> list[str]:
    """A list's lines."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def words(name: str) -> list[str]:
    """A list's words."""
    return [word for line in lines(name) for word in line.split()]
