"""All VODs, folded from the library's events: where each one lies, and what is told of it."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from processors.playlist.text import date_time
from processors.vod.about import About
from schemas.event import Event
from schemas.events import VodArchived, VodDeleted, VodTierMoved
from streams.fold import At
from streams.media import address

TOPIC = "library.vod.events.v1"


class Vod(msgspec.Struct, frozen=True):
    """A VOD."""

    archived: VodArchived
    """Its newest revision."""
    storage: str = "hot"

    @property
    def vod_id(self) -> str:
        """Its id."""
        return self.archived.vod_id

    @property
    def about(self) -> About:
        """Of its session."""
        made = self.archived
        return About(
            channel_id=made.channel_id,
            session_id=made.session_id,
            login=made.login,
            tier=made.tier,
            started_at=made.started_at,
            width=made.width,
            height=made.height,
            frame_rate=made.frame_rate,
            title=made.title,
            category=made.category,
            language=made.language,
            ended_at=made.ended_at,
        )

    def address(self, path: str = "") -> str:
        """Address of one of its objects; without a path its folder."""
        return address.vod(self.archived.channel_id, self.archived.vod_id, path)


class Vods:
    """By id."""

    def __init__(self) -> None:
        self._found: dict[str, Vod] = {}
        self._deleted: set[str] = set()

    def apply(self, event: Event, _: At | None = None) -> None:
        """Folds one event in; repeats and former revisions change nothing."""
        if isinstance(event, VodArchived) and event.vod_id not in self._deleted:
            before = self._found.get(event.vod_id)
            if before is None:
                self._found[event.vod_id] = Vod(event)
            elif event.revision > before.archived.revision:
                self._found[event.vod_id] = replace(before, archived=event)
        elif isinstance(event, VodTierMoved) and event.vod_id in self._found:
            self._found[event.vod_id] = replace(self._found[event.vod_id], storage=event.storage)
        elif isinstance(event, VodDeleted):
            self._deleted.add(event.vod_id)
            self._found.pop(event.vod_id, None)

    def get(self, vod_id: str) -> Vod | None:
        """A VOD that is there."""
        return self._found.get(vod_id)

    def gone(self, vod_id: str) -> bool:
        """Whether it was deleted."""
        return vod_id in self._deleted

    def all(self, login: str | None = None) -> list[Vod]:
        """Those that are there, newest first; of a channel if one is named."""
        found = (vod for vod in self._found.values() if login in {None, vod.archived.login})
        return sorted(found, key=lambda vod: (-vod.archived.started_at, vod.vod_id))


def describe(vod: Vod) -> dict[str, Any]:
    """A VOD as API and command line tell it."""
    made, folder = vod.archived, f"/vod/{vod.vod_id}"
    return {
        "vod_id": vod.vod_id,
        "session_id": made.session_id,
        "channel_id": made.channel_id,
        "login": made.login,
        "title": made.title,
        "category": made.category,
        "language": made.language,
        "tier": made.tier,
        "started_at": date_time(made.started_at),
        "ended_at": date_time(made.ended_at),
        "duration_ms": made.duration_ms,
        "storage": vod.storage,
        "size": made.size,
        "segments": made.segments,
        "renditions": list(made.renditions),
        "retention_days": made.retention_days,
        "revision": made.revision,
        "playlist": f"{folder}/master.m3u8",
        "thumbnail": f"{folder}/{address.vod_thumbnail(0)}",
        "metadata": f"{folder}/metadata.json",
    }


def fold(events: Iterable[Event]) -> Vods:
    """The VODs that some events leave."""
    found = Vods()
    for event in events:
        found.apply(event)
    return found
