"""`chronicast run`: one process in the foreground, as containers and service managers want it."""

import os
from typing import Annotated

import typer

from infra import system
from infra.cli.console import USAGE, CommandError, settings
from infra.nginx import NginxMissingError
from infra.settings import CHECKOUT
from streams.log_admin import ensure_topics


def run(process: Annotated[str, typer.Argument(help="Its name, as `status` shows it, such as origin.")]) -> None:
    """Run one process of the system in the foreground, in this one's place: signals reach it, and the exit code is its own."""
    now = settings()
    services = {service.name: service for stage in system.stages(now, demo=False) for service in stage}
    if process not in services:
        raise CommandError(f"there is no process {process!r} with these settings. There are: {', '.join(services)}", USAGE)
    if process not in system.SERVERS:
        ensure_topics(now.bootstrap)
    service = services[process]
    try:
        command = service.command()
    except NginxMissingError as cause:
        raise CommandError(f"{cause}") from cause
    os.chdir(CHECKOUT)
    os.execvpe(command[0], list(command), {**os.environ, **service.environment})  # noqa: S606 - the command is ours
