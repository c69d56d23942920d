"""The page has a picture for every emote and badge, and none besides."""

import re
from xml.etree import ElementTree as ET

import pytest

from processors.chat import emotes
from sinks.page.routes import ASSETS

pytestmark = pytest.mark.row("U3")

TABLE = (ASSETS / "js" / "chat" / "emotes.js").read_text()
BADGES = {"broadcaster-1", "moderator-1", "vip-1", "premium-1", "partner-1", *(f"subscriber-{months}" for months in (0, 3, 6, 12, 24))}
"""A subscriber's badge of another step has the picture of the step below."""


def _table(name: str) -> dict[str, str]:
    """One of the page's tables: code -> id."""
    found = re.search(rf"{name} = {{(.*?)}};", TABLE, re.DOTALL)
    assert found is not None
    return {quoted or bare: emote for quoted, bare, emote in re.findall(r"^  (?:'(.+)'|(\w+)): '(\w+)',$", found[1], re.MULTILINE)}


def _pictures(folder: str) -> set[str]:
    return {path.stem for path in (ASSETS / folder).iterdir()}


def test_every_emote_has_a_picture_and_every_picture_an_emote() -> None:
    assert _table("GLOBAL") == emotes.GLOBAL
    assert _table("SUBSCRIBERS") == emotes.SUBSCRIBERS
    assert len(set(emotes.ALL.values())) == len(emotes.ALL)
    assert set(emotes.ALL.values()) == _pictures("emotes")


def test_every_badge_has_a_picture() -> None:
    assert _pictures("badges") == BADGES


@pytest.mark.parametrize("folder", ["emotes", "badges"])
def test_pictures_are_small_drawings_that_load_nothing(folder: str) -> None:
    for path in (ASSETS / folder).iterdir():
        text = path.read_text()
        assert len(text) < 4000, path
        drawn = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
        assert drawn <= {"svg", "g", "path", "circle", "ellipse", "rect"}, path
        assert not re.search(r"href|url\(|style|<!", text), path
