"""The generated log: what channels and viewers of a world do, as typed events in the order of their time."""

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.random import Generator, default_rng

from processors.recommend.arrays import Floats, Ints
from processors.recommend.live import Observed
from processors.recommend.position import examined
from processors.recommend.training import world
from processors.recommend.training.world import Channels, People, Size, Streams
from schemas.event import Event
from schemas.events import (
    ChannelProfile,
    Followed,
    RecommendationClicked,
    RecommendationServed,
    StreamEnded,
    StreamStarted,
    Subscribed,
    ViewerJoined,
    ViewerLeft,
)
from schemas.events.discovery import ServedItem

SECOND_US = 1_000_000
STEP_S = 600
"""A step of the protocol, and of the observations: ten minutes, as the published log of Twitch has it (Rappaz et al. 2021)."""
MEDIAN_MINUTES, SPREAD = 11.0, 1.86
"""Of a visit as it would be were no stream to end; with those that end it, the median is 10 minutes and the mean 31."""
LIKING = 0.35
"""How far liking lengthens a visit: logarithm of the minutes per standard deviation."""
PAGE = 0.65
"""Of visits to new channels, those that begin on a page of recommendations; the others browse by audience."""
CLICK = -3.2
"""Log odds of opening a stream that is looked at, of middling taste and without audience."""
POLICY = "popular.v0"
"""What made the pages of the generated log: audience and language, with noise."""


class Visit(NamedTuple):
    """One visit of one viewer to one broadcast."""

    viewer: int
    stream: int
    start_s: int
    end_s: int
    cut: bool
    """Whether the broadcast's end ended it: how long it would have been is not known."""
    organic: bool
    """Whether the viewer came without a page of recommendations."""


