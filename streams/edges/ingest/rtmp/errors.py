"""What ends an RTMP connection."""


class ProtocolError(ValueError):
    """The peer broke RTMP or its bounds. Operator action: none; the peer's software is at fault, or hostile."""


class RefusedError(Exception):
    """A publish is refused, or a publisher is cut. The text is for the peer and the log; it never holds a key."""

    def __init__(self, reason: str, detail: str, channel_id: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        """As IngestRejected lists them."""
        self.channel_id = channel_id
        """Channel where the key named one."""
