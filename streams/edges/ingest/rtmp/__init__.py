"""RTMP (Adobe's Real Time Messaging Protocol 1.0) as a publisher needs it."""
