"""Chat: what is said, by whom it may be said, and what moderators decide. Not the gateways: they show what this decides."""
