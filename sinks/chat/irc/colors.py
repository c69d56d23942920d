"""Colours that /color takes by name, as Twitch has them for everybody, with the values of CSS Color 4."""

import re

NAMES = {
    "Blue": "#0000ff",
    "BlueViolet": "#8a2be2",
    "CadetBlue": "#5f9ea0",
    "Chocolate": "#d2691e",
    "Coral": "#ff7f50",
    "DodgerBlue": "#1e90ff",
    "Firebrick": "#b22222",
    "GoldenRod": "#daa520",
    "Green": "#008000",
    "HotPink": "#ff69b4",
    "OrangeRed": "#ff4500",
    "Red": "#ff0000",
    "SeaGreen": "#2e8b57",
    "SpringGreen": "#00ff7f",
    "YellowGreen": "#9acd32",
}
_BY_NAME = {name.lower(): value for name, value in NAMES.items()}
_HEX = re.compile(r"#[0-9a-f]{6}")


def color(text: str) -> str | None:
    """#rrggbb of a name or of itself; None where it is neither. `blue_violet`, as Helix writes it, is one too."""
    text = text.lower()
    return text if _HEX.fullmatch(text) else _BY_NAME.get(text.replace("_", ""))
