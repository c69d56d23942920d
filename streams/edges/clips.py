"""The edge of clips: hands in what people ask for, on the event loop of one process."""

import asyncio
from uuid import uuid4

from msgspec.structs import replace

from schemas.errors import KeysUnavailableError
from schemas.event import Event
from schemas.events import CreateClip, RetryClip
from streams.edges.chat.text import clean
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher

KEY_TRIES = 3
"""A key that was shredded between `ready` and its use is made anew; more than once in a row it is something else."""
TITLE_MOST = 140
"""Characters of a title, as Twitch's."""


class ClipEdge:
    """Titles are sealed by their creators' keys."""

    def __init__(self, publisher: Publisher, keys: KeyRing) -> None:
        """`publisher` seals by `keys`."""
        self._publisher = publisher
        self._keys = keys

    async def create(self, asked: CreateClip) -> str:
        """Hands a request in, under a new id, its title cleaned; the id, once the log has it.

        Raises:
            InvalidCommandError: the title is too long.
            StreamingError, KeysUnavailableError: it was not taken.
        """
        clip_id = str(uuid4())
        event = replace(asked, event_id=clip_id, clip_id=clip_id, title=clean(asked.title, TITLE_MOST))
        for attempt in range(KEY_TRIES):
            await asyncio.wrap_future(self._keys.ready(event.creator_id))
            try:
                await self._append(event)
            except KeysUnavailableError:
                if attempt == KEY_TRIES - 1:
                    raise
            else:
                break
        return clip_id

    async def retry(self, channel_id: str, clip_id: str) -> None:
        """Asks for another attempt at a clip that failed.

        Raises:
            StreamingError: it was not taken.
        """
        await self._append(RetryClip(channel_id=channel_id, clip_id=clip_id))

    async def _append(self, event: Event) -> None:
        await asyncio.wrap_future(self._publisher.publish(event))
