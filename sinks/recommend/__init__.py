"""Recommendations over HTTP: a view of the log, and the routes that the API's host mounts."""
