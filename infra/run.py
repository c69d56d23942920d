"""The running system's note about itself: who runs, since when, in what state."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from infra.supervisor import State


class Run(msgspec.Struct):
    """What the supervisor writes and `status` reads."""

    supervisor: int
    """Process id."""
    since: float
    """Seconds since 1970."""
    demo: bool
    services: list[State]


class AlreadyRunningError(RuntimeError):
    """A system runs from this home. Operator action: use it, stop it by Ctrl-C, or give the second one another CHRONICAST_HOME."""


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds the home for one supervisor; the kernel lets go of it whatever way the holder ends.

    Raises:
        AlreadyRunningError: another one holds it.
    """
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            file.seek(0)
            raise AlreadyRunningError(
                f"a system runs from {home} already (process {file.read().strip() or 'unknown'}). Use it, stop it by Ctrl-C, "
                "or start a second one with another CHRONICAST_HOME and CHRONICAST_PORT_OFFSET"
            ) from cause
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            (folder / "state.json").unlink(missing_ok=True)


def note(home: Path, run: Run) -> None:
    """Writes the note, seen whole or not at all."""
    path = home / "run" / "state.json"
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(run))
    fresh.replace(path)


def noted(home: Path) -> Run | None:
    """The note of the system that runs; None where none does."""
    try:
        run = msgspec.json.decode((home / "run" / "state.json").read_bytes(), type=Run)
    except FileNotFoundError:
        return None
    return run if Path(f"/proc/{run.supervisor}").exists() else None
