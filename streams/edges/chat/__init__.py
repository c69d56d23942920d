"""The chat edge: takes what users ask for, authenticated, and appends it as commands. It never decides."""
