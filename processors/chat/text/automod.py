"""AutoMod: how likely a moderator would take a message down, by a small model of our own. Trained by `chronicast automod train`."""

import math
import sys
from array import array
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from struct import Struct

from processors.chat.text.features import BUCKETS, EMOTE, START, Word, spelled_out, tokens, word, words

LEVELS: tuple[float, ...] = (math.inf, 0.95, 0.8, 0.6, 0.3)
"""A score from which a message is held, by a channel's level: 0 holds nothing, 4 most. Chosen where a model
of a part of the trainer's templates held 0.5, 1, 2 and 5% of the benign messages of another part; measured in docs/reference/automod.md."""
FILE = Path(__file__).with_name("automod.bin")
MAGIC = b"CAM1"
UNIT = 256
"""Steps of a weight to one logit. Scores are added up in integers, so that a replay has them bit for bit."""
GRAMS = 2
"""What the letters of a word count together, against one for the word."""

_HEADER = Struct("<4sii")
"""Magic, bias, weight of the context; then the weights, 16 bits each, little-endian."""
_STEPS = 4
"""Units to a step of the table of scores."""
_REACH = 12 * UNIT
"""Logits beyond which a score is 0 or 1 to four digits or nearly."""
_DECIMALS = 4
"""Of a score. Rounded, so that it does not depend on a machine's exp."""
_EMOTE_MARGIN = UNIT
"""What an emote's code says counts beyond this only: an emote may be called batRage, and killYourself is none."""
_REMEMBERED = 30_000
"""Words; about 6 MB. A busy hour's vocabulary."""


class ModelError(Exception):
    """The packaged model is none. Operator action: restore processors/chat/text/automod.bin, or run `chronicast automod train`."""


class Model:
    """A logistic model whose features come apart by words, so that what a word adds is remembered."""

    def __init__(self, packed: bytes) -> None:
        if len(packed) != _HEADER.size + 2 * BUCKETS or not packed.startswith(MAGIC):
            raise ModelError(f"{len(packed)} bytes that do not begin with {MAGIC!r} and hold {BUCKETS} weights: {ModelError.__doc__}")
        self._bias: int
        self._context: int
        _, self._bias, self._context = _HEADER.unpack_from(packed)
        weights = array("h", packed[_HEADER.size :])
        if sys.byteorder == "big":
            weights.byteswap()
        self._weights: list[int] = weights.tolist()
        self.version = sha256(packed).hexdigest()[:12]
        self._scores: list[float] = [round(1 / (1 + math.exp(-at / UNIT)), _DECIMALS) for at in range(-_REACH, _REACH + 1, _STEPS)]
        self._start = word(START).left
        self._known: dict[str, tuple[int, int, int]] = {}
        """Token -> what it adds, how it pairs with the one before and the one behind."""

    def score(self, text: str, context: float) -> float:
        """0 to 1, to four digits. `context`: mean of the channel's recent scores, 0 to 1."""
        total = self._bias + self._context * int(UNIT * min(max(context, 0.0), 1.0)) // UNIT
        left, known, weights = self._start, self._known, self._weights
        for token in tokens(text):
            added, right, behind = known.get(token) or self._learn(token)
            total += added + weights[left ^ right]
            left = behind
        return self._scores[(min(max(total, -_REACH), _REACH) + _REACH) // _STEPS]

    def _learn(self, token: str) -> tuple[int, int, int]:
        found = words(token)
        features = [word(spelling) for spelling in found]
        added = self._sum(features)
        if found == [EMOTE] and token.isascii():
            added += max(0, self._sum([word(spelling) for spelling in spelled_out(token)]) - _EMOTE_MARGIN)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        seen = self._known[token] = (added, features[0].right, features[-1].left)
        return seen

    def _sum(self, features: list[Word]) -> int:
        """What words add by themselves and with each other."""
        weights = self._weights
        total = sum(weights[one.left ^ other.right] for one, other in pairwise(features))
        for feature in features:
            total += weights[feature.whole]
            if feature.grams:
                total += GRAMS * sum(weights[gram] for gram in feature.grams) // len(feature.grams)
        return total


def packed(bias: float, context: float, weights: list[float]) -> bytes:
    """A model's file, weights in logits."""
    rounded = array("h", (min(max(round(weight * UNIT), -(2**15)), 2**15 - 1) for weight in weights))
    if sys.byteorder == "big":
        rounded.byteswap()
    return _HEADER.pack(MAGIC, round(bias * UNIT), round(context * UNIT)) + rounded.tobytes()


@cache
def model() -> Model:
    """The packaged model."""
    return Model(FILE.read_bytes())
