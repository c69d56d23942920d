"""The ingest edge: RTMP publishers in, CMAF objects and events out."""