class World:
    """A platform and its log."""

    def __init__(self, size: Size, seed: int = 1) -> None:
        """The same size and seed give the same log."""
        self.size = size
        rng = default_rng(seed)
        self.channels: Channels = world.channels(rng, size)
        self.people: People = world.people(rng, size, self.channels)
        self.streams: Streams = world.streams(rng, size, self.channels)
        self.visits: list[Visit] = []
        self._events: list[tuple[int, int, Event]] = []
        self._times = np.zeros((size.viewers, size.channels), np.float32)
        self._last = np.zeros((size.viewers, size.channels), np.int64)
        self._follows: set[tuple[int, int]] = set()
        self._likings = [1.0, 0.0, 1.0]
        """Count, sum and sum of squares so far: liking is taken relative to them."""
        self._live(rng)

    def events(self) -> Iterator[Event | Observed]:
        """The whole log in the order of time."""
        lives = sorted(self._events, key=_order)
        everything: list[Iterable[tuple[int, int, Event | Observed]]] = [self._channel_events(), self._observations(), lives]
        for _, _, event in merge(*everything, key=_order):
            yield event

    def taste(self, viewer: int, channels: Ints) -> Floats:
        """How much a viewer likes channels, in log odds."""
        likes: Floats = 0.55 * self.channels.taste[channels] @ self.people.taste[viewer]
        foreign = self.channels.language[channels] != self.people.language[viewer]
        return np.where(foreign, likes - 2.2, likes)

    def opening(self, viewer: int, channels: Ints, viewers: Floats) -> Floats:
        """Chance that a viewer opens streams that he looks at."""
        chance: Floats = 1 / (1 + np.exp(-(CLICK + 0.9 * self.taste(viewer, channels) + 0.25 * np.log1p(viewers))))
        return chance

    def _live(self, rng: Generator) -> None:
        """Lets every viewer come and go."""
        size = self.size
        counts = rng.poisson(np.minimum(self.people.rate, 8) * size.days)
        viewer = np.repeat(np.arange(size.viewers), counts)
        hours = rng.choice(24, len(viewer), p=world.HOUR_WEIGHTS / world.HOUR_WEIGHTS.sum()) * 3_600
        when = world.EPOCH_S + rng.integers(0, size.days, len(viewer)) * world.DAY_S + hours + rng.integers(0, 3_600, len(viewer))
        busy = np.zeros(size.viewers, np.int64)
        for at in np.argsort(when, kind="stable"):
            who, now = int(viewer[at]), int(when[at])
            if busy[who] <= now:
                busy[who] = self._come(rng, who, now)

    def _come(self, rng: Generator, who: int, now: int) -> int:
        """A viewer comes; returns when he goes."""
        live = np.flatnonzero((self.streams.start_s <= now) & (self.streams.end_s > now))
        if not len(live):
            return now
        channels = self.streams.channel[live]
        times = self._times[who, channels]
        known = np.flatnonzero(times)
        if len(known) and rng.random() < self.people.loyal[who]:
            of = channels[known]
            days = (now - self._last[who, of]) / world.DAY_S
            fresh = np.exp(-(now - self.streams.start_s[live[known]]) / 2_400)
            pull = 0.8 * self.taste(who, of) + 1.2 * np.log1p(times[known]) - 0.15 * days + 0.8 * fresh
            return self._watch(rng, who, int(live[known[drawn(rng, pull)]]), now, organic=True)
        viewers = world.outside_viewers(self.channels, self.streams, live, now)
        if rng.random() < PAGE:
            return self._page(rng, who, live, viewers, now)
        pull = 0.8 * np.log1p(viewers) + self.taste(who, channels)
        return self._watch(rng, who, int(live[drawn(rng, pull)]), now, organic=True)

    def _page(self, rng: Generator, who: int, live: Ints, viewers: Floats, now: int) -> int:
        """A page is shown; what is opened is watched in turn."""
        channels = self.streams.channel[live]
        score = np.log1p(viewers) + 1.5 * (self.channels.language[channels] == self.people.language[who]) + rng.gumbel(0, 1, len(live))
        shown = np.argsort(-score, kind="stable")[: len(examined())]
        request_id = f"{who}-{now}"
        user_id = self.people.ids[who]
        # The policy draws by Gumbel noise (Plackett-Luce); its propensities are those of the first draw, and none is used in training.
        share = np.exp(score[shown] - score[shown].max())
        items = tuple(
            ServedItem(channel_id=self.channels.ids[channels[at]], probability=0.0, score=float(score[at]), propensity=float(part))
            for at, part in zip(shown, share / share.sum(), strict=True)
        )
        served = RecommendationServed(
            event_id=request_id,
            user_id=user_id,
            request_id=request_id,
            model=POLICY,
            place_limit=len(items),
            as_of=now * SECOND_US,
            items=items,
        )
        self._add(now, served)
        opened = rng.random(len(shown)) < examined()[: len(shown)] * self.opening(who, channels[shown], viewers[shown])
        for place in np.flatnonzero(opened):
            stream = int(live[shown[place]])
            if self.streams.end_s[stream] <= now + 1:
                continue
            channel_id = self.channels.ids[self.streams.channel[stream]]
            click = RecommendationClicked(
                user_id=user_id, request_id=request_id, causation_id=request_id, channel_id=channel_id, place=int(place)
            )
            self._add(now, click)
            now = self._watch(rng, who, stream, now + 1, organic=False)
        return now + 1

    def _watch(self, rng: Generator, who: int, stream: int, now: int, *, organic: bool) -> int:
        """One visit; returns its end."""
        channel = int(self.streams.channel[stream])
        liking = float(self.taste(who, np.array([channel]))[0])
        count, total, squares = self._likings
        mean = total / count
        deviation = max(squares / count - mean**2, 0.25) ** 0.5
        relative = min(max((liking - mean) / deviation, -2.5), 2.5)
        self._likings = [count + 1, total + liking, squares + liking * liking]
        rest = (SPREAD**2 - LIKING**2) ** 0.5
        seconds = max(5, int(60 * MEDIAN_MINUTES * np.exp(LIKING * relative + rest * rng.normal())))
        end = int(min(now + seconds, self.streams.end_s[stream]))
        visit = Visit(who, stream, now, end, now + seconds > end, organic)
        self.visits.append(visit)
        self._times[who, channel] += 1
        self._last[who, channel] = now
        user_id, channel_id = self.people.ids[who], self.channels.ids[channel]
        device = "mobile" if rng.random() < self.people.mobile[who] else "desktop"
        joined, left = watched(user_id, channel_id, now, end - now, device)
        self._add(now, joined)
        self._add(end, left)
        if end - now > STEP_S and (who, channel) not in self._follows and rng.random() < 0.25:
            self._follows.add((who, channel))
            self._add(end, Followed(channel_id=channel_id, user_id=user_id))
        elif (who, channel) in self._follows and rng.random() < 0.02:
            self._add(end, Subscribed(channel_id=channel_id, user_id=user_id, plan="tier1", cumulative_months=1))
        return end

    def _add(self, at_s: int, event: Event) -> None:
        self._events.append((at_s * SECOND_US, 3 + len(self._events), stamped(event, at_s)))

    def _channel_events(self) -> Iterator[tuple[int, int, Event]]:
        """Profiles, and broadcasts' beginnings and ends."""
        of = self.channels
        found: list[tuple[int, int, Event]] = []
        for n in range(len(of.ids)):
            at = max(world.EPOCH_S, int(of.created_s[n]))
            found.append((at * SECOND_US, 0, profile(of, n, at)))
        for channel, start, end in zip(*(column.tolist() for column in self.streams[:3]), strict=True):
            found += [(start * SECOND_US, 1, start_of(of, channel, start)), (end * SECOND_US, 2, end_of(of, channel, start, end))]
        yield from sorted(found, key=_order)

    def _observations(self) -> Iterator[tuple[int, int, Observed]]:
        """Windowed features of all live streams, each step."""
        busy = 0.2 + default_rng(self.size.channels).random(self.size.channels)
        for at in range(world.EPOCH_S, world.EPOCH_S + self.size.days * world.DAY_S, STEP_S):
            live = np.flatnonzero((self.streams.start_s <= at) & (self.streams.end_s > at))
            viewers = world.outside_viewers(self.channels, self.streams, live, at)
            before = np.where(
                self.streams.start_s[live] <= at - 300, world.outside_viewers(self.channels, self.streams, live, at - 300), 0.0
            )
            channels = self.streams.channel[live]
            names = tuple(self.channels.ids[channel] for channel in channels)
            chat = np.floor(busy[channels] * viewers**0.8)
            yield at * SECOND_US, 3, Observed(at * SECOND_US, names, viewers, viewers - before, chat)


