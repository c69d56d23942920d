"""The views that this build has, by name: what the commands that replay and verify take."""

from processors.chat import CHAT, PACE, SOCIETY
from processors.clips import CLIPS
from processors.directory import AUDIENCE
from processors.fleet import FLEET
from processors.forecast import FORECAST
from processors.playlist import BROADCAST, PLAYLIST
from processors.transcode import DEMAND, REGIONS, SCHEDULER
from processors.viewers import VIEWERS
from processors.vod import SHELF
from streams.errors import StreamingError
from streams.fold import Fold

DECIDING: tuple[Fold, ...] = (DEMAND, REGIONS, SCHEDULER, FORECAST, SHELF, CLIPS)
"""Folded by the Faust worker, with stores on its disk."""
CHATTING: tuple[Fold, ...] = (CHAT, PACE, SOCIETY, FLEET)
"""Folded by the chat worker, likewise."""
WORKERS = (DECIDING, CHATTING)
"""By consumer group."""
SHOWN: tuple[Fold, ...] = (PLAYLIST, BROADCAST, VIEWERS, AUDIENCE)
"""Folded in the memory of the processes that show them."""
VIEWS: dict[str, Fold] = {fold.name: fold for fold in (*DECIDING, *CHATTING, *SHOWN)}


class UnknownViewError(StreamingError):
    """No view has this name. Operator action: take one of those that the message lists."""


def view(name: str) -> Fold:
    """The fold of that name.

    Raises:
        UnknownViewError: there is none.
    """
    try:
        return VIEWS[name]
    except KeyError:
        raise UnknownViewError(f"no view is called {name}; there are {', '.join(sorted(VIEWS))}.") from None
