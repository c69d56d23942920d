"""`chronicast bench NAME`: measures, and writes the numbers that the documents show."""

import subprocess
import sys
from typing import Annotated

import typer

from infra.cli.console import USAGE, CommandError
from infra.settings import CHECKOUT

FOLDER = CHECKOUT / "tests" / "bench"


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which; without a name all are listed.")] = "",
) -> None:
    """Run a measurement, such as `bench video`. What follows `--` goes to it."""
    names = sorted(file.stem for file in FOLDER.glob("[!_]*.py") if not file.stem.startswith(("test_", "conftest")))
    if name not in names:
        raise CommandError(f"{f'no bench {name!r}' if name else 'which one'}? There are: {', '.join(names)}", USAGE)
    raise SystemExit(subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *context.args], cwd=CHECKOUT, check=False).returncode)
