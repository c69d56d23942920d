"""Coded media as the log names it: tracks, samples, CMAF, object addresses."""
