"""A moderator's words in the JSON protocol as commands of the chat edge."""

from typing import Any

from msgspec import UNSET

from sinks.chat.dialect import Room
from sinks.chat.web.events import MODES
from sinks.chat.web.requests import Moderate
from streams.edges.accounts import Accounts


class UnknownTargetError(Exception):
    """What it is about is not there: `reason` as the chat view would give it, and a text for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def command(request: Moderate, room: Room, accounts: Accounts) -> tuple[str, dict[str, Any]]:
    """The event type's name, and the fields that say what is asked.

    Raises:
        UnknownTargetError: no such user, or the message is not among the newest.
    """
    found: tuple[str, dict[str, Any]]
    match request.do:
        case "delete":
            message = room.message(request.message_id)
            if message is None:
                raise UnknownTargetError("unknown_message", "This message is not among the newest of the chat, or is gone already.")
            found = "DeleteMessage", {"message_id": message.message_id, "user_id": message.user_id}
        case "ban":
            found = "SanctionUser", {"user_id": _user(request, accounts), "seconds": None, "reason": request.reason}
        case "timeout":
            found = "SanctionUser", {"user_id": _user(request, accounts), "seconds": request.seconds, "reason": request.reason}
        case "unban":
            found = "LiftSanction", {"user_id": _user(request, accounts)}
        case "clear":
            found = "ClearChat", {}
        case "mode":
            found = "ChangeMode", {name: value for name in MODES if (value := getattr(request, name)) is not UNSET}
        case "approve" | "refuse":
            found = "ReviewMessage", {"message_id": request.message_id, "approved": request.do == "approve"}
        case "announce":
            found = "Announce", {"text": request.text, "accent": request.accent}
        case "grant" | "revoke":
            found = "GrantRole", {"user_id": _user(request, accounts), "role": request.role, "granted": request.do == "grant"}
        case _:
            found = "ChangeTerm", {"term": request.term, "blocked": request.do == "block"}
    return found


def _user(request: Moderate, accounts: Accounts) -> str:
    account = accounts.by_login(request.user)
    if account is None:
        raise UnknownTargetError("bad_target", f"There is no user {request.user}.")
    return account.channel_id
