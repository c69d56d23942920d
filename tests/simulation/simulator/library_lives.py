"""What happens to recordings, to clips, and among those who watch."""

from collections.abc import Iterator

from schemas.event import Event
from schemas.events import CreateClip, FailClip, FinishClip, RetryClip, ShelveVod, Tick, ViewerHeartbeat, ViewerJoined, ViewerLeft
from tests.simulation.simulator.workloads import Edges, Life, weighted

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def shelves(edges: Edges) -> Iterator[Event]:
    """VODs are shelved, some again by another retention; days pass."""
    rng = edges.rng
    vods = [f"v{n}" for n in range(rng.randint(2, 12))]
    while True:
        edges.wait(10 * DAY_US)
        if rng.random() < 0.4:
            yield Tick()
            continue
        vod = rng.choice(vods)
        yield ShelveVod(
            shelf=f"s{vod}",
            channel_id=f"c{vod}",
            vod_id=vod,
            archived_at=edges.now - rng.choice((0, 0, 5, 61)) * DAY_US,
            retention_days=rng.choice((-1, 1, 14, 60)),
        )


def clips(edges: Edges) -> Iterator[Event]:
    """Clips are asked for, too short ones too; workers finish, fail, say so twice or of an attempt that is past."""
    rng = edges.rng
    channels = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 4))]
    count = 0
    while True:
        edges.wait(3 * SECOND_US)
        channel, attempt = rng.choice(channels), rng.choice((1, 1, 1, 2, 3))
        clip = f"k{rng.randrange(count + 1)}"
        match weighted(rng, {"create": 5, "finish": 4, "fail": 3, "retry": 3}):
            case "create":
                count += 1
                yield CreateClip(
                    channel_id=channel,
                    clip_id=clip,
                    creator_id=str(rng.randrange(9)),
                    source=rng.choice(("live", "vod")),
                    ends_at=edges.now,
                    offset_ms=0,
                    duration_ms=rng.choice((4_900, 5_000, 30_000, 60_000, 60_100)),
                )
            case "finish":
                yield FinishClip(
                    channel_id=channel,
                    clip_id=clip,
                    attempt=attempt,
                    session_id="s1",
                    begins_at=edges.now,
                    duration_ms=5_000,
                    frames=150,
                    copied=100,
                    address=f"clips/{clip}/video.mp4",
                    size=9,
                    sha256="0" * 64,
                    thumbnail_address=f"clips/{clip}/thumb.jpg",
                    thumbnail_size=3,
                    thumbnail_sha256="0" * 64,
                )
            case "fail":
                yield FailClip(
                    channel_id=channel, clip_id=clip, attempt=attempt, step=rng.choice(("collect", "cut", "store")), cause="none"
                )
            case _:
                yield RetryClip(channel_id=channel, clip_id=clip)


def audiences(edges: Edges) -> Iterator[Event]:
    """Viewers come, tell that they are there, fall silent and go."""
    rng = edges.rng
    channels = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 4))]
    viewers = [f"viewer-{n}" for n in range(rng.randint(2, 20))]
    while True:
        edges.wait(10 * SECOND_US)
        channel, viewer = rng.choice(channels), rng.choice(viewers)
        match weighted(rng, {"join": 4, "beat": 8, "leave": 2}):
            case "join":
                yield ViewerJoined(channel_id=channel, viewer_session_id=viewer)
            case "beat":
                yield ViewerHeartbeat(channel_id=channel, viewer_session_id=viewer)
            case _:
                yield ViewerLeft(channel_id=channel, viewer_session_id=viewer, watched_ms=rng.randrange(600_000))


LIBRARY_LIVES: dict[str, Life] = {
    "library.shelf.commands.v1": shelves,
    "library.clip.commands.v1": clips,
    "viewer.session.events.v1": audiences,
}
"""By input topic."""
