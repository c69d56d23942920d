"""Where the time between camera and screen goes, from the stamps in the events."""
