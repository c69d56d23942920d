"""The lake's format: where its files lie and what a commit says. Read here; written by `sinks/lake`."""
