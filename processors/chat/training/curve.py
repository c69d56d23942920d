"""What AutoMod's thresholds cost and catch, on templates that the trainer never saw."""

from collections.abc import Iterable
from typing import NamedTuple

from processors.chat.text.automod import LEVELS, Model
from processors.chat.training.corpus import Message

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
RARE = 50
"""A table of precision needs a share of hostile messages: here one in so many, which is a rough channel's."""


class Point(NamedTuple):
    """A threshold's costs."""

    threshold: float
    recall: float
    """Of hostile messages, held."""
    false_positives: float
    """Of benign messages, held."""
    precision: float
    """Of held messages, hostile, where one in `RARE` is."""


class Curve:
    """Scores of messages whose label is known."""

    def __init__(self, model: Model, messages: Iterable[Message]) -> None:
        self.scored = [(model.score(message.text, message.context), message) for message in messages]

    def point(self, threshold: float) -> Point:
        """What a threshold costs and catches."""
        recall, wrong = self._share(threshold, hostile=True), self._share(threshold, hostile=False)
        held = recall / RARE + wrong * (1 - 1 / RARE)
        return Point(threshold, recall, wrong, recall / RARE / held if held else 1.0)

    def by_register(self, threshold: float) -> dict[tuple[bool, str], float]:
        """Share of messages that a threshold holds, by whether they are hostile and by register."""
        registers = dict.fromkeys((message.hostile, message.template.register) for _, message in self.scored)
        return {key: self._share(threshold, hostile=key[0], register=key[1]) for key in registers}

    def _share(self, threshold: float, *, hostile: bool, register: str = "") -> float:
        scores = [score for score, message in self.scored if message.hostile == hostile and register in {"", message.template.register}]
        return sum(score >= threshold for score in scores) / len(scores)


def document(model: Model, messages: Iterable[Message]) -> str:
    """The tables of docs/reference/automod.md."""
    curve = Curve(model, messages)
    hostile = sum(message.hostile for _, message in curve.scored)
    templates = len({message.template for _, message in curve.scored})
    level = {threshold: str(at) for at, threshold in enumerate(LEVELS)}
    benign = len(curve.scored) - hostile
    lines = [
        f"Model `{model.version}`; {hostile:,} hostile and {benign:,} benign messages of {templates} templates, all held out.",
        "",
        f"| held from | level | recall | benign messages held | precision, 1 in {RARE} hostile |",
        "|---|---|---|---|---|",
    ]
    for at, recall, wrong, precision in map(curve.point, sorted({*THRESHOLDS, *LEVELS[1:]})):
        lines += [f"| {at:.2f} | {level.get(at, '')} | {recall:.1%} | {wrong:.2%} | {precision:.1%} |"]
    levels = " | ".join(f"level {at}" for at in range(1, len(LEVELS)))
    lines += ["", "Held by register:", "", f"| register | {levels} |", "|---" * len(LEVELS) + "|"]
    shares = [curve.by_register(threshold) for threshold in LEVELS[1:]]
    for is_hostile, register in shares[0]:
        cells = " | ".join(f"{share[is_hostile, register]:.1%}" for share in shares)
        lines.append(f"| {'hostile' if is_hostile else 'benign'}: {register} | {cells} |")
    return "\n".join(lines) + "\n"
