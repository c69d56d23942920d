"""Clips: who asked for what, and what came of it."""

from processors.clips.fold import ClipsFold

CLIPS = ClipsFold()
