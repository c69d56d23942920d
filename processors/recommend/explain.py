"""Why a page shows what it shows, in words, from its event alone."""

import numpy as np

from processors.recommend.features import NAMES, REGISTRY, VERSION, WINDOW
from processors.recommend.rankers import Model
from schemas.events import RecommendationServed
from schemas.events.discovery import ServedItem

TOLD = 3
"""Features that are told of a stream: those that moved it most."""
SOURCES = {
    "followed": ("you follow it", "follows"),
    "embedding": ("like what you watch", "similarity"),
    "categories": ("of a category that you watch", "category"),
    "collaborative": ("its viewers watch what you watch", "shared_viewers"),
    "trending": ("its audience grows", "viewers_delta"),
    "fresh": ("new here", ""),
}
"""Candidate sources as viewers are told, each with the feature that is above 0 where the words are true: of somebody unknown a source
takes what most watch, and where little is live it names all of that."""
RULES = {
    "partner": "a partner's stream",
    "promoted": "promoted",
    "raid": "raided a moment ago",
    "new": "new here",
    "velocity": "its audience grows",
}
"""Rules, likewise."""


def reasons(item: ServedItem) -> list[str]:
    """In a few words, for the page: only what is true of this viewer and this stream."""
    known = dict(zip(NAMES, item.features, strict=False))  # a policy that judges nothing has none

    def has(feature: str) -> bool:
        return known.get(feature, 0.0) > 0

    found = ["you watched it before"] if has("times_watched") else []
    for source in item.sources:
        words, feature = SOURCES.get(source, (source, ""))
        if not feature or has(feature):
            found.append(words)
    if item.explored:
        found.append("shown to learn whether it is liked")
    found += [RULES.get(name, name) for rule in item.rules if (name := rule.partition(" ")[0])]
    return list(dict.fromkeys(found)) or ["others watch it now" if has("viewers") else "live now"]


def moved(page: RecommendationServed, model: Model) -> list[list[str]]:
    """Of each place the features that moved it most, with value and what they added to the log odds; empty where another model judged."""
    if page.model != model.version or page.feature_version != VERSION or not page.items:
        return [[] for _ in page.items]
    table = np.array([item.features for item in page.items])
    added = model.contributions(table)
    order = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :TOLD]
    return [[f"{NAMES[at]}={table[row, at]:.4g} {added[row, at]:+.2f}" for at in order[row]] for row in range(len(table))]


def registry() -> str:
    """The features as a table, for docs/why/recommendations.md."""
    lines = ["| feature | type | fresh | default | meaning |", "|---|---|---|---|---|"]
    for feature in REGISTRY:
        fresh = f"{feature.freshness} window" if feature.freshness == WINDOW else feature.freshness
        lines.append(f"| `{feature.name}` | {feature.type} | {fresh} | {feature.default:g} | {feature.meaning} |")
    return "\n".join(lines) + "\n"
