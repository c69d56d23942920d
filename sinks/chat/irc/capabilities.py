"""What a client may ask to be told beside the messages (IRCv3 capability negotiation)."""

from collections.abc import Sequence

from sinks.chat.irc.line import format_line

TAGS = "twitch.tv/tags"
COMMANDS = "twitch.tv/commands"
MEMBERSHIP = "twitch.tv/membership"
HISTORY = "chronicast.live/history"
"""Our own: recent messages at a JOIN, and tokens to resume by. Clients made for Twitch expect neither."""
OFFERED = (COMMANDS, MEMBERSHIP, TAGS, HISTORY)


class Capabilities:
    """Those of one connection."""

    def __init__(self) -> None:
        self._on: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._on

    def negotiate(self, params: Sequence[str]) -> str:
        """The answer to a CAP line, and what it asks for done; empty where none is due.

        A REQ is taken as a whole or not at all, and answered with the names as they were asked for.
        """
        match [param.upper() for param in params[:1]]:
            case ["LS"]:
                return format_line("CAP", "*", "LS", text=" ".join(OFFERED))
            case ["LIST"]:
                return format_line("CAP", "*", "LIST", text=" ".join(name for name in OFFERED if name in self._on))
            case ["REQ"]:
                names = " ".join(params[1:]).split()
                known = all(name.removeprefix("-") in OFFERED for name in names)
                if known:
                    for name in names:
                        (self._on.discard if name.startswith("-") else self._on.add)(name.removeprefix("-"))
                return format_line("CAP", "*", "ACK" if known else "NAK", text=" ".join(names))
        return ""
