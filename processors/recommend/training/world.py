"""A generated platform: channels, their schedules and audiences, and viewers with tastes. All from one seed."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from processors.recommend.arrays import Floats, Ints
from processors.recommend.taxonomy import CATEGORY_OF, GAMES
from schemas.events.channel import Tier

EXPONENT, SHIFT = 0.88, 2.5
"""Zipf-Mandelbrot law of channels' audiences: weight (rank + 2.5) ** -0.88."""
DAY_S = 86_400
HOUR_WEIGHTS = 1.0 + 0.85 * np.cos((np.arange(24) - 20.0) * 2 * np.pi / 24)
"""When people watch, by hour: evening peak at 20, a twelfth of it at 8."""
LANGUAGES = ("en", "es", "pt", "de", "fr", "ko")
LANGUAGE_SHARES = np.array([0.5, 0.15, 0.11, 0.1, 0.08, 0.06])
TASTES = 6
"""Dimensions of taste; the platform does not see them."""
EPOCH_S = 1_767_225_600
"""2026-01-01, a Thursday: when the generated log begins, seconds since 1970."""
MEAN_VIEWERS = 25.0
"""Viewers a live stream: 2.5 million over 100,000 (README of the capacity model: 1 to 15 million)."""


class Size(NamedTuple):
    """How much world."""

    channels: int = 1_500
    viewers: int = 1_500
    days: int = 21
    visits_a_day: float = 1.6


def audience_weights(channels: int) -> Floats:
    """Shares of the audience by rank."""
    weights: Floats = (np.arange(1, channels + 1) + SHIFT) ** -EXPONENT
    return np.asarray(weights / weights.sum(), np.float64)


class Channels(NamedTuple):
    """Columns of all channels."""

    ids: list[str]
    games: list[str]
    languages: list[str]
    game: Ints
    category: Ints
    language: Ints
    weight: Floats
    """Share of the audience among all channels; the mean is 1."""
    taste: Floats
    tier: list[Tier]
    mature: NDArray[np.bool_]
    created_s: Ints
    """Seconds since 1970; some are made while the log runs, and none streams before."""


class People(NamedTuple):
    """Columns of all viewers."""

    ids: list[str]
    taste: Floats
    language: Ints
    rate: Floats
    """Visits a day."""
    loyal: Floats
    """Chance that a visit goes to a channel that he knows, where one is live."""
    mobile: Floats


class Streams(NamedTuple):
    """Columns of all broadcasts, by their beginning."""

    channel: Ints
    start_s: Ints
    end_s: Ints
    luck: Floats
    """Factor of its audience."""


def channels(rng: Generator, size: Size) -> Channels:
    """All channels. A fifth is new: made in the last 30 days of the log."""
    n = size.channels
    names = [game for games in GAMES.values() for game in games]
    kinds = list(GAMES)
    popular = rng.permutation(len(names))
    game = rng.choice(len(names), n, p=audience_weights(len(names))[popular])
    centres = rng.normal(0, 1, (len(names), TASTES))
    rank = rng.permutation(n)
    language = rng.choice(len(LANGUAGES), n, p=LANGUAGE_SHARES)
    end = EPOCH_S + size.days * DAY_S
    age_days = np.where(rng.random(n) < 0.2, rng.uniform(0, 30, n), rng.uniform(30, 1_500, n))
    return Channels(
        [str(100_000 + number) for number in range(n)],
        [names[number] for number in game],
        [LANGUAGES[number] for number in language],
        game,
        np.array([kinds.index(CATEGORY_OF[names[number]]) for number in game]),
        language,
        audience_weights(n)[rank] * n,
        0.7 * centres[game] + 0.7 * rng.normal(0, 1, (n, TASTES)),
        ["partner" if at < 0.02 * n else "affiliate" if at < 0.22 * n else "regular" for at in rank],
        rng.random(n) < 0.06,
        (end - age_days * DAY_S).astype(np.int64),
    )


def people(rng: Generator, size: Size, catalog: Channels) -> People:
    """All viewers; each one's taste lies near a game that he likes."""
    n = size.viewers
    idols = rng.choice(size.channels, n, p=catalog.weight / catalog.weight.sum())
    return People(
        [str(5_000_000 + number) for number in range(n)],
        0.8 * catalog.taste[idols] + 0.5 * rng.normal(0, 1, (n, TASTES)),
        np.where(rng.random(n) < 0.85, catalog.language[idols], 0),
        size.visits_a_day * rng.lognormal(-0.32, 0.8, n),
        np.clip(rng.normal(0.72, 0.12, n), 0.2, 0.95),
        rng.beta(0.6, 1.0, n),
    )


def streams(rng: Generator, size: Size, catalog: Channels) -> Streams:
    """The broadcasts: most channels keep to an hour of theirs, more often in the evening; regular ones stream less often."""
    n = size.channels
    hour = rng.choice(24, n, p=(HOUR_WEIGHTS + 0.4) / (HOUR_WEIGHTS + 0.4).sum()) + rng.random(n) - 2
    often = np.clip(rng.beta(2, 3, n) + 0.2 * np.log(catalog.weight).clip(-1, 2), 0.08, 0.95)
    day, channel = np.nonzero(rng.random((size.days, n)) < often)
    start = EPOCH_S + day * DAY_S + ((hour[channel] + rng.normal(0, 0.7, len(day))) * 3_600).astype(np.int64)
    length = np.clip(rng.lognormal(np.log(4.5 * 3_600), 0.45, len(day)), 1_200, 14 * 3_600).astype(np.int64)
    luck = rng.lognormal(-0.08, 0.4, len(day))
    kept = (start > np.maximum(EPOCH_S, catalog.created_s[channel])) & (start + length < EPOCH_S + size.days * DAY_S + 12 * 3_600)
    order = np.lexsort((start[kept], channel[kept]))
    channel, start, length, luck = channel[kept][order], start[kept][order], length[kept][order], luck[kept][order]
    end = start + length
    # A broadcast ends before the channel's next one begins.
    same = np.append(channel[1:] == channel[:-1], [False])
    end = np.where(same, np.minimum(end, np.append(start[1:], [0]) - 600), end)
    whole = np.flatnonzero(end - start > 600)
    whole = whole[np.argsort(start[whole], kind="stable")]
    return Streams(channel[whole], start[whole], end[whole], luck[whole])


def outside_viewers(catalog: Channels, on: Streams, live: Ints, at_s: int) -> Floats:
    """Viewers of live broadcasts at a moment: the platform's whole audience, of which the generated viewers are a sample."""
    daily = np.interp(at_s % DAY_S / 3_600, np.arange(25), np.append(HOUR_WEIGHTS, HOUR_WEIGHTS[0]))
    minutes = (at_s - on.start_s[live]) / 60
    ramp = 1 - 0.9 * np.exp(-np.maximum(minutes, 0) / 25)
    found: Floats = np.floor(MEAN_VIEWERS * catalog.weight[on.channel[live]] * on.luck[live] * daily * ramp)
    return found
