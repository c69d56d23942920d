"""Who may watch a channel, and the address at which he does."""

from typing import NamedTuple

from schemas.events import ChannelProfile
from sinks.helix.errors import forbidden
from sinks.helix.views import Views
from streams.edges.passes import MATURE, SUBSCRIBER, Passes, admits, required


class Admission(NamedTuple):
    """What a playback URL begins with, before `/live/`, and for how long it opens the channel."""

    folder: str = ""
    expires_in_s: int | None = None


class Admissions:
    """Lets viewers in."""

    def __init__(self, views: Views, passes: Passes) -> None:
        self._views = views
        self._passes = passes

    def of(self, channel: ChannelProfile, viewer: ChannelProfile | None, *, mature: bool) -> Admission:
        """A pass, where the channel needs one. `mature` says that the viewer confirmed that mature content is fine.

        Raises:
            HelixError: it is not for this viewer; the message says what it takes.
        """
        needed = required(channel)
        if not needed:
            return Admission()
        granted = MATURE * mature + SUBSCRIBER * (viewer is not None and self._belongs(channel.channel_id, viewer.channel_id))
        if not admits(needed, granted):
            forbidden(_lacks(channel, viewer, granted))
        return Admission(f"/~{self._passes.issue(channel.channel_id, granted)}", self._passes.life_s)

    def own(self, channel: ChannelProfile) -> Admission:
        """For the channel's owner, who knows what is shown."""
        return self.of(channel, channel, mature=True)

    def beginning(self, channel_id: str) -> Admission:
        """For us, who fetch the stream ahead of viewers."""
        channel = self._views.accounts.by_id(channel_id)
        return Admission() if channel is None else self.own(channel)

    def _belongs(self, channel_id: str, user_id: str) -> bool:
        """Whether a user is a subscriber, moderates, or owns the channel."""
        views = self._views
        return user_id == channel_id or user_id in views.directory.subscribers(channel_id) or user_id in views.room(channel_id).moderators


def _lacks(channel: ChannelProfile, viewer: ChannelProfile | None, granted: str) -> str:
    if channel.watch_subscribers_only and SUBSCRIBER not in granted:
        who = "sign in as one" if viewer is None else f"{viewer.login} is not one of them"
        return f"{channel.login} is for subscribers only: {who}"
    return f"{channel.login} is for a mature audience: ask with mature=true once the viewer has confirmed that it is fine"
