"""Recommendations: who watches what from the log, and which live streams to show a viewer, and why."""
