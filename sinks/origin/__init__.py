"""The origin: playlists, media and the read API over HTTP, from views folded in memory."""

from sinks.origin.app import VIEWS, make_app
from sinks.origin.config import OriginConfig

__all__ = ["VIEWS", "OriginConfig", "make_app"]
