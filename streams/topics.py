"""The topic catalogue: every topic of the product, as data. A topic that is not here is not used."""

from typing import Literal, NamedTuple

from schemas import events as e
from schemas.event import Event

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CHANNEL_PARTITIONS = 4
"""One count for all channel-keyed topics: folds over several of them are co-partitioned. Fixed per major version: a change moves keys."""


class Topic(NamedTuple):
    """A topic's contract."""

    name: str
    """`<context>.<entity>.<kind>.v<major>`."""
    key: str
    """Event field that is the record's key."""
    events: tuple[type[Event], ...]
    """Types that it carries."""
    owner: str
    """Who writes it."""
    partitions: int = CHANNEL_PARTITIONS
    retention_ms: int = 7 * DAY_MS
    """Milliseconds kept; -1 is for ever."""
    cleanup: Literal["delete", "compact"] = "delete"
    ticked: bool = False
    """Whether a Tick goes to each of its partitions."""
    tick_s: int = 1
    """Seconds between two Ticks."""
    secret: bool = False
    """Holds keys: no copy of it may outlive what is shredded, so lake, exports and slices leave it out."""
    settings: tuple[tuple[str, str], ...] = ()
    """Further broker settings, name and value."""


CATALOGUE: tuple[Topic, ...] = (
    Topic("channel.profile.state.v1", "channel_id", (e.ChannelProfile,), "account commands", retention_ms=-1, cleanup="compact"),
    Topic("channel.info.state.v1", "channel_id", (e.ChannelInfo,), "API", retention_ms=-1, cleanup="compact"),
    Topic("channel.social.events.v1", "channel_id", (e.Followed, e.Unfollowed, e.Subscribed, e.Raided), "API", retention_ms=-1),
    Topic(
        "media.stream.events.v1",
        "channel_id",
        (e.StreamStarted, e.StreamUpdated, e.StreamTierChanged, e.StreamInterrupted, e.StreamResumed, e.StreamEnded, e.IngestRejected),
        "ingest; StreamUpdated by the API",
        retention_ms=60 * DAY_MS,
    ),
    Topic("media.ingest.state.v1", "node_id", (e.IngestNode,), "ingest", partitions=1, retention_ms=-1, cleanup="compact"),
    Topic("media.route.events.v1", "channel_id", (e.IngestAssigned, e.EdgeAssigned, e.EdgesWarmed), "API"),
    Topic(
        "media.segment.events.v1",
        "channel_id",
        (e.RenditionDeclared, e.PartProduced, e.SegmentProduced),
        "ingest and media workers",
    ),
    Topic(
        "media.transcode.events.v1",
        "channel_id",
        (e.JobAssigned, e.JobPreempted, e.JobUpgraded, e.JobReleased, e.JobHandedOver, e.EncoderFailed),
        "scheduler and media workers",
    ),
    Topic(
        "media.capacity.commands.v1",
        "region",
        (
            e.TranscodeRequested,
            e.TranscodeCancelled,
            e.WorkerHeartbeat,
            e.WorkerStopped,
            e.EncoderReported,
            e.RegionConfigured,
            e.RegionReported,
        ),
        "demand view, regions view and media workers",
        retention_ms=DAY_MS,
        ticked=True,
    ),
    Topic(
        "media.region.state.v1",
        "region",
        (e.RegionPeers,),
        "region command",
        retention_ms=-1,
        cleanup="compact",
        ticked=True,
        tick_s=HOUR_MS // 1_000,  # the scheduler's topic, which keeps a day, is told anew
    ),
    Topic(
        "media.demand.events.v1",
        "region",
        (e.DemandMeasured, e.StreamScheduled, e.StreamUnscheduled),
        "scheduler view; the schedule by its command",
        retention_ms=60 * DAY_MS,  # the forecast looks back over half of it
        ticked=True,
        tick_s=300,  # a forecast is of a quarter of an hour, and made two ahead
    ),
    Topic(
        "media.forecast.events.v1",
        "region",
        (e.DemandForecast, e.ScaleOutAsked),
        "forecast view",
        retention_ms=60 * DAY_MS,
    ),
    Topic(
        "chat.message.commands.v1",
        "channel_id",
        (
            e.PostMessage,
            e.DeleteMessage,
            e.SanctionUser,
            e.LiftSanction,
            e.ClearChat,
            e.ChangeMode,
            e.ChangeTerm,
            e.ReviewMessage,
            e.GrantRole,
            e.Announce,
            e.ReportBacklog,
            e.ThrottleUser,
            e.RecordFollow,
            e.RecordSubscription,
            e.RecordRaid,
        ),
        "chat edges, pace view and society view",
        retention_ms=DAY_MS,
    ),
    Topic(
        "chat.message.events.v1",
        "channel_id",
        (
            e.MessagePosted,
            e.MessageHeld,
            e.MessageDenied,
            e.MessageRefused,
            e.MessageDeleted,
            e.ChatCleared,
            e.UserTimedOut,
            e.UserBanned,
            e.UserUnbanned,
            e.ModeChanged,
            e.RoleChanged,
            e.TermChanged,
            e.NoticePosted,
            e.CommandRefused,
            e.CommandDone,
        ),
        "chat view",
        retention_ms=2 * HOUR_MS,
    ),
    Topic("chat.room.state.v1", "channel_id", (e.RoomState,), "chat view", retention_ms=-1, cleanup="compact"),
    Topic("chat.ban.state.v1", "ban_id", (e.BanState,), "chat view", retention_ms=-1, cleanup="compact"),
    Topic("chat.user.events.v1", "user_id", (e.UserSpoke,), "chat edges", retention_ms=HOUR_MS),
    Topic("chat.fleet.commands.v1", "region", (e.GatewayReported,), "chat edges", retention_ms=DAY_MS),
    Topic("chat.fleet.events.v1", "region", (e.FleetResized,), "fleet view"),
    Topic("chat.style.state.v1", "user_id", (e.UserStyle,), "chat edges", retention_ms=-1, cleanup="compact"),
    Topic(
        "viewer.session.events.v1",
        "channel_id",
        (e.ViewerJoined, e.ViewerHeartbeat, e.ViewerLeft, e.WatchQuality),
        "origin",
        retention_ms=DAY_MS,
    ),
    Topic("features.stream.state.v1", "channel_id", (e.StreamFeatures,), "features job", retention_ms=-1, cleanup="compact"),
    Topic("features.late.events.v1", "channel_id", (e.FeatureInputLate,), "features job"),
    Topic("discovery.row.state.v1", "row", (e.EditorialRow,), "recommend command", partitions=1, retention_ms=-1, cleanup="compact"),
    Topic("discovery.impression.events.v1", "user_id", (e.RecommendationServed, e.RecommendationClicked), "API", retention_ms=30 * DAY_MS),
    Topic(
        "library.vod.events.v1",
        "channel_id",
        (e.VodArchived, e.VodTierMoved, e.VodDeleted),
        "archivist",
        retention_ms=-1,
    ),
    Topic(
        "library.vod.commands.v1",
        "channel_id",
        (e.MoveVod, e.DeleteVod, e.MakeRendition),
        "shelf view, API and CLI",
        retention_ms=60 * DAY_MS,
    ),
    Topic("library.window.events.v1", "channel_id", (e.SegmentsExpired,), "archivist"),
    Topic("library.thumbnail.events.v1", "channel_id", (e.ThumbnailProduced,), "archivist"),
    Topic(
        "library.clip.commands.v1",
        "channel_id",
        (e.CreateClip, e.RetryClip, e.FinishClip, e.FailClip),
        "API, CLI and clip worker",
        retention_ms=60 * DAY_MS,
    ),
    Topic("library.clip.events.v1", "channel_id", (e.ClipRequested, e.ClipReady, e.ClipFailed), "clips view", retention_ms=-1),
    Topic(
        "library.shelf.commands.v1",
        "shelf",
        (e.ShelveVod,),
        "archivist",
        retention_ms=-1,
        ticked=True,
        tick_s=HOUR_MS // 1_000,  # ages are counted in days
    ),
    Topic(
        "eventsub.subscription.state.v1", "subscription_id", (e.EventSubscription,), "API", partitions=1, retention_ms=-1, cleanup="compact"
    ),
    Topic("eventsub.delivery.state.v1", "subscription_id", (e.EventDelivered,), "API", partitions=1, retention_ms=-1, cleanup="compact"),
    Topic(
        "privacy.key.state.v1",
        "key_id",
        (e.SubjectKeyCreated,),
        "edges that seal personal fields",
        partitions=1,
        retention_ms=-1,
        cleanup="compact",
        secret=True,
        settings=(
            ("max.compaction.lag.ms", str(DAY_MS)),  # a shredded key leaves the disk within a day even where nobody waits for it
            ("delete.retention.ms", str(7 * DAY_MS)),  # a process that slept for less sees the tombstone when it wakes
            ("file.delete.delay.ms", "1000"),  # files that compaction replaced go at once, not after a minute
        ),
    ),
    Topic(
        "privacy.erasure.events.v1",
        "subject_id",
        (e.ErasureRequested, e.KeyDropped, e.ErasureCompleted),
        "erase command, and processes that follow the keys",
        partitions=1,
        retention_ms=-1,
    ),
    Topic(
        "view.registry.state.v1",
        "view",
        (e.ViewCutOver,),
        "rebuild command",
        partitions=1,
        retention_ms=-1,
        cleanup="compact",
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}
OF_EVENT: dict[type[Event], Topic] = {event: topic for topic in CATALOGUE for event in topic.events}
"""Where an event goes: each type belongs to one topic. A Tick has none, for it goes to every ticked one."""


def dead_letters(topic: str) -> str:
    """Name of the topic that takes what could not be processed: that of `a.b.events.v1` is `a.b.dlq.v1`, of commands `a.b-commands.dlq.v1`.

    An entity may have a topic of commands beside one of events or of state; each has dead letters of its own.
    """
    context, entity, kind, version = topic.split(".")
    return f"{context}.{entity}{'-commands' if kind == 'commands' else ''}.dlq.{version}"


PARTITIONS: dict[str, int] = {name: topic.partitions for topic in CATALOGUE for name in (topic.name, dead_letters(topic.name))}
"""Partition counts of all topics; a dead-letter topic has those of its source, so that a letter keeps its partition."""


def key_of(event: Event) -> str:
    """The event's key, by its topic's declaration.

    An IngestRejected of an unknown key has no channel: its node is the key.
    """
    key = getattr(event, OF_EVENT[type(event)].key)
    return str(key if key is not None else event.producer)
