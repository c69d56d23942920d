"""The HTTP API in the shape of Twitch's Helix: what clients made for it ask for and do. What they do goes through `sending.Sending`."""
