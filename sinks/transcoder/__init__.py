"""The media worker: obeys the scheduler's jobs, and makes the renditions of live sessions."""
