"""What happens on each input topic: likely sequences of events, and now and then one that no sound edge would send."""

from collections.abc import Iterator
from random import Random

from schemas.event import Event
from schemas.events import (
    EncoderReported,
    Followed,
    IngestRejected,
    PartProduced,
    RegionPeers,
    RenditionDeclared,
    SegmentProduced,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    StreamTierChanged,
    StreamUpdated,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
    WorkerHeartbeat,
    WorkerStopped,
)
from tests.simulation.counting import POISONED
from tests.simulation.simulator.chat_lives import fleets, society, speakers, talk
from tests.simulation.simulator.demand_lives import demand
from tests.simulation.simulator.library_lives import LIBRARY_LIVES
from tests.simulation.simulator.workloads import Edges, Life, weighted

TIERS = ("partner", "partner", "affiliate", "regular")
SIZES = ((3840, 2160, 60.0), (1920, 1080, 60.0), (1920, 1080, 30.0), (1280, 720, 50.0), (720, 1280, 30.0), (284, 160, 15.0), (0, 0, 0.0))
SECOND_US = 1_000_000
REGIONS = ("iad", "fra", "sin")
ODD = 0.05
"""Share of events that do not fit what was before."""


def follows(edges: Edges) -> Iterator[Event]:
    """Users follow channels; some cannot be counted; time passes."""
    rng = edges.rng
    channels = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 6))]
    while True:
        edges.wait(SECOND_US)
        user = rng.choice(("ana", "bo", "cy", "dee", POISONED if rng.random() < 0.3 else "eve"))
        yield Tick() if rng.random() < 0.05 else Followed(channel_id=rng.choice(channels), user_id=user)


def streams(edges: Edges) -> Iterator[Event]:
    """Channels go live, break off, come back and end."""
    rng = edges.rng
    channels = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 5))]
    live: dict[str, str] = {}
    count = 0
    while True:
        edges.wait(20 * SECOND_US)
        channel = rng.choice(channels)
        session = live.get(channel, "")
        if rng.random() < ODD:
            session = f"s{rng.randrange(count + 2)}"  # of the past, of another channel, of nobody
        elif not session or rng.random() < ODD:  # a node that was lost ended nothing
            count += 1
            live[channel] = f"s{count}"
            yield started(rng, channel, live[channel])
            continue
        match weighted(rng, {"update": 2, "promote": 1, "interrupt": 3, "resume": 3, "end": 2, "reject": 1, "again": 1}):
            case "update":
                yield StreamUpdated(channel_id=channel, session_id=session, title=f"title {rng.randrange(9)}", category="chess")
            case "promote":
                width, height, rate = rng.choice(SIZES)
                yield StreamTierChanged(
                    channel_id=channel, session_id=session, tier=rng.choice(TIERS), width=width, height=height, frame_rate=rate
                )
            case "interrupt":
                yield StreamInterrupted(channel_id=channel, session_id=session, reason="reset", media_sequence=rng.randrange(99))
            case "resume":
                width, height, rate = rng.choice(SIZES)
                yield StreamResumed(
                    channel_id=channel,
                    session_id=session,
                    gap_ms=rng.randrange(60_000),
                    ingest_node="ingest-2",
                    width=width,
                    height=height,
                    frame_rate=rate,
                    has_audio=rng.random() < 0.9,
                )
            case "end":
                live.pop(channel, None)
                yield StreamEnded(
                    channel_id=channel,
                    session_id=session,
                    reason=rng.choice(("unpublished", "grace_over", "takeover")),
                    media_sequence=rng.randrange(-1, 99),
                    frames_in=9,
                    frames_out=8,
                    frames_dropped=1,
                    bytes_in=1_000,
                    media_ms=300,
                )
            case "reject":
                yield IngestRejected(
                    channel_id=rng.choice((channel, None)), reason="unknown_key", detail="not known", ingest_node="ingest-1"
                )
            case _:
                yield started(rng, channel, session)


def started(rng: Random, channel: str, session: str) -> StreamStarted:
    """A session begins."""
    width, height, rate = rng.choice(SIZES)
    return StreamStarted(
        channel_id=channel,
        session_id=session,
        login=f"user{channel}",
        tier=rng.choice(TIERS),
        region=rng.choice(("iad", "fra")),
        ingest_node="ingest-1",
        width=width,
        height=height,
        frame_rate=rate,
        has_audio=True,
    )


