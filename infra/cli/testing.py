"""`chronicast test`: the static checks, then the tests."""

import os
import subprocess
import sys
import time
from typing import Annotated, Literal

import typer

from infra import sizes
from infra.cli.console import FAILED, out
from infra.settings import CHECKOUT, PREFIX

COSTLY = ("broker", "flink", "media", "browser", "kill")
Tier = Literal["broker", "flink", "media", "browser", "kill"]
STATIC = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("python", "-m", "schemas.generate", "--check"),
    ("python", "-m", "infra.asyncapi", "--check"),
)
SLOWEST = ("--durations=25", "--durations-min=5")
"""The slowest tests are told at the end: whoever waits for them sees where to begin."""


def run_tests(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Without broker, Flink, ffmpeg and browser: the inner loop.")] = False,
    only: Annotated[Tier | None, typer.Option(help="One tier, without the static checks.")] = None,
) -> None:
    """Run static checks and tests. What follows `--` goes to pytest."""
    failed = [] if only else static()
    marks = only or (" and ".join(f"not {tier}" for tier in COSTLY) if fast else "")
    command = [sys.executable, "-m", "pytest", *SLOWEST, *(["-m", marks] if marks else []), *context.args]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    if subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode:
        failed.append("pytest")
    if failed:
        out.print(f"[red]failed:[/] {', '.join(failed)}")
        raise SystemExit(FAILED)


def static() -> list[str]:
    """Runs the static checks; names those that failed."""
    failed = []
    for check in STATIC:
        name, *arguments = check
        program = CHECKOUT / ".venv" / "bin" / name
        began = time.monotonic()
        done = subprocess.run([str(program), *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        out.print(f"{'[red]failed[/]' if done.returncode else '[green]passed[/]'}  {' '.join(check)}  {time.monotonic() - began:.1f} s")
        if done.returncode:
            out.print(done.stdout + done.stderr, markup=False)
            failed.append(" ".join(check))
    if problems := sizes.problems():
        out.print("\n".join(problems), markup=False)
        failed.append("sizes of modules")
    return failed
