"""Who a client is: PASS and NICK, in either order. The token decides the login."""

import re
from typing import NamedTuple

from sinks.chat.sending import Person
from streams.edges.accounts import Accounts

ANONYMOUS = re.compile(r"justinfan[0-9]{1,20}")
"""Names of clients that only read and need no token."""
SCHEME = "oauth:"
"""What a password begins with."""
FAILED = "Login authentication failed"
MALFORMED = "Improperly formatted auth"
INVALID_NICK = "Invalid NICK"
"""The texts by which clients know that to try again is of no use."""
MAX_TOKEN = 256
"""Characters of a password that are kept: ours have 30 to 60."""
NICK = re.compile(r"[a-z0-9_]{1,64}")


class SignedIn(NamedTuple):
    """The login is over."""

    nick: str
    person: Person | None
    """None is anonymous."""


class RefusedError(Exception):
    """There is no such login. The text is for the client's NOTICE."""


class Login:
    """A login that is under way."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._password: str | None = None
        self._nick: str | None = None

    def password(self, password: str) -> SignedIn | None:
        """Takes a PASS. What follows from both; None while the other is missing.

        Raises:
            RefusedError: no account has this token.
        """
        self._password = password[:MAX_TOKEN]
        return self._outcome()

    def nick(self, nick: str) -> SignedIn | None:
        """Takes a NICK. As `password`."""
        self._nick = nick.lower()
        if not NICK.fullmatch(self._nick):
            raise RefusedError(INVALID_NICK)
        return self._outcome()

    def _outcome(self) -> SignedIn | None:
        if self._nick is None:
            return None
        if ANONYMOUS.fullmatch(self._nick):
            return SignedIn(self._nick, None)
        if self._password is None:
            return None
        if not self._password.startswith(SCHEME):
            raise RefusedError(MALFORMED)
        person = person_of(self._accounts, self._password.removeprefix(SCHEME))
        if person is None:
            raise RefusedError(FAILED)
        return SignedIn(person.login, person)


def person_of(accounts: Accounts, token: str) -> Person | None:
    """Whose token it is."""
    account = accounts.by_token(token)
    if account is None:
        return None
    return Person(account.channel_id, account.login, account.display_name, accounts.color(account.channel_id))
