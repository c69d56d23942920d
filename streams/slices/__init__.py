"""Slices of the log as files: cut, read, folded, pinned as tests."""
