"""The form in which two chat texts are compared."""

import pytest

from processors.chat.text.canonical import canonical


@pytest.mark.row("C19")
@pytest.mark.parametrize(
    "text",
    [
        "Hello  World",
        " hello world ",
        "hello\tworld\r\n",
        "ＨＥＬＬＯ ｗｏｒｌｄ",
        "hel\u200blo wor\u00adld",
        "\u202ehello\u2066 world",
        "h\u0336e\u0336l\u0336l\u0336o\u0336 world",
        "𝓱𝓮𝓵𝓵𝓸 𝐰𝐨𝐫𝐥𝐝",
        "hello\u2800world",
        "hello\x00 \x1bworld\U000e0041",
    ],
)
def test_what_readers_cannot_tell_apart_is_the_same_text(text):
    assert canonical(text) == "hello world"


@pytest.mark.row("C19")
@pytest.mark.parametrize(("one", "other"), [("schon", "schön"), ("hello world", "helloworld"), ("か", "が"), ("1st", "ist"), ("gg", "ggg")])
def test_what_readers_can_tell_apart_is_not(one, other):
    assert canonical(one) != canonical(other)


def test_an_accent_is_the_same_however_it_is_encoded():
    assert canonical("e\u0301") == canonical("é") == "é"


def test_vowel_signs_of_scripts_that_write_with_them_stay():
    assert canonical("हिन्दी") == "हिन्दी"
