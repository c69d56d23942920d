"""Why a page shows what it shows, in words, from its event alone."""

import numpy as np

from processors.recommend.features import NAMES, REGISTRY, VERSION, WINDOW
from processors.recommend.rankers import Model
from schemas.events import RecommendationServed
from schemas.events.discovery import ServedItem

TOLD = 3
"""Features that are told of a stream: those that moved it most."""
SOURCES = {
    "followed": "you follow it",
    "embedding": "like what you watch",
    "categories": "watched much in a category of yours",
    "collaborative": "its viewers watch what you watch",
    "trending": "grows now",
    "fresh": "new here",
}
"""Candidate sources as viewers are told."""


def reasons(item: ServedItem) -> list[str]:
    """In a few words, for the page."""
    found = [SOURCES.get(source, source) for source in item.sources]
    if item.explored:
        found.append("shown to learn whether it is liked")
    return found + [rule.split(" ")[0] for rule in item.rules]


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
