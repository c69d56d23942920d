"""Who calls: access tokens of accounts, and app tokens.

An account's access token is known by its SHA-256 on the log and has all scopes. An app token stands for a client without a user: it says
client, end and a MAC under that hash, so no server has to remember it, every server knows it, and it ends with the access token. It
allows what anybody may read.
"""

import hmac
from typing import NamedTuple

from schemas.events import ChannelProfile
from streams.edges.accounts import Accounts
from streams.fold import Clock

SCOPES = (
    "channel:bot",
    "channel:manage:broadcast",
    "channel:manage:moderators",
    "channel:manage:raids",
    "channel:manage:vips",
    "channel:moderate",
    "channel:read:redemptions",
    "channel:read:subscriptions",
    "channel:read:vips",
    "chat:edit",
    "chat:read",
    "clips:edit",
    "moderation:read",
    "moderator:manage:announcements",
    "moderator:manage:automod",
    "moderator:manage:banned_users",
    "moderator:manage:blocked_terms",
    "moderator:manage:chat_messages",
    "moderator:manage:chat_settings",
    "moderator:read:blocked_terms",
    "moderator:read:chat_settings",
    "moderator:read:chatters",
    "moderator:read:followers",
    "user:bot",
    "user:edit",
    "user:manage:chat_color",
    "user:read:chat",
    "user:read:email",
    "user:read:follows",
    "user:read:moderated_channels",
    "user:read:subscriptions",
    "user:write:chat",
)
"""Those that an access token has: every one that an address of ours, or a client made for Twitch, asks for."""
USER_S = 60 * 86_400
"""What clients are told an access token has left. It ends when it is replaced."""
APP_S = 86_400
"""An app token's life: clients fetch one at their start and when it is refused."""


class Caller(NamedTuple):
    """Who calls."""

    client_id: str
    user: ChannelProfile | None
    """None for an app token."""
    owner_id: str
    """The account whose client it is."""


class Tokens:
    """Tells callers by their tokens."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def caller(self, token: str) -> Caller | None:
        """Whose token it is; None where it is nobody's."""
        user = self._accounts.by_token(token)
        if user is not None:
            return Caller(user.client_id, user, user.channel_id)
        match token.split("."):
            case ["app", user_id, end, _] if end.isdecimal() and int(end) > self._clock() // 1_000_000:
                owner = self._accounts.by_id(user_id)
                if owner is not None and hmac.compare_digest(token, _signed(owner, int(end))):
                    return Caller(owner.client_id, None, user_id)
        return None

    def app(self, client_id: str, secret: str) -> str | None:
        """An app token; None where the secret, which is the access token of the client's account, is another one's."""
        owner = self._accounts.by_token(secret)
        if owner is None or owner.client_id != client_id:
            return None
        return _signed(owner, self._clock() // 1_000_000 + APP_S)


def _signed(owner: ChannelProfile, end: int) -> str:
    told = f"app.{owner.channel_id}.{end}"
    return f"{told}.{hmac.digest((owner.access_token_hash or '').encode(), told.encode(), 'sha256').hex()}"
