"""How long work tells how far it is."""

from collections.abc import Callable

Told = Callable[[int, int], None]
"""Hears how much is done, and how much there is in all."""
