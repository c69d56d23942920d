"""The IRC dialect, as clients made for Twitch expect it: over WebSocket and over TCP."""