def commands(edges: Edges) -> Iterator[Event]:
    """Regions: workers beat, fall silent, drain and go, one of them rented; sessions ask for their ladder and give it back; each second
    ticks. No region has peers: what it tells them would be on the topic that is folded.
    """
    rng = edges.rng
    regions = REGIONS[: rng.randint(1, 3)]
    workers = [f"w{n}" for n in range(rng.randint(1, 4))]
    sessions = [f"s{n}" for n in range(rng.randint(1, 8))]
    capacity = rng.choice((20.0, 90.0, 300.0))
    silent: set[str] = set()
    while True:
        edges.wait(SECOND_US // 4)
        region, session, worker = rng.choice(regions), rng.choice(sessions), rng.choice(workers)
        channel = "c" + session
        match weighted(rng, {"tick": 4, "beat": 8, "silence": 1, "request": 5, "cancel": 2, "stop": 1, "report": 2}):
            case "tick":
                edges.wait(2 * SECOND_US)
                yield Tick()
            case "beat" if worker not in silent or rng.random() < ODD:
                share = rng.choice((1.0, 1.0, 1.0, 0.5, 0.0))
                yield WorkerHeartbeat(
                    region=region,
                    worker_id=worker,
                    capacity=capacity * share,
                    sessions=(session,),
                    draining=rng.random() < ODD,
                    overflow=worker == "w3",
                )
            case "silence":
                silent ^= {worker}
            case "request":
                width, height, rate = rng.choice(SIZES)
                tier = rng.choice(("partner", "affiliate", "regular"))
                yield TranscodeRequested(
                    region=region, channel_id=channel, session_id=session, tier=tier, width=width, height=height, frame_rate=rate
                )
            case "cancel":
                yield TranscodeCancelled(region=region, channel_id=channel, session_id=session, reason="unpublished")
            case "stop":
                yield WorkerStopped(region=region, worker_id=worker)
            case "report":
                yield EncoderReported(region=region, channel_id=channel, session_id=session, worker_id=worker, cause="signal 11")
            case _:
                pass


def peers(edges: Edges) -> Iterator[Event]:
    """Operators set the peers of regions, some to none; hours pass."""
    rng = edges.rng
    while True:
        edges.wait(1_000 * SECOND_US)
        region = rng.choice(REGIONS)
        others = rng.sample([each for each in REGIONS if each != region], rng.randint(0, 2))
        yield Tick() if rng.random() < 0.3 else RegionPeers(region=region, peers=tuple(others))


class Channel:
    """A channel that makes segments."""

    def __init__(self, rng: Random, number: str) -> None:
        self.number = number
        self.sequence = rng.randrange(100)
        self.sessions = 0
        self.discontinuity = 0
        self.declared: set[str] = set()

    def common(self, rendition: str) -> dict[str, object]:
        """Fields that all its events have."""
        return {
            "channel_id": self.number,
            "session_id": f"{self.number}-{self.sessions}",
            "rendition": rendition,
            "discontinuity_sequence": self.discontinuity,
            "sha256": "0" * 64,
            "size": 100 + self.sequence,
            "address": f"{self.number}/{self.sessions}/{rendition}/{self.sequence}",
            "timescale": 90_000,
        }


def segments(edges: Edges) -> Iterator[Event]:
    """Channels make parts and segments of some renditions, which leave and stay; they break off, jump, and begin anew."""
    rng = edges.rng
    channels = [Channel(rng, str(rng.randrange(1_000))) for _ in range(rng.randint(1, 3))]
    renditions = ("source", "480p30", "audio")[: rng.randint(1, 3)]
    while True:
        edges.wait(2 * SECOND_US)
        channel = rng.choice(channels)
        match weighted(rng, {"segment": 20, "jump": 4, "interrupt": 2, "session": 1}):
            case "jump":
                channel.sequence += rng.choice((1, 5, 20, 40))  # what leaves the window is removed from the rows
            case "interrupt":
                channel.discontinuity += 1
                channel.declared.clear()
            case "session":
                channel.sessions += 1
                channel.sequence += 10
                channel.declared.clear()
            case _:
                channel.sequence += 1
        for rendition in renditions:
            yield from segment(rng, channel, rendition, edges.now)


def segment(rng: Random, channel: Channel, rendition: str, began_us: int) -> Iterator[Event]:
    """A segment of a rendition, part by part; parts may be missing, late or old."""
    if rendition not in channel.declared or rng.random() < 0.12:
        channel.declared.add(rendition)
        yield RenditionDeclared(
            **channel.common(rendition),
            kind="audio" if rendition == "audio" else "video",
            codecs="x",
            part_target_us=1,
            segment_target_us=2,
            leaving=rng.random() < 0.2,
        )
    parts = rng.randint(1, 3)
    times = {"decode_time": channel.sequence * 180_000, "programme_date_time": began_us, "received_at": began_us, "stored_at": began_us}
    old = channel.sequence - (rng.randint(1, 50) if rng.random() < ODD else 0)
    for part in range(parts):
        if rng.random() > ODD:
            yield PartProduced(**channel.common(rendition), **times, media_sequence=old, part=part, duration=18_000, independent=part == 0)
    if rng.random() > ODD:
        yield SegmentProduced(
            **channel.common(rendition), **times, media_sequence=old, parts=parts, duration=18_000 * parts, independent=True
        )


LIVES: dict[str, Life] = {
    "channel.social.events.v1": follows,
    "media.stream.events.v1": streams,
    "media.capacity.commands.v1": commands,
    "media.region.state.v1": peers,
    "media.demand.events.v1": demand,
    "media.segment.events.v1": segments,
    "chat.message.commands.v1": talk,
    "chat.user.events.v1": speakers,
    "chat.fleet.commands.v1": fleets,
    "society": society,
    **LIBRARY_LIVES,
}
"""By input topic; a fold that has a life of its own goes by its name."""


def life_of(fold: str, topic: str) -> Life:
    """The life that a fold is run on."""
    return LIVES.get(fold) or LIVES[topic]
