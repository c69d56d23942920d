"""What viewers tell the platform, checked and turned into events."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from schemas.events import WatchQuality
from streams.edges.audience import Audience
from streams.edges.sessions import PATTERN, Session, Signer
from streams.publisher import Publisher

DAY_MS = 86_400_000
ChannelId = Annotated[str, Meta(pattern=r"^[0-9]{1,20}$")]
SignedId = Annotated[str, Meta(pattern=f"^{PATTERN.pattern}$")]
EventId = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Milliseconds = Annotated[int, Meta(ge=0, le=DAY_MS)]
Struct = TypeVar("Struct", bound=msgspec.Struct)


class ReportError(ValueError):
    """A viewer's message does not say what it should. The text names the field and what it takes."""


class Quality(msgspec.Struct, forbid_unknown_fields=True):
    """How playback went since the last report."""

    channel_id: ChannelId
    viewer_session_id: SignedId
    rendition: Annotated[str, Meta(pattern=r"^[0-9a-z]{1,32}$")]
    low_latency: bool
    latency_ms: Annotated[int, Meta(ge=-60_000, le=DAY_MS)]
    """Below 0 by as much as the viewer's clock is behind."""
    buffer_ms: Milliseconds
    stalls: Annotated[int, Meta(ge=0, le=10_000)]
    stalled_ms: Milliseconds
    segment_event_id: EventId | None = None


class Joining(msgspec.Struct, forbid_unknown_fields=True):
    """A visit begins."""

    channel_id: ChannelId
    device: Annotated[str, Meta(pattern=r"^(desktop|mobile|tv|embed)$")] = "desktop"


class Watching(msgspec.Struct, forbid_unknown_fields=True):
    """A visit goes on."""

    channel_id: ChannelId
    viewer_session_id: SignedId


class Leaving(msgspec.Struct, forbid_unknown_fields=True):
    """A visit ends."""

    channel_id: ChannelId
    viewer_session_id: SignedId
    watched_ms: Milliseconds


class ViewerEdge:
    """Publishes what viewers report, for channels that exist and sessions that are signed."""

    def __init__(self, publisher: Publisher, audience: Audience, signer: Signer, known: Callable[[str], bool]) -> None:
        """`known` says whether a channel id exists."""
        self._publisher = publisher
        self._audience = audience
        self._signer = signer
        self._known = known

    def quality(self, body: bytes) -> WatchQuality:
        """A report of playback.

        Raises:
            ReportError: the body is no such report.
            BacklogFullError: the log has been away for too long.
        """
        report = self._read(body, Quality)
        fields = msgspec.structs.asdict(report)
        event = WatchQuality(**{**fields, "viewer_session_id": self._session(report).viewer_session_id})
        self._publisher.publish(event)
        return event

    def joined(self, body: bytes) -> str:
        """A visit begins: its signed id, to name in what follows and in the addresses of playlists. Raises as `quality`."""
        report = self._read(body, Joining)
        signed = self._signer.begin(report.channel_id, report.device)
        session = self._signer.read(signed)
        assert session is not None
        self._audience.joined(session)
        return signed

    def watching(self, body: bytes) -> None:
        """A visit goes on, told every 30 s. Raises as `quality`."""
        self._audience.watching(self._session(self._read(body, Watching)))

    def left(self, body: bytes) -> None:
        """A visit ends. Raises as `quality`."""
        report = self._read(body, Leaving)
        self._audience.left(self._session(report), report.watched_ms)

    def _read(self, body: bytes, kind: type[Struct]) -> Struct:
        try:
            report = msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as cause:
            raise ReportError(str(cause)) from cause
        channel_id: str = report.channel_id  # type: ignore[attr-defined]
        if not self._known(channel_id):
            raise ReportError(f"there is no channel {channel_id} - at `$.channel_id`")
        return report

    def _session(self, report: Quality | Watching | Leaving) -> Session:
        session = self._signer.read(report.viewer_session_id)
        if session is None or session.channel_id != report.channel_id:
            raise ReportError("it was not given out for this channel - at `$.viewer_session_id`")
        return session
