"""What happens around chat rooms: people talk, moderators intervene, edges report, and some do what they may not."""

from collections.abc import Iterator

from schemas.event import Event
from schemas.events import (
    Announce,
    ChangeMode,
    ChangeTerm,
    ClearChat,
    DeleteMessage,
    Followed,
    GatewayReported,
    GrantRole,
    LiftSanction,
    PostMessage,
    Raided,
    RecordFollow,
    RecordRaid,
    RecordSubscription,
    ReportBacklog,
    ReviewMessage,
    SanctionUser,
    Subscribed,
    ThrottleUser,
    Tick,
    Unfollowed,
    UserSpoke,
)
from tests.simulation.simulator.workloads import Edges, weighted

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
TEXTS = (
    "hello",
    "Hello",
    "how are you all",
    "chroniHype <3",
    "chroniCrown",
    "you are an idiot",
    "go kill yourself idiot",
    "buy cheap followers http://a.example http://b.example http://c.example http://d.example",
    "that was a banana",
    "",
    "x" * 501,
    "Ünïcödé ✨ :)",
)
TERMS = ("banana", "hello", "x", "how are")
COMMANDS = {
    "say": 30,
    "delete": 2,
    "sanction": 3,
    "lift": 2,
    "clear": 1,
    "mode": 4,
    "term": 2,
    "review": 4,
    "grant": 3,
    "announce": 1,
    "backlog": 4,
    "throttle": 1,
    "follow": 2,
    "subscribe": 2,
    "raid": 1,
}


def talk(edges: Edges) -> Iterator[Event]:
    """Some rooms with their broadcasters, of whom one may be in another's room too."""
    rng = edges.rng
    channels = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 4))]
    users = [*channels, *(str(2_000 + n) for n in range(rng.randint(2, 6)))]
    messages: list[str] = []
    while True:
        edges.wait(rng.choice((SECOND_US // 2, SECOND_US, 5 * SECOND_US, 60 * SECOND_US, HOUR_US)))
        channel, user = rng.choice(channels), rng.choice(users)
        moderator = channel if rng.random() < 0.7 else rng.choice(users)
        known = rng.choice(messages) if messages else "m0"
        common = {"channel_id": channel, "user_id": user, "moderator_id": moderator}
        match weighted(rng, COMMANDS):
            case "say":
                messages.append(f"m{len(messages)}")
                text = rng.choice(TEXTS)
                yield PostMessage(channel_id=channel, message_id=messages[-1], user_id=user, user_login=user, display_name=user, text=text)
            case "delete":
                yield DeleteMessage(**common, message_id=known)
            case "sanction":
                yield SanctionUser(**common, seconds=rng.choice((None, 1, 60, 3_600, 0)), reason=rng.choice(("", "rude")))
            case "lift":
                yield LiftSanction(**common)
            case "clear":
                yield ClearChat(channel_id=channel, moderator_id=moderator)
            case "mode":
                yield ChangeMode(
                    channel_id=channel,
                    moderator_id=moderator,
                    slow_seconds=rng.choice((None, 0, 5, 121)),
                    followers_only_minutes=rng.choice((None, -1, 0, 10)),
                    subscribers_only=rng.choice((None, None, False, True)),
                    emote_only=rng.choice((None, None, False, True)),
                    unique_chat=rng.choice((None, True, True, False)),
                    automod_level=rng.choice((None, 0, 2, 4)),
                )
            case "term":
                yield ChangeTerm(channel_id=channel, moderator_id=moderator, term=rng.choice(TERMS), blocked=rng.random() < 0.6)
            case "review":
                yield ReviewMessage(channel_id=channel, message_id=known, moderator_id=moderator, approved=rng.random() < 0.5)
            case "grant":
                yield GrantRole(**common, role=rng.choice(("moderator", "vip")), granted=rng.random() < 0.7)
            case "announce":
                yield Announce(
                    channel_id=channel,
                    message_id=f"a{len(messages)}",
                    user_id=moderator,
                    user_login=moderator,
                    display_name=moderator,
                    text=rng.choice(TEXTS),
                    accent=rng.choice(("primary", "blue", "pink")),
                )
            case "backlog":
                waiting = rng.choice((0, 10, 300, 2_000))
                yield ReportBacklog(channel_id=channel, node=rng.choice(("edge-1", "edge-2")), waiting=waiting, oldest_ms=waiting)
            case "throttle":
                yield ThrottleUser(channel_id=channel, user_id=user, until=edges.now + rng.randint(0, 30 * SECOND_US))
            case "follow":
                since = rng.choice((None, edges.now, edges.now - HOUR_US))
                yield RecordFollow(channel_id=channel, user_id=user, since=since)
            case "subscribe":
                yield RecordSubscription(
                    channel_id=channel,
                    user_id=user,
                    plan=rng.choice(("tier1", "tier3", "prime")),
                    cumulative_months=rng.randint(1, 70),
                    gifter_id=rng.choice((None, None, channel)),
                )
            case _:
                yield RecordRaid(channel_id=channel, from_channel_id=user, viewers=rng.randrange(100))


def speakers(edges: Edges) -> Iterator[Event]:
    """Users speak in several rooms; one speaks too much."""
    rng = edges.rng
    users = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 4))]
    while True:
        edges.wait(10 * SECOND_US if rng.random() < 0.1 else SECOND_US // 10)
        user = users[0] if rng.random() < 0.9 else rng.choice(users)
        yield UserSpoke(user_id=user, channel_id=str(rng.randrange(5)))


def fleets(edges: Edges) -> Iterator[Event]:
    """Gateways of some regions report, under a load that stays for a while; some fall silent, some shut down."""
    rng = edges.rng
    regions = ("local", "north", "south")[: rng.randint(1, 3)]
    load = 0.9
    while True:
        edges.wait(rng.choice((5, 120)) * SECOND_US)
        if rng.random() < 0.25:
            load = rng.choice((0.02, 0.5, 0.9, load * 2, load * 2))
        yield GatewayReported(
            region=rng.choice(regions),
            gateway_id=f"gateway-{rng.randrange(4)}",
            connections=int(load * 10_000),
            capacity=10_000,
            cpu=load * rng.choice((0.1, 1.1)),
            draining=rng.random() < 0.05,
        )


def society(edges: Edges) -> Iterator[Event]:
    """Users follow, subscribe and bring others along; time passes."""
    rng = edges.rng
    channels = [str(rng.randrange(1_000)) for _ in range(rng.randint(1, 6))]
    while True:
        edges.wait(SECOND_US)
        channel, user = rng.choice(channels), str(rng.randrange(20))
        match weighted(rng, {"follow": 4, "unfollow": 2, "subscribe": 3, "raid": 1, "tick": 1}):
            case "follow":
                yield Followed(channel_id=channel, user_id=user)
            case "unfollow":
                yield Unfollowed(channel_id=channel, user_id=user)
            case "subscribe":
                yield Subscribed(channel_id=channel, user_id=user, plan="tier1", cumulative_months=rng.randint(1, 9))
            case "raid":
                yield Raided(channel_id=channel, from_channel_id=user, viewers=rng.randrange(9))
            case _:
                yield Tick()
