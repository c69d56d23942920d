"""Bounded replay: a range of a topic or view, its digests and its manifest."""
