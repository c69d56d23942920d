"""The composition root: settings, processes, commands. Nothing imports it."""
