"""Fits AutoMod's model to the generated corpus."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import SGDClassifier

from processors.chat.text.automod import GRAMS, packed
from processors.chat.text.features import BUCKETS, START, tokens, word, words
from processors.chat.training.corpus import SEED, Message

PASSES = 6
REGULARISATION = 1e-4
"""Both chosen by holding out one part of the trainer's own templates from another; those of the curve had no say."""


def features(text: str) -> dict[int, float]:
    """Number of a weight -> how much it counts: what `Model.score` adds up."""
    found: dict[int, float] = defaultdict(float)
    left = word(START).left
    for token in tokens(text):
        for spelling in words(token):
            feature = word(spelling)
            found[feature.whole] += 1
            found[left ^ feature.right] += 1
            for gram in feature.grams:
                found[gram] += GRAMS / len(feature.grams)
            left = feature.left
    return found


def train(messages: Iterable[Message]) -> bytes:
    """The file of a model. The same messages give the same bytes: one thread, no sums whose order depends on the machine."""
    indexes: list[int] = []
    values: list[float] = []
    ends, labels = [0], []
    seen: dict[int, str] = {}
    common: set[int] = set()
    # A feature of one template alone says nothing of others: it gets no weight.
    for message in messages:
        found = features(message.text)
        for index in found:
            if seen.setdefault(index, message.template.pattern) != message.template.pattern:
                common.add(index)
        found[BUCKETS] = message.context
        indexes += found.keys()
        values += found.values()
        ends.append(len(indexes))
        labels.append(message.hostile)
    matrix = csr_array((np.array(values), np.array(indexes, np.int32), np.array(ends, np.int32)), shape=(len(labels), BUCKETS + 1))
    kept = np.zeros(BUCKETS + 1)
    kept[[*common, BUCKETS]] = 1
    matrix.data *= kept[matrix.indices]
    fitted = SGDClassifier(loss="log_loss", alpha=REGULARISATION, average=True, max_iter=PASSES, tol=None, random_state=SEED)
    fitted.fit(matrix, np.array(labels))
    weights = fitted.coef_[0].tolist()
    return packed(float(fitted.intercept_[0]), weights[BUCKETS], weights[:BUCKETS])
