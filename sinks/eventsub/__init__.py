"""EventSub: events told to clients over WebSocket and by signed calls, in the shape of Twitch's."""
