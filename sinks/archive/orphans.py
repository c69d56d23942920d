"""Looks for objects that nothing leads to: folders of the library of which no event tells, or that everybody is through with."""

import re
from collections.abc import Iterable, Iterator

from schemas.event import Event
from schemas.events import StreamEnded, StreamStarted
from sinks.archive.config import ArchiveConfig
from sinks.archive.look import Finding
from sinks.archive.vods import Vods
from streams.media import address

FOLDER = re.compile(r"(?:clips|\d{1,20})/[\w-]{1,64}(?=/)", re.ASCII)
"""Folders of clips, sessions and VODs. The store has others beside them: the lake's, snapshots."""


def orphans(addresses: Iterable[str], told: set[str]) -> list[Finding]:
    """Objects in folders of the library that are not among those told of."""
    found = ((place, FOLDER.match(place)) for place in addresses)
    return [Finding("", place, "orphan", "") for place, folder in found if folder is not None and folder[0] not in told]


def told_of(sessions: Iterable[Event], vods: Vods, now: int, config: ArchiveConfig | None = None) -> set[str]:
    """The folders that events lead to, of all that the stream topic tells and of VODs. `now`: UTC microseconds."""
    ended = {vod.archived.session_id: vod.archived.ended_at for vod in vods.all()}
    channels = {vod.archived.session_id: vod.archived.channel_id for vod in vods.all()}
    for event in sessions:
        if isinstance(event, StreamStarted | StreamEnded):
            channels[event.session_id] = event.channel_id
        if isinstance(event, StreamEnded):
            ended[event.session_id] = event.occurred_at
    config = config or ArchiveConfig()
    since = now - config.live_us - config.reach_us
    return {folder for each, of in channels.items() for folder in _folders(of, each, vods, lately=ended.get(each, now) > since)}


def _folders(channel_id: str, session_id: str, vods: Vods, *, lately: bool) -> Iterator[str]:
    """A session's live folder, and its VOD's. `lately`: whether live names would still be taken away at their time."""
    vod_id = address.vod_id(session_id)
    if vods.gone(vod_id):
        return
    if lately or vods.get(vod_id) is None:  # the latter is still to be made
        yield address.vod(channel_id, session_id)
    yield address.vod(channel_id, vod_id)
