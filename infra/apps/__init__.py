"""The processes of the system, a module each: `python -m infra.apps.<name>`."""
