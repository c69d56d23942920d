"""What the commands share: settings, words to the user, and how they end."""

import json
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from infra import logs
from infra.parts import Parts
from infra.settings import Settings, SettingsError

WIDE = None if sys.stdout.isatty() else 200
"""Tables that go into a file or a pipe are not cut to the 80 columns of a terminal that is not there."""
out = Console(highlight=False, soft_wrap=True, width=WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)

FAILED = 1
"""Exit code: something is not as it should be."""
USAGE = 2
"""Exit code: the command was given wrongly."""
ABSENT = 3
"""Exit code: the system that was asked does not run."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def empty_table(*columns: str, whole: Collection[str] = ()) -> Table:
    """A table with such columns; those in `whole` are never broken into several lines."""
    made = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, no_wrap=name in whole, overflow="fold")
    return made


class CommandError(Exception):
    """A command cannot go on; the message gives cause and fix."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def settings() -> Settings:
    """The settings of the environment.

    Raises:
        CommandError: a setting has no use as it is.
    """
    try:
        return Settings.read(os.environ)
    except SettingsError as cause:
        raise CommandError(str(cause), USAGE) from cause


def running() -> Settings:
    """The settings of the system that runs.

    Raises:
        CommandError: no broker answers.
    """
    from infra.system import node  # noqa: PLC0415 - the commands that need no broker start without it

    now = settings()
    if not now.kafka and not node(now).ready():
        raise CommandError(
            f"no broker answers at {now.bootstrap}. Start the system: ./chronicast up (or set CHRONICAST_KAFKA, or the "
            "CHRONICAST_PORT_OFFSET that it was started with)",
            ABSENT,
        )
    logs.of_command()
    return now


@contextmanager
def parts() -> Iterator[Parts]:
    """Log, codec and objects of the system that runs.

    Raises:
        CommandError: no broker answers.
    """
    with Parts(running()) as found:
        yield found


def show_json(value: Any) -> None:
    """Prints a value for programs."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


def age(seconds: float) -> str:
    """A duration as people say it: `4 s`, `3 min`, `5 h`, `2 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
