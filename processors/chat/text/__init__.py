"""Reads a chat text: its canonical form, blocked terms, spam, AutoMod. Pure functions."""
