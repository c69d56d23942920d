"""What a channel's players are told: a model folded from the segment events, rendered as HLS and DASH."""

from processors.playlist.broadcast import BroadcastFold
from processors.playlist.fold import PlaylistFold

PLAYLIST = PlaylistFold()
BROADCAST = BroadcastFold()