def _order(at: tuple[int, int, Event | Observed]) -> tuple[int, int]:
    return at[:2]


def drawn(rng: Generator, pull: Floats) -> int:
    """One of the options, by the softmax of what draws to them."""
    chance = np.exp(pull - pull.max())
    return int(rng.choice(len(pull), p=chance / chance.sum()))


def profile(of: Channels, channel: int, at_s: int) -> ChannelProfile:
    """A channel's account."""
    return ChannelProfile(
        occurred_at=at_s * SECOND_US,
        channel_id=of.ids[channel],
        login=f"channel{of.ids[channel]}",
        display_name=f"Channel {of.ids[channel]}",
        tier=of.tier[channel],
        category=of.games[channel],
        language=of.languages[channel],
        mature=bool(of.mature[channel]),
        client_id="",
        created_at=int(of.created_s[channel]) * SECOND_US,
    )


def start_of(of: Channels, channel: int, start_s: int) -> StreamStarted:
    """A broadcast begins."""
    return StreamStarted(
        occurred_at=start_s * SECOND_US,
        channel_id=of.ids[channel],
        session_id=f"{channel}-{start_s}",
        login=f"channel{of.ids[channel]}",
        tier=of.tier[channel],
        region="iad",
        ingest_node="ingest-1",
        width=1_920,
        height=1_080,
        frame_rate=60.0,
        has_audio=True,
    )


def end_of(of: Channels, channel: int, start_s: int, end_s: int) -> StreamEnded:
    """It ends."""
    seconds = end_s - start_s
    return StreamEnded(
        occurred_at=end_s * SECOND_US,
        channel_id=of.ids[channel],
        session_id=f"{channel}-{start_s}",
        reason="unpublished",
        media_sequence=seconds // 2,
        frames_in=60 * seconds,
        frames_out=60 * seconds,
        frames_dropped=0,
        bytes_in=750_000 * seconds,
        media_ms=1_000 * seconds,
    )


def started(of: Channels, at_s: int) -> Iterator[Event]:
    """All channels are there, and go live at once."""
    for channel in range(len(of.ids)):
        yield profile(of, channel, at_s)
        yield start_of(of, channel, at_s)


def watched(user_id: str, channel_id: str, at_s: int, seconds: int, device: str = "desktop") -> tuple[ViewerJoined, ViewerLeft]:
    """A visit."""
    session = f"{user_id}-{channel_id}-{at_s}"
    joined = ViewerJoined(occurred_at=at_s * SECOND_US, channel_id=channel_id, viewer_session_id=session, user_id=user_id, device=device)
    left = ViewerLeft(
        occurred_at=(at_s + seconds) * SECOND_US,
        channel_id=channel_id,
        viewer_session_id=session,
        user_id=user_id,
        watched_ms=1_000 * seconds,
    )
    return joined, left


def stamped(event: Event, at_s: int) -> Event:
    """With the time at which it happened."""
    return msgspec.structs.replace(event, occurred_at=at_s * SECOND_US)
