"""`chronicast sql FILE`: Flink SQL over the log of the system that runs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Annotated

import typer

from infra.cli.console import USAGE, AsJson, CommandError, err, out, running
from infra.java import JARS, pyflink_environment
from infra.settings import Settings

CAUSE = re.compile(r"^(?:Caused by: |: )?(?:[a-z]\w*\.)+\w*(?:Exception|Error): (.*?)(?=^\s+at |^\t|\Z)", re.MULTILINE | re.DOTALL)
"""An exception's message: up to the trace of where it came from."""
LONGEST = 2_000
"""Characters of what Flink said that are shown where no cause is found."""


def sql(
    file: Annotated[Path, typer.Argument(help="Statements, each ended by a semicolon; - is standard input.")],
    as_json: AsJson = False,
) -> None:
    """Run Flink SQL over the log. $bootstrap, $registry and $objects in the text become those of the system that runs."""
    text = sys.stdin.read() if str(file) == "-" else read(file)
    flink(Template(text).safe_substitute(places(running())), as_json)


def flink(text: str, as_json: bool) -> None:
    """Runs statements in a Flink of their own and prints the rows that they give.

    Raises:
        CommandError: Flink refused them.
    """
    for line in rows(text):
        show(line, as_json)


def rows(text: str) -> Iterator[str]:
    """The rows that statements give in a Flink of their own, each as a line of JSON, as they come.

    Raises:
        CommandError: Flink refused them.
    """
    command = [sys.executable, "-m", "streams.flink_driver", str(JARS / "flink")]
    with TemporaryFile("w+") as said, TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        environment = {**os.environ, **pyflink_environment(Path(scratch))}
        with (
            err.status("Flink starts; its rows come as they are found ..."),
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=environment) as driver,
        ):
            assert driver.stdin is not None
            assert driver.stdout is not None
            driver.stdin.write(text)
            driver.stdin.close()
            yield from driver.stdout
        if driver.returncode:
            said.seek(0)
            raise CommandError(f"Flink refused it: {cause(said.read())}")


def cause(trace: str) -> str:
    """The innermost cause in what Flink's Java and Python say, with the lines that belong to it."""
    found = CAUSE.findall(trace)
    return (found[-1] if found else trace[-LONGEST:]).strip()


def read(file: Path) -> str:
    """A script's text."""
    try:
        return file.read_text()
    except OSError as cause:
        raise CommandError(f"{file} cannot be read: {cause.strerror}", USAGE) from cause


def places(settings: Settings) -> dict[str, str]:
    """What a script may name."""
    return {"bootstrap": settings.bootstrap, "registry": settings.registry_url, "objects": settings.objects_url}


def show(line: str, as_json: bool) -> None:
    """Prints a row."""
    if as_json:
        out.print(line, end="", markup=False)
    else:
        out.print("  ".join(f"[dim]{name}[/] {value}" for name, value in json.loads(line).items()))
