"""Progress with the time that is left, for what takes longer than people wait without a word."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from infra.cli.console import age, err

SHOWN_AFTER_S = 2.0
"""What is done sooner needs no bar."""
LINE_S = 10.0
"""Between two lines where standard error is no terminal."""


class Progress:
    """How far one piece of work is. On standard error, so that what a command prints can be piped."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._began = time.monotonic()
        self._said = self._began
        self._bar: Bar | None = None

    def __call__(self, done: int, total: int) -> None:
        """Called as often as one likes."""
        now = time.monotonic()
        if now - self._began < SHOWN_AFTER_S:
            return
        if err.is_terminal:
            if self._bar is None:
                columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
                self._bar = Bar(*columns, console=err, transient=True)
                self._bar.start()
                self._bar.add_task(self._label, total=total)
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        elif now - self._said >= LINE_S:
            self._said = now
            left = (total - done) * (now - self._began) / done if done else None
            err.print(f"{self._label}: {done:,} of {total:,}{'' if left is None else f', {age(left)} left'}")

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """A progress for the block; call it with (done, total)."""
    shown = Progress(label)
    try:
        yield shown
    finally:
        shown.close()
