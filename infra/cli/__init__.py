"""What people type: a module per command, put together in `__main__.py`."""
