"""Which ingest node a channel publishes to: by round trip and load, from inputs that are written down with the choice."""
